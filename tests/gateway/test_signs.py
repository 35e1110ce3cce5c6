"""What the gateway says to be heard at all, in as few octets as tell it: signs of life, digests, reports that say something new."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.proof import Pace, Proof
from gateway.domain.reports import EVERY_S, Reports
from gateway.ports import LOCAL, UPLINK
from protocol import codes, gateway, report
from protocol.hop import read_digest, read_presence
from protocol.keys import center_pairs
from protocol.messages import BEAT, KIND_DIGEST, KIND_PRESENCE, KIND_REPORT, Beat
from tests.gateway import frames
from tests.gateway.desk import Desk

SIGN = 15


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A gateway whose digest at the connection is said and answered."""
    made = Desk(tmp_path)
    made.link(LOCAL, True)
    made.tick()
    made.down(1, [])
    made.uplink.sent.clear()
    return made


def signs(desk: Desk, seconds: int) -> list[int]:
    """After how many seconds each sign of life was said, when nobody answers."""
    said = []
    for passed in range(1, seconds + 1):
        desk.tick(1)
        said += [passed for octets in desk.uplink.sent if len(octets) == SIGN]
        desk.uplink.sent.clear()
    return said


def beat(desk: Desk, sequence: int, **changed: Any) -> bytes:
    """Center 1's heartbeat to central, taken."""
    message = Beat(codes.CENTRAL, 0, 1, sequence, 60, 12_600, 1, 0, 0)._replace(**changed)
    frame = BEAT.seal(center_pairs(frames.center_root(1), 1, 0)[codes.CENTRAL].up, message)
    desk.up(frame)
    return frame


def digests(desk: Desk) -> list[list[bytes]]:
    """The heartbeats of each digest since the last call."""
    found = [[octets for _, octets in read_digest(frame).beats] for frame in desk.frames(KIND_DIGEST)]
    desk.uplink.sent.clear()
    return found


def described(sequence: int, **body: Any) -> bytes:
    """Center 1's report."""
    pair = center_pairs(frames.center_root(1), 1, 0)[codes.CENTRAL]
    return report.seal(pair.up, report.Report(codes.CENTRAL, 0, 1, sequence, body))


def test_a_sign_is_said_57_seconds_after_the_last_word_and_each_five_until_it_is_answered(desk: Desk) -> None:
    """Seven times, then another connection is made and it goes on more slowly."""
    assert signs(desk, 89) == [57, 62, 67, 72, 77, 82, 87]
    assert desk.uplink.drops == ["central answered nothing for 32 s"]


def test_an_answered_sign_is_not_said_again(desk: Desk) -> None:
    """The next one comes 57 seconds later."""
    assert signs(desk, 57) == [57]
    desk.down(2, [])
    assert (signs(desk, 62), desk.uplink.drops) == ([57, 62], [])


def test_a_recording_of_centrals_answer_answers_nothing(desk: Desk) -> None:
    """Nor does one that is forged."""
    heard_at = desk.clock.at
    desk.tick(30)
    desk.down(1, [])
    desk.down(2, [], forged=True)
    assert desk.state.proof.heard_at == heard_at
    desk.down(2, [])
    assert desk.state.proof.heard_at == desk.clock.at


def test_a_word_of_a_center_that_is_passed_up_is_a_sign_too(desk: Desk) -> None:
    """Central answers it; what was said and heard lately need not be said again."""
    desk.tick(50)
    desk.up(frames.hello(authority=codes.CENTRAL))
    desk.tick()
    desk.down(2, [frames.time_frame()])
    desk.uplink.sent.clear()
    assert signs(desk, 62) == [57, 62]


def test_words_of_centrals_alone_do_not_keep_a_gateway_quiet(desk: Desk) -> None:
    """Central would take it for silent: it speaks each 57 seconds whatever it hears."""
    said = []
    for sequence in range(2, 14):
        said += signs(desk, 10)
        desk.down(sequence, [])
    assert len(said) == 2


def test_what_waits_for_a_receipt_makes_it_ask_sooner(desk: Desk) -> None:
    """Twenty seconds after the last word, with a digest that names what still waits."""
    desk.up(frames.ack())
    desk.uplink.sent.clear()
    for _ in range(21):
        desk.tick(1)
    assert digests(desk) == [[]]


def test_a_heartbeat_that_says_something_new_goes_with_the_next_sign(desk: Desk) -> None:
    """Once; one that says the same waits for the hour, and so does a battery that hardly moves."""
    first = beat(desk, 1)
    desk.tick(57)
    assert digests(desk) == [[first]]
    for sequence, changed, expected in (
        (2, {}, 0), (3, {"battery": 12_360}, 0), (4, {"battery": 12_350}, 1), (5, {"battery": 12_350, "flags": 0}, 1),
    ):  # fmt: skip
        frame = beat(desk, sequence, **changed)
        desk.down(sequence, [])
        desk.tick(57)
        assert digests(desk) == [[frame]] * expected


def test_asked_by_central_it_tells_everything_at_once(desk: Desk) -> None:
    """Presence, all heartbeats, and the next report of every center."""
    frame = beat(desk, 1)
    desk.up(frames.beat(sequence=1))
    desk.up(described(1))
    desk.tick(57)
    desk.down(2, [])
    desk.uplink.sent.clear()
    desk.down(3, [gateway.ask()])
    desk.tick()
    assert [read_presence(told).center for told in desk.frames(KIND_PRESENCE)] == [1]
    assert digests(desk) == [[frame]]
    desk.up(described(2))
    assert desk.frames(KIND_REPORT) == [described(2)]


def test_a_report_that_says_nothing_new_is_not_passed_up_for_a_day(desk: Desk) -> None:
    """Of numbers that change by themselves central is told once a day; of words at once."""
    desk.up(described(1, uptime_s=1))
    desk.up(described(2, uptime_s=2))
    desk.up(described(3, uptime_s=3, cause="watchdog"))
    expected = [described(1, uptime_s=1), described(3, uptime_s=3, cause="watchdog")]
    assert desk.frames(KIND_REPORT) == expected
    desk.clock.move(EVERY_S)
    desk.up(described(4, uptime_s=4, cause="watchdog"))
    assert desk.frames(KIND_REPORT) == [*expected, described(4, uptime_s=4, cause="watchdog")]


@pytest.mark.parametrize(
    ("before", "after", "worth"),
    [
        (b'{"boot": 1}', b'{"boot": 2}', True),
        (b'{"health": {"battery": {"hours": 40, "mv": 12600}}}', b'{"health": {"battery": {"hours": 33, "mv": 1}}}', False),
        (b'{"health": {"battery": {"hours": 40}}}', b'{"health": {"battery": {"hours": 31}}}', True),
        (b'{"health": {"mains": {"now": true}}}', b'{"health": {"mains": {"now": false}}}', True),
        (b'{"tested": ["good", 1.5]}', b'{"tested": ["good", 2.5]}', False),
        (b'{"tested": ["good", 1]}', b'{"tested": ["weak", 1]}', True),
        (b'{"a": 1}', b'{"a": ', True),
        (b'{"a": 1}', b"[" * 100_000, True),
    ],
)  # fmt: skip
def test_what_is_new_in_a_report(before: bytes, after: bytes, worth: bool) -> None:
    """Words, what is so or not, and the few numbers that stand for an event; what cannot be read is not ours to drop."""
    reports = Reports()
    assert (reports.worth(1, before, 0), reports.worth(1, after, 1), reports.worth(2, before, 1)) == (True, worth, True)


def test_a_central_that_is_away_for_long_is_asked_ever_more_rarely() -> None:
    """An outage of central's must not cost the month's data."""
    proof, asked = Proof(Pace()), []
    for second in range(3600):
        proof.over_s(second)
        if proof.due(second, False):
            proof.asked(second)
            proof.said(second)
            asked.append(second)
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert (gaps[0], gaps[-1], sorted(gaps) == gaps) == (5, 57, True)


def test_a_new_connection_is_asked_at_once(desk: Desk) -> None:
    """With a digest; what was asked on the one before is not held against it."""
    desk.tick(80)
    desk.link(UPLINK, False)
    desk.link(UPLINK, True)
    desk.uplink.sent.clear()
    desk.tick(1)
    assert digests(desk) == [[]]
    for _ in range(31):
        desk.tick(1)
    assert desk.uplink.drops == []
