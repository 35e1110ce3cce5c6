"""The whole gateway with a modem on a pty and no MQTT to central: commands, acks and times by SMS, through a message center."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modem.pdu import Deliver
from modem.text import from_text, to_text
from protocol import codes, countersign, gateway, hop
from protocol.layout import kind_of
from protocol.messages import HELLO, KIND_ACK, KIND_ACKS
from simulator.modem.modems import Modems
from tests.gateway import frames
from tests.gateway.rig import Neighbourhood

OWN, CENTRAL, STRANGER = "+5492611111111", "+5492612222222", "+5492619999999"
FIRST = 1 << 24 | 1
WAIT_S = 30.0


@pytest.fixture
def modems() -> Iterator[Modems]:
    """The gateway's modem; central's number is a telephone that takes everything."""
    with Modems([OWN]) as made:
        made.center.phone(CENTRAL)
        yield made


def started(neighbourhood: Neighbourhood, modems: Modems, **sms: object):  # type: ignore[no-untyped-def]
    """A gateway whose central broker is not there."""
    neighbourhood.central_broker.stop()
    section: dict[str, object] = {"device": modems[0].path, "numbers": [CENTRAL], **sms}
    made, log = neighbourhood.gateway(1, sms=section)
    log.until("modem_health")
    return made, log


def at_central(modems: Modems, count: int) -> list[bytes]:
    """The first messages that reached central's number."""
    modems.wait(CENTRAL, "delivered", count=count, timeout_s=WAIT_S)
    found = [message.payload for message in modems.center.received(CENTRAL) if isinstance(message, Deliver)]
    return [payload for payload in found if isinstance(payload, bytes)]


def test_a_press_reaches_central_by_sms_with_its_signature(neighbourhood: Neighbourhood, modems: Modems) -> None:
    """And central's receipt by SMS makes the gateway forget it; what came is deleted from the card."""
    made, log = started(neighbourhood, modems)
    center = neighbourhood.center()
    press = frames.ack(counter=0, sequence=1, status=codes.PANIC)
    center.up(press)
    (octets,) = at_central(modems, 1)
    message = countersign.unpack(octets)
    assert (message.ack, message.sequence, message.bearer) == (press, FIRST, codes.BEARER_SMS)
    receipt = hop.seal(frames.hop_keys().down, 1, 1, [hop.receipt(hop.Receipt(FIRST, 0))])
    modems.center.inject(CENTRAL, OWN, receipt)
    assert log.until("acks_confirmed")["bearer"] == "sms"
    modems.wait(OWN, "command", "+CMGD")
    assert (len(made.state.schedule), modems[0].stored["ME"]) == (0, [])


def test_a_command_by_sms_is_obeyed_whatever_number_it_seems_to_come_from(
    neighbourhood: Neighbourhood, modems: Modems
) -> None:
    """The seal counts; a forged one from central's own number, and a text, move nothing."""
    _, log = started(neighbourhood, modems)
    center = neighbourhood.center()
    forged = hop.seal(frames.hop_keys().up, 1, 1, [frames.command(counter=7)])
    modems.center.inject(CENTRAL, OWN, forged)
    modems.center.inject(CENTRAL, OWN, "hola, ¿esto es la alarma?")
    good = frames.command()
    modems.center.inject(STRANGER, OWN, hop.seal(frames.hop_keys().down, 1, 2, [good]))
    assert center.next_down()[0] == good
    assert log.until("refused")["reason"] == "bad tag"
    log.until("sms_not_ours")


def test_where_only_text_is_carried_the_same_octets_go_as_text(neighbourhood: Neighbourhood, modems: Modems) -> None:
    """Base64 both ways."""
    started(neighbourhood, modems, text=True)
    center = neighbourhood.center()
    center.up(frames.ack(counter=0, sequence=1, status=codes.PANIC))
    modems.wait(CENTRAL, "delivered")
    (message,) = modems.center.received(CENTRAL)
    assert isinstance(message, Deliver) and isinstance(message.payload, str)
    octets = from_text(message.payload)
    assert octets is not None and countersign.unpack(octets).sequence == FIRST
    good = frames.command()
    modems.center.inject(CENTRAL, OWN, to_text(hop.seal(frames.hop_keys().down, 1, 2, [good])))
    assert center.next_down()[0] == good


def test_acks_and_a_hello_go_by_sms(neighbourhood: Neighbourhood, modems: Modems) -> None:
    """Every ack arrives, alone or two in an envelope; a hello is one too, so that central can answer with the time."""
    _, log = started(neighbourhood, modems)
    center = neighbourhood.center()
    acks = [frames.ack(sequence=sequence) for sequence in (1, 2, 3)]
    center.up(frames.hello(authority=codes.CENTRAL))
    log.until("hello_passed_up")
    for ack in acks:
        center.up(ack)
    found: set[bytes] = set()
    messages = 0
    while not found >= {*acks, frames.hello(authority=codes.CENTRAL)}:
        messages += 1
        for octets in at_central(modems, messages):
            found |= said(octets)


def said(octets: bytes) -> set[bytes]:
    """The centers' sealed frames in one short message."""
    if kind_of(octets) == KIND_ACK:
        return {countersign.unpack(octets).ack}
    inner = hop.open(frames.hop_keys().up, octets).frames
    batched = [ack for frame in inner if kind_of(frame) == KIND_ACKS for ack in gateway.read_acks(frame).acks]
    return {*batched, *[frame for frame in inner if kind_of(frame) == HELLO.kind]}


def test_the_status_tells_of_the_modem(neighbourhood: Neighbourhood, modems: Modems) -> None:
    """Operator, technology, signal, and whether it serves."""
    made, log = started(neighbourhood, modems)
    center = neighbourhood.center()
    center.up(frames.ack(counter=0, sequence=1, status=codes.PANIC))
    log.until("sms_sent")
    state = made._sms.state()
    assert (state["ready"], state["card"], state["registration"]) == (True, "READY", "home")
    assert state["signal_dbm"] is not None and state["operator"]
    assert made.ailing(60) == []
