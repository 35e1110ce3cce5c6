"""Centers as they speak, through the real flows and the real store, on a virtual clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.domain.presence import Presence
from gateway.ports import LOCAL, UPLINK
from protocol import codes, hop, report
from protocol.hop import Presence as Told
from protocol.hop import read_digest, read_presence
from protocol.keys import center_pairs
from protocol.messages import HELLO, KIND_DIGEST, KIND_PRESENCE, KIND_REPORT, TIME
from protocol.report import Report
from protocol.topics import topic
from tests.gateway import frames
from tests.gateway.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A gateway on paper, its local side up."""
    made = Desk(tmp_path)
    made.link(LOCAL, True)
    made.tick()
    return made


def told(desk: Desk) -> list[tuple[int, int]]:
    """Every (center, up) that was told to central."""
    return [(word.center, word.up) for word in map(read_presence, desk.frames(KIND_PRESENCE))]


def last_will(desk: Desk, value: bytes = b"0") -> None:
    """What the local broker publishes when center 1's connection breaks."""
    desk.turns.turn([desk.received(LOCAL, topic("C000001", "link"), value)])


def test_a_local_hello_gets_the_local_time_under_the_local_key(desk: Desk) -> None:
    """The answer names the request, is bound to this boot's nonce, and kills all local counters used before."""
    desk.up(frames.hello(local=17, request=5))
    (frame,) = desk.passed()
    pair = center_pairs(frames.center_root(1), 1, 0)[codes.LOCAL]
    answer = TIME.open(pair.down, frame, frames.NONCE)
    assert (answer.time, answer.floor, answer.request) == (desk.clock.wall, 17, 5)


def test_a_local_hello_is_answered_while_central_cannot_be_reached(desk: Desk) -> None:
    """Local panic must work when the uplink is down."""
    desk.link(UPLINK, False)
    desk.up(frames.hello())
    assert len(desk.passed()) == 1


def test_a_clock_that_cannot_be_right_gives_no_time(desk: Desk) -> None:
    """A gateway that woke up in 1970 says nothing, and says why."""
    desk.clock.is_sane = False
    desk.up(frames.hello())
    assert desk.passed() == []
    assert "clock" in desk.state.faults
    desk.clock.is_sane = True
    desk.up(frames.hello())
    assert (len(desk.passed()), desk.state.faults) == (1, {})


def test_a_forged_local_hello_gets_no_answer_and_is_no_sign_of_life(desk: Desk) -> None:
    """The seal is verified before anything else."""
    desk.up(frames.hello()[:-1] + b"\0")
    assert (desk.passed(), told(desk)) == ([], [])


@pytest.mark.parametrize("old", [{"boot": 1}, {"boot": 2, "nonce": b"other 2!"}])
def test_a_hello_of_an_earlier_boot_is_a_recording(desk: Desk, tmp_path: Path, old: dict[str, object]) -> None:
    """Only a higher boot count, or the same one with the same nonce, is believed; also after a restart."""
    desk.up(frames.hello(boot=2, nonce=b"boot two"))
    desk.passed()
    desk.up(frames.hello(**old))  # type: ignore[arg-type]
    assert desk.passed() == []
    desk.store.close()
    again = Desk(tmp_path)
    again.up(frames.hello(**old))  # type: ignore[arg-type]
    assert again.passed() == []
    again.up(frames.hello(boot=2, nonce=b"boot two"))
    assert len(again.passed()) == 1


def test_the_floor_never_goes_down(desk: Desk, tmp_path: Path) -> None:
    """A center that lost its flash does not bring used local counters back."""
    desk.up(frames.hello(local=17))
    desk.up(frames.hello(boot=2, nonce=b"boot two", local=0))
    frame = desk.passed()[-1]
    pair = center_pairs(frames.center_root(1), 1, 0)[codes.LOCAL]
    assert TIME.open(pair.down, frame, b"boot two").floor == 17


@pytest.mark.parametrize("authority", [codes.CENTRAL, codes.DRILL])
def test_a_hello_for_central_passes_up_unchanged(desk: Desk, authority: int) -> None:
    """With the next tick."""
    desk.up(frames.hello(authority=authority))
    desk.tick()
    assert desk.frames(HELLO.kind) == [frames.hello(authority=authority)]


def test_the_hellos_of_one_moment_share_an_envelope(desk: Desk) -> None:
    """A center says one to each authority: what both cost together on the line is hardly more than one."""
    desk.uplink.sent.clear()
    hellos = [frames.hello(center, authority) for center in frames.MINE for authority in (codes.CENTRAL, codes.DRILL)]
    desk.up(*hellos[:2])
    desk.up(*hellos[2:], name="C000002")
    desk.tick()
    (octets,) = desk.uplink.sent
    assert hop.open(frames.hop_keys().up, octets).frames == hellos


def test_the_last_hello_waits_for_the_uplink_as_long_as_it_can_be_answered(desk: Desk) -> None:
    """The newest one goes at the reconnection; one of a minute ago does not."""
    desk.link(UPLINK, False)
    desk.up(frames.hello(authority=codes.CENTRAL, request=1))
    desk.up(frames.hello(authority=codes.CENTRAL, request=2))
    desk.link(UPLINK, True)
    desk.tick()
    assert desk.frames(HELLO.kind) == [frames.hello(authority=codes.CENTRAL, request=2)]
    desk.link(UPLINK, False)
    desk.up(frames.hello(authority=codes.CENTRAL, request=3))
    desk.clock.move(60)
    desk.link(UPLINK, True)
    desk.tick()
    assert len(desk.frames(HELLO.kind)) == 1


def test_a_report_passes_up_unchanged(desk: Desk) -> None:
    """The longest one, too."""
    body = {"filler": "x" * 1000}
    frame = report.seal(
        center_pairs(frames.center_root(1), 1, 0)[codes.CENTRAL].up, Report(codes.CENTRAL, 0, 1, 3, body)
    )
    desk.up(frame)
    assert desk.frames(KIND_REPORT) == [frame]


def test_upward_numbers_are_never_used_twice(desk: Desk, tmp_path: Path) -> None:
    """Also not after a restart, when up to a block of them is skipped."""
    for request in range(5):
        desk.up(frames.hello(authority=codes.CENTRAL, request=request))
        desk.tick()
    used = [hop.open(frames.hop_keys().up, octets).sequence for octets in desk.uplink.sent]
    desk.store.close()
    again = Desk(tmp_path)
    again.up(frames.fetch_frame())
    (octets,) = again.uplink.sent
    assert sorted(set(used)) == used
    assert hop.open(frames.hop_keys().up, octets).sequence > max(used)


def test_central_heartbeats_travel_in_the_digest_and_prove_nothing_here(desk: Desk) -> None:
    """This gateway cannot verify them; the latest of each center goes with its age."""
    desk.up(frames.beat(authority=codes.CENTRAL, sequence=1))
    desk.up(frames.beat(authority=codes.CENTRAL, sequence=2))
    desk.tick(300)
    digest = read_digest(desk.frames(KIND_DIGEST)[-1])
    assert digest.beats == [(300, frames.beat(authority=codes.CENTRAL, sequence=2))]
    assert (1, 1) not in told(desk)


def test_a_digest_of_many_centers_is_cut_into_envelopes_that_fit(desk: Desk) -> None:
    """Every heartbeat arrives, none twice."""
    beats = [frames.beat(authority=codes.CENTRAL, sequence=number) for number in range(200)]
    desk.state.beats.update({number: (desk.clock.at, beat) for number, beat in enumerate(beats)})
    desk.tick(300)
    parts = [read_digest(frame) for frame in desk.frames(KIND_DIGEST)[1:]]
    assert [beat for part in parts for _, beat in part.beats] == beats


def test_the_first_sealed_word_of_a_center_is_told_at_once(desk: Desk) -> None:
    """And only the first."""
    desk.up(frames.beat(sequence=1))
    desk.up(frames.beat(sequence=2))
    assert told(desk) == [(1, 1)]


def test_a_center_that_is_silent_for_three_heartbeats_is_told_down_and_then_up_again(desk: Desk) -> None:
    """With the seconds for which it was silent."""
    desk.up(frames.beat(sequence=1))
    desk.up(frames.beat(center=2, sequence=1), name="C000002")
    desk.tick(179)
    assert told(desk) == [(1, 1), (2, 1)]
    desk.up(frames.beat(center=2, sequence=2), name="C000002")
    desk.tick(2)
    desk.clock.move(60)
    desk.up(frames.beat(sequence=2))
    words = [read_presence(frame) for frame in desk.frames(KIND_PRESENCE)][2:]
    assert words == [Told(1, 0, 181), Told(1, 1, 241)]


def test_a_recorded_heartbeat_does_not_keep_a_center_alive(desk: Desk) -> None:
    """Only a sequence never seen counts."""
    for _ in range(3):
        desk.up(frames.beat(sequence=9))
        desk.tick(100)
    assert (1, 0) in told(desk)


def test_a_forged_heartbeat_is_no_sign_of_life(desk: Desk) -> None:
    """Whoever connects as a center without its key cannot keep it alive."""
    desk.up(frames.beat()[:-1] + b"\0")
    assert told(desk) == []


def test_a_last_will_shortens_the_wait_and_says_nothing_by_itself(desk: Desk) -> None:
    """Twenty seconds later the center is down, unless something sealed came meanwhile."""
    desk.up(frames.beat(sequence=1))
    last_will(desk)
    desk.tick(19)
    assert told(desk) == [(1, 1)]
    desk.up(frames.beat(sequence=2))
    desk.tick(10)
    assert told(desk) == [(1, 1)]
    last_will(desk)
    desk.tick(21)
    assert told(desk) == [(1, 1), (1, 0)]


def test_a_greeting_alone_is_no_sign_of_life(desk: Desk) -> None:
    """Whoever can write on a link topic can say 1."""
    last_will(desk, b"1")
    assert told(desk) == []


def test_a_local_broker_that_is_away_is_one_fault_and_no_storm(desk: Desk) -> None:
    """Nobody's silence counts while it is away, nor before everybody had time to come back."""
    desk.up(frames.beat(sequence=1))
    desk.up(frames.beat(center=2, sequence=1), name="C000002")
    desk.link(LOCAL, False)
    desk.tick(3600)
    desk.link(LOCAL, False)
    assert desk.log.count("local_broker_lost") == 1
    assert desk.state.faults.keys() == {"local"}
    desk.link(LOCAL, True)
    desk.tick(100)
    assert told(desk) == [(1, 1), (2, 1)]
    desk.tick(100)
    assert told(desk) == [(1, 1), (2, 1), (1, 0), (2, 0)]


def test_centers_that_fall_silent_together_are_told_in_one_envelope(desk: Desk) -> None:
    """A switch without power is many centers and one message."""
    desk.tick(181)
    (octets,) = [octets for octets in desk.uplink.sent if len(octets) == 23 + 2 * 10]
    assert [read_presence(frame).up for frame in hop.open(frames.hop_keys().up, octets).frames] == [0, 0]


def test_presence_is_told_again_when_the_uplink_is_back(desk: Desk) -> None:
    """What changed meanwhile is not lost."""
    desk.up(frames.beat(sequence=1))
    desk.link(UPLINK, False)
    desk.tick(181)
    desk.link(UPLINK, True)
    assert told(desk) == [(1, 1), (1, 0), (2, 0)]


def test_a_center_of_another_gateway_is_refused(desk: Desk) -> None:
    """Its certificate may be good for this broker, its frames are not for this gateway."""
    desk.up(frames.ack(center=frames.FOREIGN), frames.beat(center=frames.FOREIGN), name="C000003")
    assert (desk.acks(), told(desk)) == ([], [])


def test_the_local_subscription_is_proved_by_our_own_greeting(desk: Desk) -> None:
    """A broker that takes our messages and serves none back is left and connected to anew."""
    for _ in range(10):
        desk.tick(30)
        desk.turns.turn([desk.received(LOCAL, topic(frames.GATEWAY, "link"), b"1")])
    assert (desk.local.probes >= 9, desk.local.drops) == (True, [])
    for _ in range(4):
        desk.tick(30)
    assert len(desk.local.drops) == 1


def test_presence_starts_unknown() -> None:
    """Before the local broker was ever reached nobody is called down."""
    presence = Presence([1], 180, 20, 0.0)
    assert (presence.silent(10_000), presence.state(1)) == ([], "unknown")


def test_a_round_that_fails_leaves_the_other_rounds_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Presence is told though the sign of life breaks; the mistake is said once."""

    def broken(_: float) -> float:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(desk.state.schedule, "waiting_since", broken)
    desk.tick(301)
    desk.tick(301)
    assert told(desk) == [(1, 0), (2, 0)]
    assert desk.log.count("round_failed") == 1
