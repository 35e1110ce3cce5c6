"""An alert comes in: what is saved, what is commanded, and what is the same alert."""

from __future__ import annotations

import pytest

from central.domain.errors import UnknownClass
from protocol.codes import ACTIVATE, FLOODLIGHT, SIREN, SOUNDING, STROBE
from protocol.errors import BadTag
from protocol.messages import COMMAND
from tests.central.rig import AWAY, HOME, NOW, Rig


def test_an_alert_becomes_one_command_for_each_center_of_the_group(rig: Rig) -> None:
    """Each center gets a frame under its own key, with every field of the contract."""
    rig.greet(1)
    rig.greet(2)
    rig.taken()
    recorded = rig.alert("medical", position=HOME)
    taken = rig.taken()
    assert [gateway for gateway, _ in taken] == [1, 1]
    for center, (_, frame) in zip((1, 2), taken, strict=True):
        command = rig.centers[center].command(frame)
        expected = (0, 0, center, 1, 1, int(NOW), 120, recorded.incident, 1, 2, ACTIVATE | SIREN | STROBE | FLOODLIGHT)
        assert (*expected, 15, 0) == tuple(command)


def test_a_command_opens_under_no_other_key(rig: Rig) -> None:
    """The frame of one center is noise to its neighbour, and to the same center after its next start."""
    rig.greet(1)
    rig.taken()
    rig.alert()
    (frame,) = rig.frames(COMMAND.kind)
    rig.centers[2].nonce = rig.centers[1].nonce
    with pytest.raises(BadTag):
        rig.centers[2].command(frame)
    rig.centers[1].reboot()
    with pytest.raises(BadTag):
        rig.centers[1].command(frame)


def test_the_same_alert_twice_is_one_incident_and_one_command(rig: Rig) -> None:
    """A retry is answered with what the first was answered, and nothing more goes out."""
    rig.greet(1)
    rig.taken()
    first = rig.alert(id="retried-1")
    assert len(rig.frames(COMMAND.kind)) == 1
    rig.clock.at += 5
    again = rig.alert(id="retried-1")
    expected = (first.incident, True, first.received, first.plan)
    assert expected == (again.incident, again.repeated, again.received, again.plan)
    assert rig.taken() == []
    assert rig.states(first.incident) == ["pending", "pending"]


def test_three_presses_are_one_activation(rig: Rig) -> None:
    """Neighbours who press for the same thing join the incident; the siren starts once."""
    rig.greet(1)
    rig.taken()
    incidents = {rig.alert().incident for _ in range(3)}
    (frame,) = rig.frames(COMMAND.kind)
    assert rig.centers[1].command(frame).activation == 1
    (incident,) = incidents
    assert {1} == {row["activation"] for row in rig.commands(incident)}
    assert rig.kinds(incident) == ["opened", "commanded", "commanded", "joined", "joined"]


def test_another_class_or_group_or_time_is_another_incident(rig: Rig) -> None:
    """Only presses of one class in one group within the grouping time belong together."""
    first = rig.alert("general").incident
    others = {rig.alert("fire").incident, rig.alert("general", group=2).incident}
    rig.clock.at += 900
    others.add(rig.alert("general").incident)
    assert len({first, *others}) == 4


def test_an_alert_after_the_incident_closed_opens_another(rig: Rig) -> None:
    """What is over is over: the next press sounds again."""
    first = rig.alert().incident
    rig.run(rig.operators.close(1, first, "Ana", "mistake"))
    second = rig.alert().incident
    assert (first != second, rig.states(second)) == (True, ["pending", "pending"])


def test_an_away_alert_followed_by_one_from_home_commands(rig: Rig) -> None:
    """The first alert moved nothing, so the first that may move something does, in the same incident."""
    rig.greet(1)
    rig.taken()
    away = rig.alert(position=AWAY, group=1)
    assert (rig.taken(), rig.states(away.incident)) == ([], [])
    home = rig.alert(position=HOME)
    assert away.incident == home.incident
    assert len(rig.frames(COMMAND.kind)) == 1


def test_a_late_alert_followed_by_a_fresh_one_commands(rig: Rig) -> None:
    """A late alert is for the operators; it does not swallow the next one."""
    late = rig.alert(age_s=181)
    assert rig.states(late.incident) == []
    fresh = rig.alert(age_s=2)
    assert (late.incident, ["pending", "pending"]) == (fresh.incident, rig.states(late.incident))


def test_a_silent_class_sends_nothing_to_any_center(rig: Rig) -> None:
    """Gender violence is saved and on the operators' timeline, and not one octet leaves."""
    for center in (1, 2, 3):
        rig.greet(center)
    rig.taken()
    recorded = rig.alert("gender_violence", position=HOME)
    assert (rig.taken(), rig.states(recorded.incident), rig.kinds(recorded.incident)) == ([], [], ["opened"])
    rig.round(3)
    assert rig.taken() == []


def test_an_alert_without_a_group_is_for_the_operators(rig: Rig) -> None:
    """Nobody's street is woken for a place that no group holds, and the alert is not lost."""
    recorded = rig.alert(position=AWAY)
    assert (recorded.plan, rig.state(recorded.incident)) == (["no group for this alert: operators only"], "open")


def test_an_unknown_class_is_refused_and_nothing_is_saved(rig: Rig) -> None:
    """The sentence names the classes that there are."""
    before = rig.snapshot()
    with pytest.raises(UnknownClass, match="general"):
        rig.alert("tsunami")
    assert before == rig.snapshot()


def test_what_the_broker_lost_is_in_the_database(rig: Rig) -> None:
    """With no broker the alert is recorded all the same, and goes out with a later round."""
    rig.greet(1)
    rig.taken()
    rig.broker.down = True
    rig.alert()
    rig.broker.down = False
    rig.round(3)
    assert len(rig.frames(COMMAND.kind)) == 1


def test_two_alerts_without_a_group_are_two_incidents(rig: Rig) -> None:
    """Nothing says that they are in the same trouble: neither may hide behind the other's acknowledgement."""
    assert len({rig.alert("gender_violence", position=AWAY).incident for _ in range(2)}) == 2


def test_a_later_press_asks_again_who_never_answered(rig: Rig) -> None:
    """Under the same pair, with a new counter and time; a center that did answer is left alone."""
    rig.greet(1)
    rig.greet(2)
    rig.taken()
    incident = rig.alert().incident
    rig.taken()
    rig.ack(1, counter=1, status=SOUNDING, incident=incident)
    rig.round(120)
    rig.taken()
    again = rig.alert()
    (frame,) = rig.frames(COMMAND.kind)
    command = rig.centers[2].command(frame)
    assert (incident, incident, 1, 2, 120) == (
        again.incident, command.incident, command.activation, command.counter, command.ttl
    )  # fmt: skip
    assert rig.states(incident) == ["sounding", "superseded", "pending"]


@pytest.mark.parametrize("did", ["acknowledge", "stop"])
def test_a_later_press_starts_nothing_that_a_person_has_or_silenced(rig: Rig, did: str) -> None:
    """It is on the timeline for whoever has it."""
    rig.greet(1)
    incident = rig.alert().incident
    rig.round(120)
    rig.run(getattr(rig.operators, did)(1, incident, "Ana"))
    rig.taken()
    assert (rig.alert().incident, rig.frames(COMMAND.kind)) == (incident, [])
    assert rig.kinds(incident)[-1] == "joined"


def test_a_late_press_does_not_ask_again(rig: Rig) -> None:
    """Nor does one from away."""
    rig.greet(1)
    incident = rig.alert().incident
    rig.round(120)
    rig.taken()
    assert {rig.alert(age_s=181).incident, rig.alert(position=AWAY, group=1).incident} == {incident}
    assert rig.frames(COMMAND.kind) == []


def test_two_silent_alerts_of_one_group_are_two_incidents(rig: Rig) -> None:
    """The second person in danger must not vanish in an incident that an operator already has."""
    first, second = rig.alert("gender_violence"), rig.alert("gender_violence")
    assert first.incident != second.incident
    assert len(rig.reader.incidents(1)) == 2
