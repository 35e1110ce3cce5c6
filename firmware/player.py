"""What runs in the board's timer interrupt: the score of the outputs, their limit, and the buttons. Takes no memory.

The program hands it a new score and reads what it saw; while a TLS handshake or the flash keeps the program busy, cadence,
auto-stop and the hold of a button go on here.
"""

from firmware.limit import Limit
from firmware.score import levels

PERIOD_MS = 10


class Player:
    """`latches` are the buttons' (firmware.inputs.Latch), looked at once each period; they too are replaced whole."""

    def __init__(self, latches=()):
        self.limit = Limit()
        self.score = ()  # replaced whole, so that an interrupt never sees half of one
        self.turns = 0  # how often it ran: a watchdog that is fed while this stands still would guard nothing
        self.latches = latches

    def turn(self, ticks):
        """One period: the mask of outputs to be driven."""
        self.turns = (self.turns + 1) & 0xFFFF
        return self.limit.allowed(levels(self.score, ticks), ticks)

    def sample(self, place, pressed):
        """One look at a button."""
        self.latches[place].sample(pressed)
