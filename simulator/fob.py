"""A panic fob as its makers built it: EV1527 (fixed code) and HCS301 (KeeLoq, rolling), as the levels of a receiver's pin.

It gives lists of levels and sends nothing; the simulated board plays them. It shares no code with the firmware.
"""

from __future__ import annotations

FIXED = 1
ROLLING = 2

# (level, how long in us), in the order in which a receiver's pin shows them.
Pulse = tuple[int, int]
# Of a rolling fob: serial of 28 bits, buttons of 4, hopping code of 32.
Rolling = tuple[int, int, int]
Code = tuple[int, int | Rolling]

T_US = {FIXED: 350, ROLLING: 400}
_NONLINEAR = 0x3A5C742E


def _nonlinear(state: int) -> int:
    index = sum((state >> tap & 1) << place for place, tap in enumerate((1, 9, 20, 26, 31)))
    return _NONLINEAR >> index & 1


def encrypt(plain: int, key: int) -> int:
    """KeeLoq: a block of 32 bits under a key of 64; 528 rounds, a bit of the key in each, from the lowest on."""
    state = plain
    for number in range(528):
        new = (key >> number % 64 ^ state ^ state >> 16 ^ _nonlinear(state)) & 1
        state = state >> 1 | new << 31
    return state


def decrypt(cipher: int, key: int) -> int:
    """What `encrypt` made `cipher` of."""
    state = cipher
    for number in reversed(range(528)):
        shifted = state << 1 & 0xFFFFFFFF
        new = (key >> number % 64 ^ state >> 31 ^ shifted >> 16 ^ _nonlinear(shifted)) & 1
        state = shifted | new
    return state


def fob_key(maker_key: int, serial: int) -> int:
    """A fob's key of its maker's key and its serial: Microchip's "normal learning" (AN744)."""
    low, high = (decrypt(serial & 0xFFFFFFF | mark, maker_key) for mark in (0x20000000, 0x60000000))
    return high << 32 | low


def pulses_of(code: Code, t_us: int, *, repeated: bool = False, battery_low: bool = False) -> list[Pulse]:
    """One frame of a code, T (TE) being `t_us`; the two flags are status bits that only a rolling fob has."""
    value = code[1]
    if isinstance(value, int):
        bits = [value >> place & 1 for place in reversed(range(24))]
        units = [(1, 1), (0, 31)]
        for bit in bits:
            units += [(1, 3), (0, 1)] if bit else [(1, 1), (0, 3)]
    else:
        serial, buttons, hopping = value
        word = hopping | serial << 32 | buttons << 60 | battery_low << 64 | repeated << 65
        units = [(1, 1), (0, 1)] * 11 + [(1, 1), (0, 10)]
        for place in range(66):
            units += [(1, 1), (0, 2)] if word >> place & 1 else [(1, 2), (0, 1)]
        # The guard time follows the last bit's low without an edge.
        units[-1] = (0, units[-1][1] + 39)
    return [(level, length * t_us) for level, length in units]


class Fob:
    """`identity` is 20 bits of an EV1527 or the serial of an HCS301; `key` (64 bits) and `counter` are a rolling fob's.

    `counter` is the one the next press sends; it goes on with each press, in anybody's reach or not.
    """

    def __init__(self, kind: int, identity: int, key: int = 0, counter: int = 0, t_us: int = 0) -> None:
        self.kind = kind
        self.identity = identity
        self.key = key
        self.counter = counter
        self.t_us = t_us or T_US[kind]

    def code(self, buttons: int) -> Code:
        """What a press of these buttons (4 bits) sends; a rolling fob's counter goes on."""
        if self.kind == FIXED:
            return FIXED, self.identity << 4 | buttons
        plain = buttons << 28 | (self.identity & 0x3FF) << 16 | self.counter
        self.counter = self.counter + 1 & 0xFFFF
        return ROLLING, (self.identity, buttons, encrypt(plain, self.key))

    def press(self, buttons: int, frames: int = 4) -> list[Pulse]:
        """A press held for `frames` frames, and the silence after it."""
        code = self.code(buttons)
        pulses: list[Pulse] = []
        for number in range(frames):
            pulses += pulses_of(code, self.t_us, repeated=number > 0)
        # The receiver shows its noise again: without it the last low would never end.
        level, length_us = pulses[-1]
        pulses[-1] = (level, length_us + 50 * self.t_us * (self.kind == FIXED))
        return [*pulses, (1, 40)]
