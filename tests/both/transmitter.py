"""What a fob puts on the air, for the tests of the receiver on both interpreters: frames as levels and their lengths."""

from firmware.radio import FIXED

NONLINEAR = 0x3A5C742E


def encrypt(plain, key):
    """KeeLoq, as published: `plain` of 32 bits, `key` of 64."""
    for number in range(528):
        index = plain >> 1 & 1 | plain >> 8 & 2 | plain >> 18 & 4 | plain >> 23 & 8 | plain >> 27 & 16
        new = (plain ^ plain >> 16 ^ key >> (number & 63) ^ NONLINEAR >> index) & 1
        plain = plain >> 1 | new << 31
    return plain


def frame(code, t_us, status=0):
    """One frame: a list of [level, us]."""
    kind, value = code
    if kind == FIXED:
        units = [1, 31]
        for place in range(23, -1, -1):
            units += [3, 1] if value >> place & 1 else [1, 3]
    else:
        serial, buttons, hopping = value
        units = [1] * 23 + [10]
        for word, size in ((hopping, 32), (serial, 28), (buttons, 4), (status, 2)):
            for place in range(size):
                units += [1, 2] if word >> place & 1 else [2, 1]
        units[-1] += 39
    return [[1 - at % 2, unit * t_us] for at, unit in enumerate(units)]


def play(receiver, edges):
    """Every code that the receiver told."""
    told = []
    for level, us in edges:
        code = receiver.edge(level, us)
        if code is not None:
            told.append(code)
    return told


class Random:
    """The same numbers on both interpreters (Numerical Recipes' generator, its upper bits)."""

    def __init__(self, seed):
        self._state = seed

    def below(self, bound):
        """0 to bound - 1; `bound` at most 65536."""
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 16) * bound >> 16
