"""What the outputs shall do from now on, as data that a timer interrupt can play without the program. Pure.

A score is a tuple of entries (output bit, cadence, its whole length, origin, start, lasting), times in ticks that wrap at
2**30 ms. Made by center, played by player. `levels` takes no memory: a hard interrupt calls it.
"""

TICKS_MASK = (1 << 30) - 1


def entry(bit, cadence, start, lasting_ms, origin=None):
    """One output from tick `start` for `lasting_ms`; the cadence counts from tick `origin`, or from the start."""
    return (bit, cadence, sum(cadence), start if origin is None else origin, start, lasting_ms)


def levels(score, ticks):
    """The mask of outputs that are on at a tick."""
    mask = 0
    for one in score:
        since = (ticks - one[4]) & TICKS_MASK
        if since < one[5] and _on(one[1], ((ticks - one[3]) & TICKS_MASK) % one[2]):
            mask |= one[0]
    return mask


def _on(cadence, at):
    level = True
    for part in cadence:
        if at < part:
            return level
        at -= part
        level = not level
    return False
