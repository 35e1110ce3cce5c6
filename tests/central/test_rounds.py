"""What is late, and what an operator does: repetition, expiry, the deadline, stop and close."""

from __future__ import annotations

import pytest

from central.domain.errors import NotFound, Refused
from protocol import codes
from protocol.messages import COMMAND
from tests.central.rig import Rig


@pytest.fixture
def incident(rig: Rig) -> int:
    """An incident whose command (counter 1) is on its way to center 1; center 2 never said hello."""
    rig.greet(1)
    made = rig.alert().incident
    rig.taken()
    return made


def entries(rig: Rig, incident: int, kind: str) -> list[str]:
    """The texts of one kind on an incident's timeline."""
    return [entry["text"] for entry in rig.reader.entries_of(incident) if entry["kind"] == kind]


def sent(rig: Rig) -> list[bytes]:
    """The command frames sent since the last look."""
    return rig.frames(COMMAND.kind)


def test_the_same_frame_is_sent_again_every_three_seconds(rig: Rig, incident: int) -> None:
    """Not earlier, and octet for octet the same: the center knows a repeat by its counter."""
    first = rig.reader._db.execute("SELECT frame FROM command WHERE center = 1").fetchone()[0]
    seen = []
    for later_s in (2.5, 0.5, 2.5, 0.5):
        rig.round(later_s)
        seen.append(sent(rig))
    assert seen == [[], [first], [], [first]]
    assert [row["attempts"] for row in rig.commands(incident)] == [3, 0]


def test_commands_of_one_gateway_share_an_envelope(rig: Rig, incident: int) -> None:
    """Two centers behind one gateway cost one message of the cellular link."""
    rig.greet(2)
    rig.taken()
    rig.round(3)
    assert len(rig.broker.sent) == 1
    assert len(sent(rig)) == 2


def test_a_word_that_is_missing_is_asked_for_with_the_same_frame(rig: Rig, incident: int) -> None:
    """Accepted and then nothing for 5 s: an ack was lost on its way; the center answers the repeat with its last word."""
    (frame,) = rig.reader._db.execute("SELECT frame FROM command WHERE center = 1").fetchone()
    rig.ack(1, counter=1, status=codes.ACCEPTED, incident=incident)
    rig.round(4.9)
    assert sent(rig) == []
    rig.round(0.2)
    rig.round(5)
    assert sent(rig) == [frame, frame]
    rig.ack(1, counter=1, status=codes.SOUNDING, incident=incident)
    rig.round(34.9)
    assert sent(rig) == []
    rig.round(0.2)
    assert sent(rig) == [frame]
    rig.ack(1, counter=1, status=codes.STOPPED, incident=incident)
    rig.round(30)
    assert (sent(rig), rig.states(incident)[0]) == ([], "done")
    assert entries(rig, incident, "unknown") == []


def test_an_outcome_that_stays_unknown_is_told(rig: Rig, incident: int) -> None:
    """Once, when the frame is no longer good for a question; the order stays what the center last said."""
    rig.ack(1, counter=1, status=codes.SOUNDING, incident=incident)
    rig.round(115)
    sent(rig)
    rig.round(6)
    rig.round(60)
    assert (sent(rig), rig.states(incident)[0]) == ([], "sounding")
    assert entries(rig, incident, "unknown") == ["C000001 did not say that it stopped (counter 1)"]


def test_of_an_alarm_longer_than_its_frame_nobody_asks_for_the_end(rig: Rig) -> None:
    """A gateway refuses what has expired, and there is nothing to be told."""
    rig.greet(1)
    made = rig.alert("fire").incident
    rig.taken()
    assert rig.reader._db.execute("SELECT duration FROM command").fetchone()[0] >= 120
    rig.ack(1, counter=1, status=codes.SOUNDING, incident=made)
    rig.round(119)
    rig.round(300)
    assert (sent(rig), entries(rig, made, "unknown")) == ([], [])


def test_a_command_expires_at_its_deadline_and_it_is_told(rig: Rig, incident: int) -> None:
    """After 120 s nothing goes out any more, and the timeline says which center did not answer, and which never could."""
    rig.round(119.9)
    assert (len(sent(rig)), rig.states(incident)) == (1, ["pending", "pending"])
    rig.round(0.1)
    assert (sent(rig), rig.states(incident)) == ([], ["expired", "expired"])
    expected = ["C000001 did not answer (counter 1)", "C000002 never said hello (counter 1)"]
    assert sorted(entries(rig, incident, "expired")) == expected
    rig.round(300)
    assert (sent(rig), len(entries(rig, incident, "expired"))) == ([], 2)


def test_a_person_is_told_once_when_the_deadline_passes(rig: Rig, incident: int) -> None:
    """120 s after the alert at the latest, and the text says whether anything sounded."""
    rig.round(119.9)
    assert entries(rig, incident, "attention") == []
    rig.round(0.1)
    rig.round(1)
    assert entries(rig, incident, "attention") == ["deadline passed: nothing sounded and nobody acknowledged"]


def test_the_deadline_of_a_sounding_incident_says_that_nobody_acknowledged(rig: Rig, incident: int) -> None:
    """A siren is not a person."""
    rig.ack(1, counter=1, status=codes.SOUNDING, incident=incident)
    rig.round(120)
    assert entries(rig, incident, "attention") == ["deadline passed: nobody acknowledged"]


@pytest.mark.parametrize("how", ["acknowledge", "close"])
def test_an_incident_that_a_person_has_calls_for_no_attention(rig: Rig, incident: int, how: str) -> None:
    """Acknowledged or closed in time, the deadline passes in silence."""
    more = ("founded",) if how == "close" else ()
    rig.run(getattr(rig.operators, how)(1, incident, "Ana", *more))
    rig.round(121)
    assert entries(rig, incident, "attention") == []


def test_every_act_is_stamped_with_who_did_it(rig: Rig, incident: int) -> None:
    """The timeline names the operator, and how it ended."""
    rig.run(rig.operators.acknowledge(1, incident, "Ana"))
    rig.run(rig.operators.close(1, incident, "Beto", "founded"))
    last = [(row["kind"], row["actor"], row["text"]) for row in rig.reader.entries_of(incident)[-2:]]
    assert last == [("acknowledged", "operator Ana", ""), ("closed", "operator Beto", "founded")]


def test_what_is_closed_stays_closed(rig: Rig, incident: int) -> None:
    """Neither an acknowledgement nor a second end changes it."""
    rig.run(rig.operators.close(1, incident, "Ana", "mistake"))
    for again in (rig.operators.acknowledge(1, incident, "Ana"), rig.operators.close(1, incident, "Ana", "founded")):
        with pytest.raises(Refused, match="closed"):
            rig.run(again)
    assert len(entries(rig, incident, "closed")) == 1


def test_an_unknown_disposition_or_municipality_is_refused(rig: Rig, incident: int) -> None:
    """Nothing of another municipality can be seen or touched."""
    with pytest.raises(Refused, match="founded"):
        rig.run(rig.operators.close(1, incident, "Ana", "whatever"))
    for act in (rig.operators.acknowledge, rig.operators.stop):
        with pytest.raises(NotFound):
            rig.run(act(2, incident, "Beto"))
    assert rig.state(incident) == "open"


def test_a_closed_incident_sends_nothing_more(rig: Rig, incident: int) -> None:
    """A command that nobody answered is given up when the incident ends."""
    rig.run(rig.operators.close(1, incident, "Ana", "mistake"))
    rig.round(3)
    assert (sent(rig), rig.states(incident)[0]) == ([], "expired")


def test_a_closed_incident_starts_no_siren_after_a_reboot(rig: Rig, incident: int) -> None:
    """The center that comes back after the end finds nothing to do."""
    rig.run(rig.operators.close(1, incident, "Ana", "mistake"))
    rig.centers[1].reboot()
    rig.greet(1)
    assert sent(rig) == []


def test_a_closed_incident_is_not_healed(rig: Rig, incident: int) -> None:
    """A stale frame of what is over is not made fresh."""
    rig.run(rig.operators.close(1, incident, "Ana", "mistake"))
    rig.ack(1, counter=1, status=codes.STALE, incident=incident)
    assert sent(rig) == []


def test_stop_commands_silence_and_raises_no_activation(rig: Rig, incident: int) -> None:
    """Its frame is a stop with the pair that sounded; nothing in it could start anything."""
    rig.ack(1, counter=1, status=codes.SOUNDING, incident=incident)
    assert rig.run(rig.operators.stop(1, incident, "Ana")) == 2
    (frame,) = sent(rig)
    stop = rig.centers[1].command(frame)
    assert (stop.action, stop.incident, stop.activation, stop.duration) == (codes.STOP, incident, 1, 0)
    assert stop.counter > 1


def test_what_had_not_sounded_does_not_start_after_the_stop(rig: Rig, incident: int) -> None:
    """The order on its way is void, in rounds, after a reboot, and when the center asks for a fresh frame."""
    rig.run(rig.operators.stop(1, incident, "Ana"))
    rig.taken()
    rig.round(3)
    rig.ack(1, counter=1, status=codes.STALE, incident=incident)
    rig.greet(2)
    rig.centers[1].reboot()
    rig.greet(1)
    taken = [frame for frame in sent(rig) if len(frame) == COMMAND.size]
    assert {COMMAND.peek(frame).action for frame in taken} == {codes.STOP}


def test_stop_works_after_the_incident_was_closed(rig: Rig, incident: int) -> None:
    """A siren that still sounds is silenced whatever the screen says, and until the center answers."""
    rig.ack(1, counter=1, status=codes.SOUNDING, incident=incident)
    rig.run(rig.operators.close(1, incident, "Ana", "mistake"))
    rig.run(rig.operators.stop(1, incident, "Ana"))
    (first,) = sent(rig)
    rig.round(3)
    assert sent(rig) == [first]
    rig.ack(1, counter=2, status=codes.STOPPED, incident=incident)
    rig.round(3)
    assert sent(rig) == []


def test_a_stop_ends_when_its_minute_is_over(rig: Rig, incident: int) -> None:
    """A stop that nobody answered expires like any command, and it is told."""
    rig.run(rig.operators.stop(1, incident, "Ana"))
    rig.round(60)
    assert len([text for text in entries(rig, incident, "expired") if "C000001" in text]) == 1


def test_an_envelope_holds_forty_frames_at_most(rig: Rig, incident: int) -> None:
    """A batch of a whole city is cut to what the broker takes in one packet."""
    frame = rig.reader._db.execute("SELECT frame FROM command WHERE center = 1").fetchone()[0]
    sealer = rig.rounds._sealer
    made = rig.run(rig.writer.write(lambda unit: sealer.envelopes(unit, [(1, frame)] * 85)))
    assert [len(rig.gateways[1].open(octets)) for _, octets in made] == [40, 40, 5]


def test_what_waits_goes_out_when_the_broker_comes_back(rig: Rig, incident: int) -> None:
    """At once, without waiting for its turn; what was answered or was never sealed stays where it is."""
    rig.taken()
    rig.run(rig.rounds.link_up())
    (frame,) = rig.frames(COMMAND.kind)
    assert rig.centers[1].command(frame).incident == incident
    rig.ack(1, counter=1, status=codes.ACCEPTED, incident=incident)
    rig.run(rig.rounds.link_up())
    assert rig.frames(COMMAND.kind) == []
    assert rig.states(incident) == ["accepted", "pending"]


def test_a_closed_incident_is_not_sent_again_whoever_closed_it(rig: Rig, incident: int) -> None:
    """The round asks the incident itself, besides what closing did to its orders."""
    rig.taken()
    rig.run(rig.writer.write(lambda unit: unit.set_incident_state(incident, "closed")))
    rig.round(3)
    assert (rig.frames(COMMAND.kind), rig.states(incident)) == ([], ["expired", "pending"])
