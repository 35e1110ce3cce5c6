"""One authority's session with this boot: hello asked, time answered. Pure; called by center."""

from protocol.codes import LOCAL
from protocol.errors import ProtocolError
from protocol.messages import HELLO, TIME, Hello

ANSWER_WITHIN_MS = 60000
# Unanswered hellos are said again after this, doubling; the lower end is for a person who waits, the upper for a prepaid card.
ASK_AGAIN_MS = (5000, 60000)
OPEN_HELLOS = 8
RESYNC_MS = 6 * 3600 * 1000
# The gateway is asked more often: by its clock the strobes of a group flash in step, and a crystal of 30 parts in a million
# is 27 ms off after this.
RESYNC_LOCAL_MS = 900 * 1000
# After a bad tag or a refusal that a new clock may heal: at most one hello a minute.
HEAL_MS = 60000


class Session:
    """`nonce` is this boot's; `synchronised` once a TIME for a request of this boot came in time."""

    def __init__(self, authority, nonce):
        self.authority = authority
        self.nonce = nonce
        self.synchronised = False
        self._request = 0
        self._open = []  # (request, when in ms) of hellos that a TIME may still answer, oldest first
        self._asked_ms = None
        self._patience_ms = 0
        self._synced_ms = 0
        self._healed_ms = None

    def due(self, now_ms):
        """Whether it is time to say hello (again)."""
        if self._asked_ms is None:
            return True
        if not self.synchronised or self._open:
            return now_ms - self._asked_ms >= self._patience_ms
        return now_ms - self._synced_ms >= (RESYNC_LOCAL_MS if self.authority == LOCAL else RESYNC_MS)

    def want(self, now_ms):
        """Something looked wrong: say hello soon, but at most once a minute."""
        if self._healed_ms is None or now_ms - self._healed_ms >= HEAL_MS:
            self._healed_ms = now_ms
            self._asked_ms = None

    def reconnected(self):
        """A new connection: say hello at once, and be impatient again."""
        self._asked_ms = None
        self._patience_ms = 0

    def hello(self, identity, state, sequence, cause, now_ms):
        """The sealed hello."""
        self._request = (self._request + 1) & 0xFFFF
        self._asked_ms = now_ms
        self._patience_ms = min(max(2 * self._patience_ms, ASK_AGAIN_MS[0]), ASK_AGAIN_MS[1])
        self._open.append((self._request, now_ms))
        del self._open[:-OPEN_HELLOS]
        tops = [state.windows[authority].top for authority in (0, 1, 2)]
        message = Hello(
            self.authority, identity.epoch, identity.center, state.boot, self.nonce, self._request,
            tops[0], tops[1], tops[2], sequence, cause,
        )  # fmt: skip
        return HELLO.seal(identity.pairs[self.authority].up, message)

    def answered(self, identity, frame, now_ms):
        """The TIME message and its round trip in ms; None when it answers no open hello of this boot in time.

        Any open one, so that a link with round trips longer than our patience synchronises too.
        """
        try:
            time = TIME.open(identity.pairs[self.authority].down, frame, self.nonce)
        except ProtocolError:
            return None
        if time.center != identity.center:
            return None
        for place, (request, asked_ms) in enumerate(self._open):
            if request == time.request and now_ms - asked_ms <= ANSWER_WITHIN_MS:
                # It and those before it are closed: an answer held back by somebody would set the clock back.
                self._open = self._open[place + 1 :]
                self._patience_ms = 0 if not self._open else self._patience_ms
                self.synchronised = True
                self._synced_ms = now_ms
                return time, now_ms - asked_ms
        return None
