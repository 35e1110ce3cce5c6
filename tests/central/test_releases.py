"""Offers of programs through the real flows and store: to whom they are meant for, when, and never to another board."""

from __future__ import annotations

from typing import Any

import pytest

from central.store.unit import Unit
from protocol import codes
from protocol.errors import BadTag
from protocol.messages import COMMAND, KIND_OFFER, TIME
from protocol.release import BLOCK_SIZE
from tests.central.rig import NOW, Rig
from tests.central.shelf import Shelf


@pytest.mark.parametrize(
    ("scope", "number", "reached"),
    [("all", 0, [1, 2, 3]), ("group", 1, [1, 2]), ("group", 2, [3]), ("center", 2, [2]), ("center", 9, [])],
)
def test_a_release_is_offered_to_whom_it_is_meant_for(
    shelf: Shelf, scope: str, number: int, reached: list[int]
) -> None:
    """Within a round, and to nobody before somebody said so."""
    shelf.add()
    assert shelf.round() == []
    shelf.offer(scope=scope, number=number)
    assert shelf.round() == reached


def test_an_offer_is_the_signed_manifest_sealed_for_the_present_boot(shelf: Shelf) -> None:
    """Octet for octet as it was signed; an older boot cannot read it."""
    signed = shelf.add()
    shelf.offer()
    shelf.rig.run(shelf.rig.releases.once())
    frames = shelf.rig.frames(KIND_OFFER)
    assert [shelf.rig.centers[frame[5]].offered(frame) for frame in frames] == [signed] * 3
    shelf.rig.centers[1].reboot()
    with pytest.raises(BadTag):
        shelf.rig.centers[1].offered(frames[0])


def test_an_offer_is_made_again_each_hour_until_the_center_runs_it(shelf: Shelf) -> None:
    """And no more often, whatever comes in between."""
    shelf.add()
    shelf.offer(scope="center", number=1)
    shelf.report(1, board="unix", release=7)
    rounds = [shelf.round(later_s) for later_s in (0, 2, 60, 3500, 60, 3540, 60)]
    assert rounds == [[1], [], [], [], [1], [], [1]]
    shelf.report(1, board="unix", release=8)
    assert [shelf.round(3600), shelf.round(3600)] == [[], []]


def test_an_offer_made_anew_goes_out_at_once(shelf: Shelf) -> None:
    """An operator who says it again is not told to wait for an hour; also to a center that refused before."""
    shelf.add()
    shelf.offer(scope="center", number=1)
    assert shelf.round() == [1]
    shelf.report(1, board="unix", release=7, update={"release": 0, "error": "too large"})
    assert shelf.round(3600) == []
    shelf.rig.clock.at += 1
    shelf.offer(scope="center", number=1)
    assert shelf.round(2) == [1]


def test_a_hello_is_answered_with_the_offer_after_the_time(shelf: Shelf) -> None:
    """Each time: the nonce is new. A command that waits goes before it."""
    shelf.add()
    shelf.offer()
    shelf.round()
    shelf.rig.alert()
    shelf.rig.taken()
    shelf.rig.centers[1].reboot()
    shelf.rig.greet(1)
    kinds = [frame[0] >> 2 & 0x0F for _, frame in shelf.rig.taken()]
    assert kinds == [TIME.kind, COMMAND.kind, KIND_OFFER]
    shelf.rig.greet(1)
    assert KIND_OFFER in [frame[0] >> 2 & 0x0F for _, frame in shelf.rig.taken()]


def test_a_drill_hello_and_a_replayed_one_bring_no_offer(shelf: Shelf) -> None:
    """Programs are central's alone, and a recording asks for nothing."""
    shelf.add()
    shelf.offer()
    shelf.round()
    old = shelf.rig.centers[1].hello()
    shelf.rig.centers[1].reboot()
    shelf.rig.greet(1)
    shelf.rig.taken()
    shelf.rig.greet(1, authority=codes.DRILL)
    shelf.rig.receive(1, shelf.rig.gateways[1].envelope([old]))
    assert shelf.rig.frames(KIND_OFFER) == []


def test_a_center_of_another_board_is_never_offered_it(shelf: Shelf) -> None:
    """Not in a round, not at a hello, not after a restart of central: its report is kept."""
    shelf.add()
    shelf.report(1, board="pico_w", release=7)
    shelf.report(2, board="unix", release=7)
    shelf.offer(scope="group", number=1)
    assert shelf.round() == [2]
    shelf.rig.greet(1)
    assert shelf.rig.frames(KIND_OFFER) == []
    again = Rig(shelf.rig.installation)
    again.clock.at = shelf.rig.clock.at
    again.run(again.releases.once())
    offered = [frame[5] for _, octets in again.broker.sent for frame in shelf.rig.gateways[1].open(octets)]
    again.close()
    assert offered == [2]
    assert shelf.fetch(center=1) == []


def test_what_a_center_refused_is_not_offered_again(shelf: Shelf) -> None:
    """A failed trial names its release and stays refused; what passes by itself is tried again."""
    shelf.add()
    shelf.offer()
    shelf.round()
    shelf.rig.clock.at += 10
    shelf.report(1, board="unix", release=7, update={"release": 0, "state": "idle", "error": "no start: 8"})
    shelf.report(2, board="unix", release=7, update={"release": 0, "state": "idle", "error": "an alarm runs"})
    shelf.report(3, board="unix", release=9)
    assert shelf.round(3600) == [2]
    shelf.rig.greet(1)
    assert shelf.rig.frames(KIND_OFFER) == []


def test_an_older_report_shown_again_says_nothing(shelf: Shelf) -> None:
    """A gateway that repeats a report cannot make a center look behind, or of another board."""
    old = shelf.rig.centers[1].report(board="pico_w", release=3)
    shelf.report(1, board="unix", release=8)
    shelf.rig.receive(1, shelf.rig.gateways[1].envelope([old]))
    shelf.add()
    shelf.offer(scope="center", number=1)
    assert shelf.round() == []
    assert shelf.rig.run(shelf.rig.writer.write(lambda unit: unit.program(1))).board == "unix"


def test_a_withdrawn_release_is_neither_offered_nor_sent(shelf: Shelf) -> None:
    """Also to those that are in the middle of it: a bad release stops where it is."""
    shelf.add()
    shelf.offer()
    shelf.round()
    assert len(shelf.fetch()) == 1
    shelf.withdraw()
    assert (shelf.round(3600), shelf.fetch(offset=BLOCK_SIZE)) == ([], [])
    shelf.rig.greet(1)
    assert shelf.rig.frames(KIND_OFFER) == []


def test_an_expired_release_is_not_offered(shelf: Shelf) -> None:
    """Up to its last second, and not after."""
    shelf.add(expiry=int(NOW) + 4000)
    shelf.offer(scope="center", number=1)
    assert [shelf.round(), shelf.round(3999), shelf.round(3600)] == [[1], [1], []]


def test_many_centers_are_offered_over_several_rounds(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round has a bound, and nobody is left out or offered twice."""
    monkeypatch.setattr("central.flows.releases._BATCH", 2)
    shelf.add()
    shelf.offer()
    assert [shelf.round(), shelf.round(2), shelf.round(2)] == [[1, 2], [3], []]


def test_a_program_is_kept_with_every_report(shelf: Shelf) -> None:
    """For `release status`, which is another process."""
    shelf.report(1, board="unix", version="1.1", release=7,
                 update={"release": 8, "percent": 40, "state": "fetching", "error": ""})  # fmt: skip

    def look(unit: Unit) -> Any:
        return unit.program(1)

    kept = shelf.rig.run(shelf.rig.writer.write(look))
    assert (kept.at, kept.board, kept.running, kept.update, kept.percent, kept.state) == (
        NOW, "unix", 7, 8, 40, "fetching"
    )  # fmt: skip
