"""What passes and is never kept: time, confirmations, offers and blocks downwards; fetches upwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.ports import LOCAL, UPLINK
from protocol import codes
from protocol.messages import FETCH, HELLO
from tests.gateway import frames
from tests.gateway.desk import Desk
from tests.gateway.rig import Neighbourhood

DOWNWARDS = {
    "time": frames.time_frame,
    "confirm": frames.confirm_frame,
    "offer": frames.offer_frame,
    "block": frames.block_frame,
}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A gateway on paper."""
    return Desk(tmp_path)


@pytest.mark.parametrize("kind", DOWNWARDS)
def test_it_passes_at_once_unchanged_and_is_not_said_again(desk: Desk, kind: str) -> None:
    """Fire and forget: whoever waits for it asks again, so nothing of it is on the disk."""
    frame = DOWNWARDS[kind]()
    octets = desk.down(1, [frame])
    assert (desk.local.sent, desk.acknowledged) == ([(1, frame, None)], [octets])
    desk.passed()
    desk.tick(10)
    assert (desk.passed(), desk.waiting(), len(desk.state.schedule)) == ([], [], 0)


@pytest.mark.parametrize("kind", DOWNWARDS)
def test_it_does_not_wait_for_a_local_broker_that_is_away(desk: Desk, kind: str) -> None:
    """When the link is back, only what was said since goes."""
    desk.link(LOCAL, False)
    desk.down(1, [DOWNWARDS[kind]()])
    desk.link(LOCAL, True)
    desk.tick(10)
    assert desk.passed() == []


@pytest.mark.parametrize("kind", ["confirm", "offer", "block"])
def test_only_to_a_center_of_mine_and_never_as_the_local_authority(desk: Desk, kind: str) -> None:
    """Of another gateway's center, or under the authority that is this gateway's own: refused, with the reason."""
    desk.down(1, [DOWNWARDS[kind](frames.FOREIGN)])
    desk.down(2, [DOWNWARDS[kind](1, codes.LOCAL)])
    reasons = [desk.log.until("frame_refused")["reason"] for _ in range(2)]
    assert (desk.local.sent, reasons) == (
        [],
        ["center of another gateway", "local authority is this gateway's own"],
    )


@pytest.mark.parametrize("kind", ["confirm", "offer", "block"])
def test_a_forged_envelope_passes_none_of_it(desk: Desk, kind: str) -> None:
    """Nothing is looked at before the hop's tag verified."""
    desk.down(1, [DOWNWARDS[kind]()], forged=True)
    assert desk.local.sent == []


def test_it_travels_beside_commands_and_the_one_of_variable_size_comes_last(desk: Desk) -> None:
    """One envelope, each frame to its own center, none cut."""
    command = frames.command(2, issued=desk.clock.wall)
    mine = [frames.time_frame(), frames.confirm_frame(), frames.offer_frame()]
    desk.down(1, [mine[0], command, *mine[1:]])
    assert (desk.passed(2), desk.passed(1)) == ([command], mine)


def test_a_full_disk_keeps_no_confirmation_from_its_center(desk: Desk) -> None:
    """There is nothing of it to save."""
    with desk.full_disk():
        desk.down(1, [frames.confirm_frame()])
        assert desk.passed() == [frames.confirm_frame()]


def test_a_fetch_passes_up_at_once_alone_in_its_envelope(desk: Desk) -> None:
    """Central's key sealed it; the gateway looks at the address only."""
    desk.up(frames.fetch_frame())
    assert (desk.frames(FETCH.kind), len(desk.uplink.sent)) == ([frames.fetch_frame()], 1)


def test_a_fetch_does_not_wait_for_the_uplink(desk: Desk) -> None:
    """The center asks again; an old question would only bring a block twice. A hello does wait."""
    desk.link(UPLINK, False)
    desk.up(frames.fetch_frame())
    desk.up(frames.hello(authority=codes.CENTRAL))
    desk.link(UPLINK, True)
    desk.tick(1)
    assert (desk.frames(FETCH.kind), len(desk.frames(HELLO.kind))) == ([], 1)


@pytest.mark.parametrize("authority", [codes.LOCAL, codes.DRILL])
def test_a_fetch_is_for_central_alone(desk: Desk, authority: int) -> None:
    """No other authority has programs, and the uplink is not asked to carry such a question."""
    desk.up(frames.fetch_frame(authority=authority))
    assert desk.frames(FETCH.kind) == []


def test_a_fetch_under_another_name_does_not_pass(desk: Desk) -> None:
    """One center cannot ask in another's place."""
    desk.up(frames.fetch_frame(1), name="C000002")
    assert desk.frames(FETCH.kind) == []


def test_all_of_them_reach_a_real_center_and_a_fetch_reaches_central(neighbourhood: Neighbourhood) -> None:
    """Over both real brokers, the largest block included."""
    neighbourhood.gateway()
    central, center = neighbourhood.central(), neighbourhood.center(1)
    sent = [frames.confirm_frame(), frames.offer_frame(), frames.block_frame()]
    for frame in sent:
        central.down([frame])
    assert [center.next_down()[0] for _ in sent] == sent
    center.up(frames.fetch_frame())
    assert central.next_frame(FETCH.kind)[0] == frames.fetch_frame()
