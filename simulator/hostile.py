"""Hostile frames of every kind that threat T1 names, made from what an attacker can hold. Pure; used by campaign T1.

Three kinds of attacker: on the wire without a key (flips, cuts, splices, replays), with the key of something else
(another center, an old epoch, the drill key), and whoever hands over, late or elsewhere, what was once validly
sealed for this center. None of these frames may move an output.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from protocol import codes
from protocol.keys import center_pairs
from protocol.layout import type_octet
from protocol.messages import ACK, COMMAND, KIND_COMMAND, Ack, Command

_LOUD = codes.ACTIVATE | codes.SIREN | codes.STROBE | codes.FLOODLIGHT
_TAG = 16


@dataclass
class Target:
    """One center as its authority knows it: its root, this boot's nonce, the counters used so far.

    `captured` are frames that it already obeyed in this boot, `earlier` valid ones of a boot before.
    """

    center: int
    group: int
    root: bytes
    epoch: int = 0
    nonce: bytes = bytes(8)
    counters: dict[int, int] = field(default_factory=dict)
    captured: list[bytes] = field(default_factory=list)
    earlier: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pairs = center_pairs(self.root, self.center, self.epoch)

    def next_counter(self, authority: int = codes.CENTRAL) -> int:
        """The next unused counter of an authority; taking it uses it."""
        self.counters[authority] = self.counters.get(authority, 0) + 1
        return self.counters[authority]

    def command(self, now: int, **changes: int) -> Command:
        """A command that this center would obey at `now` with everything on, but for `changes`."""
        fields = {
            "authority": codes.CENTRAL,
            "epoch": self.epoch,
            "center": self.center,
            "group": self.group,
            "counter": self.counters.get(codes.CENTRAL, 0) + 1,
            "issued": now,
            "ttl": 60,
            "incident": 0x1234,
            "activation": 1,
            "class_": codes.GENERAL,
            "action": _LOUD,
            "duration": 30,
            "flags": 0,
        }
        return Command(**{**fields, **changes})

    def seal(self, command: Command) -> bytes:
        """The frame of a command under this center's key of the command's authority, for this boot."""
        return COMMAND.seal(self.pairs[command.authority].down, command, self.nonce)


Maker = Callable[[Target, int, random.Random], bytes]


def _bit_flip(target: Target, now: int, dice: random.Random) -> bytes:
    frame = bytearray(target.seal(target.command(now)))
    for _ in range(dice.choice((1, 1, 1, 2, 8))):
        frame[dice.randrange(len(frame))] ^= 1 << dice.randrange(8)
    return bytes(frame) if bytes(frame) != target.seal(target.command(now)) else bytes(frame[:-1])


def _truncation(target: Target, now: int, dice: random.Random) -> bytes:
    frame = target.seal(target.command(now))
    return frame[: dice.randrange(len(frame))]


def _extension(target: Target, now: int, dice: random.Random) -> bytes:
    return target.seal(target.command(now)) + dice.randbytes(dice.randrange(1, 100))


def _replay_same_boot(target: Target, _now: int, dice: random.Random) -> bytes:
    return dice.choice(target.captured)


def _replay_earlier_boot(target: Target, _now: int, dice: random.Random) -> bytes:
    return dice.choice(target.earlier)


def _wrong_key(target: Target, now: int, dice: random.Random) -> bytes:
    return Target(target.center, target.group, dice.randbytes(32), nonce=target.nonce).seal(target.command(now))


def _old_epoch(target: Target, now: int, _dice: random.Random) -> bytes:
    other = Target(target.center, target.group, target.root, (target.epoch + 255) % 256, target.nonce)
    return other.seal(target.command(now, epoch=other.epoch))


def _stale(target: Target, now: int, dice: random.Random) -> bytes:
    return target.seal(target.command(now, counter=target.next_counter(), issued=now - 3600 - dice.randrange(86400)))


def _future(target: Target, now: int, dice: random.Random) -> bytes:
    return target.seal(target.command(now, counter=target.next_counter(), issued=now + 120 + dice.randrange(86400)))


def _other_center(target: Target, now: int, dice: random.Random) -> bytes:
    number = target.center % 999_999 + 1 + dice.randrange(1000)
    if dice.random() < 0.5:
        return target.seal(target.command(now, counter=target.next_counter(), center=number))
    other = Target(number, target.group, dice.randbytes(32), nonce=target.nonce)
    return other.seal(other.command(now))


def _other_group(target: Target, now: int, dice: random.Random) -> bytes:
    group = (target.group + dice.randrange(1, 0xFFFF)) % 0x10000
    return target.seal(target.command(now, counter=target.next_counter(), group=group))


def _reflection(target: Target, now: int, dice: random.Random) -> bytes:
    """What the center said itself, sent back to it, also with the first octet of a command."""
    ack = Ack(0, target.epoch, target.center, 1, 0x1234, codes.ACCEPTED, 1, dice.randrange(1 << 32), 0, 12_600)
    frame = ACK.seal(target.pairs[codes.CENTRAL].up, ack)
    if dice.random() < 0.5:
        return frame
    command = target.command(now)
    return COMMAND.seal(target.pairs[codes.CENTRAL].up, command, target.nonce)


def _edited(target: Target, now: int, **changes: int) -> bytes:
    """A valid frame's tag under a body that was changed afterwards."""
    return COMMAND.pack(target.command(now, **changes)) + target.seal(target.command(now))[-_TAG:]


def _ttl(target: Target, now: int, dice: random.Random) -> bytes:
    if dice.random() < 0.5:
        return _edited(target, now, ttl=0xFFFF)
    return target.seal(target.command(now, counter=target.next_counter(), issued=now - 4000, ttl=0xFFFF))


def _duration(target: Target, now: int, dice: random.Random) -> bytes:
    return _edited(target, now, duration=dice.choice((0, 181, 3600, 0xFFFF)))


def _action(target: Target, now: int, dice: random.Random) -> bytes:
    choice = dice.randrange(3)
    if choice == 0:
        return _edited(target, now, action=dice.choice((codes.ACTIVATE | codes.SIREN, codes.ACTIVATE | codes.STROBE)))
    counter = target.next_counter()
    if choice == 1:
        return target.seal(target.command(now, counter=counter, action=dice.randrange(0x20, 0x100)))
    return target.seal(target.command(now, counter=counter, class_=dice.choice((codes.GENDER_VIOLENCE, 0, 200))))


def _random(_target: Target, _now: int, dice: random.Random) -> bytes:
    body = dice.randbytes(dice.choice((0, 1, 47, 48, 48, 49, 200)))
    return bytes([type_octet(KIND_COMMAND)]) + body[1:] if body and dice.random() < 0.7 else body


def _splice(target: Target, now: int, dice: random.Random) -> bytes:
    one, other = target.seal(target.command(now)), dice.choice(target.captured)
    cut = dice.randrange(1, len(one))
    frame = one[:cut] + other[cut:]
    return frame if frame not in (one, other) else one[:-1]


def _counter_jump(target: Target, now: int, dice: random.Random) -> bytes:
    return _edited(target, now, counter=dice.choice((0xFFFFFFFF, 1 << 31, target.counters[codes.CENTRAL] + 1000)))


def _drill_as_live(target: Target, now: int, dice: random.Random) -> bytes:
    counter = target.next_counter(codes.DRILL)
    frame = target.seal(target.command(now, authority=codes.DRILL, counter=counter))
    return frame if dice.random() < 0.5 else bytes([type_octet(KIND_COMMAND, codes.CENTRAL)]) + frame[1:]


KINDS: dict[str, Maker] = {
    "bit flip": _bit_flip,
    "truncation": _truncation,
    "extension": _extension,
    "replay, same boot": _replay_same_boot,
    "replay, earlier boot": _replay_earlier_boot,
    "wrong key": _wrong_key,
    "old epoch": _old_epoch,
    "stale": _stale,
    "future": _future,
    "other center": _other_center,
    "other group": _other_group,
    "reflection": _reflection,
    "abuse of ttl": _ttl,
    "abuse of duration": _duration,
    "abuse of action": _action,
    "random": _random,
    "splice": _splice,
    "counter jump": _counter_jump,
    "drill as live": _drill_as_live,
}


def make(kind: str, target: Target, now: int, dice: random.Random) -> bytes:
    """One hostile frame of a kind; raises KeyError for a kind that is not in KINDS."""
    return KINDS[kind](target, now, dice)
