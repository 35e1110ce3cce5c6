"""The message center: what becomes of a message between two modems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from modem.pdu import Deliver, StatusReport, Submit
from simulator.modem.center import Center, Phone, Refusal
from simulator.modem.journal import Journal
from tests.simulator.modem.bench import ONE, START, TWO, VirtualClock

FRAME = bytes(range(140))


@dataclass
class Handset:
    """A subscriber whose reach and room the test decides."""

    number: str
    sms_service: bool = True
    reachable: bool = True
    has_room: bool = True
    messages: list[Deliver | StatusReport] = field(default_factory=list)

    def take(self, message: Deliver | StatusReport, done: Callable[[bool], None]) -> None:
        if self.has_room:
            self.messages.append(message)
        done(self.has_room)


def city() -> tuple[VirtualClock, Center, Handset, Handset]:
    clock = VirtualClock()
    center = Center(clock, Journal())
    one, two = Handset(ONE), Handset(TWO)
    center.join(one)
    center.join(two)
    return clock, center, one, two


def send(center: Center, sender: Handset, *payloads: bytes | str, **more: object) -> None:
    for payload in payloads:
        center.submit(sender, Submit(TWO, payload, **more))  # type: ignore[arg-type]


def payloads(handset: Handset) -> list[bytes | str]:
    return [message.payload for message in handset.messages if isinstance(message, Deliver)]


def test_octets_arrive_as_they_were_sent_with_the_centers_time() -> None:
    """A message of 140 octets comes to the other number unchanged."""
    clock, center, one, two = city()
    send(center, one, FRAME)
    clock.advance(1)
    assert [Deliver(ONE, FRAME, START)] == two.messages


def test_what_waits_for_a_number_comes_in_order_once_it_is_reachable() -> None:
    """Messages to a modem that is off wait, and come in the order of sending."""
    clock, center, one, two = city()
    two.reachable = False
    send(center, one, "a", "b", "c")
    clock.advance(60)
    assert (payloads(two), center.waiting(TWO)) == ([], 3)
    two.reachable = True
    center.available(TWO)
    clock.advance(1)
    assert payloads(two) == ["a", "b", "c"]


def test_a_full_storage_keeps_the_message_at_the_center() -> None:
    """A message that is not taken is offered again by itself."""
    clock, center, one, two = city()
    two.has_room = False
    send(center, one, "a")
    clock.advance(10)
    two.has_room = True
    clock.advance(30)
    assert payloads(two) == ["a"]


def test_a_message_is_thrown_away_when_its_validity_is_over() -> None:
    """After five minutes nothing comes, and the sender is told 0x46."""
    clock, center, one, two = city()
    two.reachable = False
    center.submit(one, Submit(TWO, "late", 300, report=True, reference=7))
    clock.advance(301)
    two.reachable = True
    center.available(TWO)
    clock.advance(60)
    assert two.messages == []
    assert [(r.reference, r.number, r.status) for r in one.messages if isinstance(r, StatusReport)] == [(7, TWO, 0x46)]


def test_a_report_is_sent_on_delivery_to_who_asked_for_one() -> None:
    """A status report says delivered, for the reference of the message, and only where it was wanted."""
    clock, center, one, _two = city()
    center.submit(one, Submit(TWO, "a", report=True, reference=9))
    center.submit(one, Submit(TWO, "b", reference=10))
    clock.advance(4 * 86400)
    assert [StatusReport(9, TWO, START, START, 0)] == one.messages


def test_a_number_that_nobody_has_is_reported_as_not_obtainable() -> None:
    """The report says 0x43 when the validity is over."""
    clock, center, one, _ = city()
    center.submit(one, Submit("+5492610000001", "a", 300, report=True))
    clock.advance(301)
    assert [report.status for report in one.messages if isinstance(report, StatusReport)] == [0x43]


def test_delay_loss_duplication_and_a_lost_report() -> None:
    """Each fault does what its name says, for as many messages as its count."""
    clock, center, one, two = city()
    center.faults.arm("delay", 20, count=1)
    send(center, one, "late", "soon")
    clock.advance(1)
    assert payloads(two) == ["soon"]
    clock.advance(20)
    assert payloads(two) == ["soon", "late"]
    center.faults.arm("lose", count=1)
    send(center, one, "lost")
    center.faults.arm("duplicate", count=1)
    center.faults.arm("no_report", count=1)
    send(center, one, "twice", report=True)
    clock.advance(60)
    assert payloads(two) == ["soon", "late", "twice", "twice"]
    assert one.messages == []


def test_a_reordered_message_comes_after_the_next_one() -> None:
    """The first waits for the second to pass, or comes by itself after half a minute."""
    clock, center, one, two = city()
    center.faults.arm("reorder", count=2)
    send(center, one, "first", "second")
    clock.advance(1)
    assert payloads(two) == ["second", "first"]
    send(center, one, "alone")
    clock.advance(29)
    assert payloads(two) == ["second", "first"]
    clock.advance(2)
    assert payloads(two) == ["second", "first", "alone"]


def test_a_network_that_carries_only_text() -> None:
    """8-bit data is refused, or comes as a text that is not it; text passes."""
    clock, center, one, two = city()
    center.faults.arm("text_only", "refuse", count=1)
    with pytest.raises(Refusal) as refusal:
        send(center, one, b"\x00AB\xff")
    assert refusal.value.cause == 29
    center.faults.arm("text_only")
    send(center, one, b"\x00AB\xff", "text")
    clock.advance(1)
    assert payloads(two) == ["?AB?", "text"]


def test_a_subscription_without_short_messages_sends_and_gets_none() -> None:
    """Its sender is refused with 50; what is for it waits."""
    clock, center, one, two = city()
    one.sms_service = two.sms_service = False
    with pytest.raises(Refusal) as refusal:
        send(center, one, "a")
    assert refusal.value.cause == 50
    center.inject(ONE, TWO, "b")
    clock.advance(100)
    assert two.messages == []


def test_a_fault_refuses_with_the_cause_that_was_asked_for() -> None:
    """A refused message goes nowhere."""
    clock, center, one, two = city()
    center.faults.arm("refuse", 42, count=1)
    with pytest.raises(Refusal) as refusal:
        send(center, one, "a")
    assert refusal.value.cause == 42
    clock.advance(10)
    assert two.messages == []


def test_a_number_dialled_without_its_country_finds_its_modem() -> None:
    """The end of a number is enough when only one has it; what two have is nobody's."""
    clock, center, one, two = city()
    center.submit(one, Submit("2612222222", "national"))
    center.submit(one, Submit("02612222222", "with a zero"))
    clock.advance(1)
    assert payloads(two) == ["national", "with a zero"]
    center.join(Handset("+5982612222222"))
    center.submit(one, Submit("2612222222", "ambiguous"))
    clock.advance(1)
    assert len(two.messages) == 2


def test_hundreds_of_waiting_messages_all_come() -> None:
    """A queue of a thousand is emptied in order, whatever its length."""
    clock, center, _one, _two = city()
    phone = Phone("+5492615555555")
    sent = [str(n) for n in range(1000)]
    for text in sent:
        center.inject(ONE, phone.number, text)
    center.join(phone)
    clock.advance(1)
    assert sent == [message.payload for message in phone.messages if isinstance(message, Deliver)]


def test_both_of_a_duplicated_message_expire() -> None:
    """Nothing of it comes after its validity, whichever copy is first."""
    clock, center, one, two = city()
    two.reachable = False
    center.faults.arm("duplicate", count=1)
    send(center, one, "twice", validity_s=300)
    clock.advance(301)
    two.reachable = True
    center.available(TWO)
    clock.advance(60)
    assert (two.messages, center.waiting(TWO)) == ([], 0)
