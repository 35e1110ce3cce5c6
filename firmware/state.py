"""What a center must not forget over a power cut, as one value: packed into octets for the vault. Pure.

Windows per authority, executed (incident, activation) pairs, the activations spent, the boot count, and a reserve of ack
sequences (those of one reserve may be used without another write to flash).
"""

import struct

from firmware.budget import Budget
from protocol import replay
from protocol.codes import AUTHORITIES
from protocol.errors import Malformed

# A late repeat of a command is known by its pair after its counter left the window of 64; so twice as many are kept.
PAIRS = 128
RESERVE = 64
MAX_EVENTS = 8

_HEAD = ">BBIIIIIBBBBB"
_PAIR = ">QB"
PAIR_SIZE = 9
_SPENT = ">IB"
_EVENT = ">IBQIH"
_FOB = ">IB"
_RESISTANCE = ">H"
_VERSION = 2


class State:
    """`reserved` is the first ack sequence that is not covered by flash; `lifetime_s` counts running seconds for ever.

    `events` are own events that central may not have yet: (sequence, status, incident, lifetime second,
    battery in mV or the fob's slot). `fobs_spent` is of firmware.fobs, `resistances` of firmware.battery; `tested_s` is the
    lifetime second of the last self-test, `failed_release` the last release whose failure was told.
    """

    def __init__(self, epoch=0):
        self.epoch = epoch
        self.boot = 0
        self.lifetime_s = 0
        self.reserved = 1
        self.windows = {authority: replay.Window() for authority in AUTHORITIES}
        self._pairs = b""  # as they are in flash: as objects they would take most of the memory that a command takes
        self.budget = Budget()
        self.events = []
        self.fobs_spent = []
        self.resistances = []
        self.tested_s = 0
        self.failed_release = 0

    def renew(self, epoch):
        """Go on under new keys: counters begin anew, all that limits or orders this center goes on."""
        self.epoch = epoch
        self.windows = {authority: replay.Window() for authority in AUTHORITIES}

    def executed(self, incident, activation):
        """Whether this pair has sounded before."""
        wanted = struct.pack(_PAIR, incident, activation)
        at = self._pairs.find(wanted)
        while at >= 0 and at % PAIR_SIZE:
            # The same octets, across two pairs.
            at = self._pairs.find(wanted, at + 1)
        return at >= 0

    def execute(self, incident, activation):
        """Remember a pair, forgetting the oldest of more than 128."""
        self._pairs = (self._pairs + struct.pack(_PAIR, incident, activation))[-PAIRS * PAIR_SIZE :]

    def forget(self):
        """Take the newest pair back: it never moved anything."""
        self._pairs = self._pairs[:-PAIR_SIZE]

    def pairs(self):
        """[(incident, activation)], oldest first."""
        return _rows(self._pairs, 0, _PAIR, len(self._pairs) // PAIR_SIZE)[0]

    def pack(self):
        """All of it in octets (under 1,700)."""
        parts = [
            struct.pack(
                _HEAD, _VERSION, self.epoch, self.boot, self.lifetime_s, self.reserved, self.tested_s,
                self.failed_release, len(self._pairs) // PAIR_SIZE, len(self.budget.spent), len(self.events),
                len(self.fobs_spent), len(self.resistances),
            )
        ]  # fmt: skip
        parts += [self.windows[authority].pack() for authority in AUTHORITIES]
        parts.append(self._pairs)
        parts += [struct.pack(_SPENT, at & 0xFFFFFFFF, who) for at, who in self.budget.spent]
        parts += [struct.pack(_EVENT, *event) for event in self.events]
        parts += [struct.pack(_FOB, at & 0xFFFFFFFF, slot) for at, slot in self.fobs_spent]
        parts += [struct.pack(_RESISTANCE, min(one, 0xFFFF)) for one in self.resistances]
        return b"".join(parts)


def unpack(octets):
    """A state from its octets; raises Malformed."""
    try:
        head = struct.unpack_from(_HEAD, octets, 0)
        version, epoch, boot, lifetime_s, reserved, tested_s, failed, pairs, spent, events, fobs, ohms = head
        if version != _VERSION:
            raise Malformed("state of version %d" % version)
        state = State(epoch)
        state.boot, state.lifetime_s, state.reserved = boot, lifetime_s, reserved
        state.tested_s, state.failed_release = tested_s, failed
        at = struct.calcsize(_HEAD)
        for authority in AUTHORITIES:
            state.windows[authority] = replay.unpack(octets[at : at + 16])
            at += 16
        state._pairs = octets[at : at + pairs * PAIR_SIZE]
        at += pairs * PAIR_SIZE
        rows, at = _rows(octets, at, _SPENT, spent)
        state.budget = Budget(rows)
        state.events, at = _rows(octets, at, _EVENT, events)
        state.fobs_spent, at = _rows(octets, at, _FOB, fobs)
        rows, at = _rows(octets, at, _RESISTANCE, ohms)
        state.resistances = [row[0] for row in rows]
    except (ValueError, struct_error, IndexError) as error:
        raise Malformed("damaged state: %s" % error)
    if at != len(octets):
        raise Malformed("damaged state: %d octets too many" % (len(octets) - at))
    return state


def _rows(octets, at, layout, count):
    size = struct.calcsize(layout)
    rows = [struct.unpack_from(layout, octets, at + index * size) for index in range(count)]
    return rows, at + count * size


# struct.error is ValueError on MicroPython, a class of its own on CPython.
struct_error = getattr(struct, "error", ValueError)
