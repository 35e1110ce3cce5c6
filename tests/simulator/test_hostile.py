"""Hostile frames are hostile: none of them is a frame that the center should obey."""

import random

import pytest

from protocol import codes
from protocol.errors import ProtocolError
from protocol.messages import COMMAND
from simulator.hostile import KINDS, Target, make

NOW = 1_800_000_000


def target() -> Target:
    made = Target(42, 7, bytes(range(32)), nonce=b"thisboot")
    before = Target(42, 7, bytes(range(32)), nonce=b"lastboot")
    for _ in range(4):
        made.captured.append(made.seal(made.command(NOW, counter=made.next_counter())))
        before.earlier.append(before.seal(before.command(NOW, counter=before.next_counter())))
    made.earlier = before.earlier
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_no_hostile_frame_is_a_fresh_valid_loud_command(kind: str) -> None:
    """A second reading of the contract: sealed by central for this center, group, boot, time, an allowed class, unused counter."""
    dice = random.Random(kind)
    center = target()
    used = {1, 2, 3, 4}
    for _ in range(300):
        frame = make(kind, center, NOW, dice)
        try:
            command = COMMAND.open(center.pairs[codes.CENTRAL].down, frame, center.nonce)
        except ProtocolError:
            continue
        obeyed = (
            command.center == 42
            and command.group == 7
            and command.counter not in used
            and NOW - 300 <= command.issued <= NOW + 30
            and command.class_ in (1, 2, 4, 5)
            and codes.ACTIVATE <= command.action < codes.ACTIVATE + 16
        )
        assert not obeyed, command


def test_there_are_at_least_the_eighteen_kinds_of_the_threat_model() -> None:
    """T1 names eighteen kinds; replays of the same and of an earlier boot count apart here."""
    assert len(KINDS) == 19
