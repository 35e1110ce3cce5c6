"""How often a center may sound, whatever it is told: pure counts over its own lifetime seconds. Called by center.

Lifetime seconds rise only while the center runs and go on across restarts, so that cycling the power, or setting the
clock, buys no activation (docs/protocol.md, step 14).
"""

from protocol.codes import CENTRAL, LOCAL

SHORT_S = 15 * 60
LONG_S = 24 * 3600
PER_SHORT = 3
PER_LONG = 8
LOCAL_PER_SHORT = 2

MAX_ON_S = 180
DEFAULT_ON_S = 30


class Budget:
    """Activations spent: list of (lifetime second, authority), oldest first."""

    def __init__(self, spent=None):
        self.spent = list(spent or [])

    def allows(self, now_s, authority):
        """Whether one more activation is left for this authority.

        One of the activations of each period is always kept for central; the gateway's local authority has at most
        two of the three in 15 minutes.
        """
        self._forget(now_s)
        recent = [who for at, who in self.spent if now_s - at < SHORT_S]
        if len(recent) >= PER_SHORT or len(self.spent) >= PER_LONG:
            return False
        if authority == CENTRAL:
            return True
        others_long = len([1 for _, who in self.spent if who != CENTRAL])
        if others_long >= PER_LONG - 1:
            return False
        return len([1 for who in recent if who == LOCAL]) < LOCAL_PER_SHORT

    def spend(self, now_s, authority):
        """Count one activation."""
        self._forget(now_s)
        self.spent.append((now_s, authority))

    def _forget(self, now_s):
        self.spent = [(at, who) for at, who in self.spent if now_s - at < LONG_S]


def on_time_s(asked_s, longest_s=None):
    """For how long an activation may last: the default for 0, never more than the cap, nor than its signal lasts."""
    return min(asked_s or DEFAULT_ON_S, MAX_ON_S if longest_s is None else longest_s)
