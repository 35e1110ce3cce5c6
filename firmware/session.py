"""One authority's session with this boot: hello asked, time answered. Pure; called by center."""

from protocol.errors import ProtocolError
from protocol.messages import HELLO, TIME, Hello

ANSWER_WITHIN_MS = 60000
ASK_AGAIN_MS = 5000
RESYNC_MS = 6 * 3600 * 1000
# After a bad tag or a refusal that a new clock may heal: at most one hello a minute.
HEAL_MS = 60000


class Session:
    """`nonce` is this boot's; `synchronised` once a TIME for a request of this boot came in time."""

    def __init__(self, authority, nonce):
        self.authority = authority
        self.nonce = nonce
        self.synchronised = False
        self._request = 0
        self._open = False  # a hello was said that no TIME has answered yet
        self._asked_ms = None
        self._synced_ms = 0
        self._healed_ms = None

    def due(self, now_ms):
        """Whether it is time to say hello (again)."""
        if self._asked_ms is None:
            return True
        if not self.synchronised or self._waiting():
            return now_ms - self._asked_ms >= ASK_AGAIN_MS
        return now_ms - self._synced_ms >= RESYNC_MS

    def want(self, now_ms):
        """Something looked wrong: say hello soon, but at most once a minute."""
        if self._healed_ms is None or now_ms - self._healed_ms >= HEAL_MS:
            self._healed_ms = now_ms
            self._asked_ms = None

    def reconnected(self):
        """A new connection: say hello at once."""
        self._asked_ms = None

    def hello(self, identity, state, sequence, cause, now_ms):
        """The sealed hello."""
        self._request = (self._request + 1) & 0xFFFF
        self._asked_ms = now_ms
        self._open = True
        tops = [state.windows[authority].top for authority in (0, 1, 2)]
        message = Hello(
            self.authority, identity.epoch, identity.center, state.boot, self.nonce, self._request,
            tops[0], tops[1], tops[2], sequence, cause,
        )  # fmt: skip
        return HELLO.seal(identity.pairs[self.authority].up, message)

    def answered(self, identity, frame, now_ms):
        """The TIME message and its round trip in ms; None when it is not the answer to this boot's last request."""
        try:
            time = TIME.open(identity.pairs[self.authority].down, frame, self.nonce)
        except ProtocolError:
            return None
        if time.center != identity.center or time.request != self._request or self._asked_ms is None:
            return None
        if not self._open:
            # The same answer once more, held back by somebody: it would set the clock back.
            return None
        trip_ms = now_ms - self._asked_ms
        if trip_ms > ANSWER_WITHIN_MS:
            return None
        self._open = False
        self.synchronised = True
        self._synced_ms = now_ms
        return time, trip_ms

    def _waiting(self):
        return self._asked_ms > self._synced_ms
