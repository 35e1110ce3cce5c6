"""What a center has to say and the broker does not have yet. Pure; called by link.

Bounded. Of hellos, beats and reports only the newest counts, so however long the link is away, they never push out an ack.
"""

from protocol.layout import kind_of
from protocol.messages import ACK, KIND_ACK

LIMIT = 64
# A frame that the broker took and had nobody to give to is said again after this.
AGAIN_MS = 2000

_WAITING = 0
_IN_FLIGHT = 1


class Entry:
    """One frame; `made_ms` is when it was said."""

    def __init__(self, frame, made_ms):
        self.frame = frame
        self.made_ms = made_ms
        self.state = _WAITING
        self.not_before_ms = made_ms

    def lasting(self):
        """Whether it must arrive, however late: acks and events."""
        return len(self.frame) == ACK.size and kind_of(self.frame) == KIND_ACK

    def event(self):
        """(authority, sequence) of an own event, else None."""
        return (ACK.peek(self.frame)[0], ACK.peek(self.frame).sequence) if self.own() else None

    def own(self):
        """Whether it is an event of the center's own, which nobody asks for again."""
        return self.lasting() and ACK.peek(self.frame).counter == 0


class Outgoing:
    """In the order in which things were said."""

    def __init__(self, limit=LIMIT):
        self._entries = []
        self._limit = limit

    def __len__(self):
        return len(self._entries)

    def add(self, frame, now_ms):
        """Take a frame; a newer frame that is not an ack replaces the one of its kind and authority."""
        entry = Entry(frame, now_ms)
        if not entry.lasting():
            self._entries = [old for old in self._entries if old.lasting() or old.frame[:1] != frame[:1]]
        elif entry.own():
            for old in self._entries:
                if old.event() == entry.event():
                    # Told anew while it still waits: in its old place, with its age as it is now.
                    # Told again after so long, whatever the broker was given of it is lost.
                    old.frame, old.made_ms, old.state, old.not_before_ms = frame, now_ms, _WAITING, now_ms
                    return
        self._entries.append(entry)
        while len(self._entries) > self._limit:
            self._entries.remove(self._least())

    def due(self, now_ms, longest=0xFFFF):
        """The next entry of at most `longest` octets to be written to the link, or None."""
        for entry in self._entries:
            if entry.state == _WAITING and now_ms >= entry.not_before_ms and len(entry.frame) <= longest:
                return entry
        return None

    def written(self, entry):
        """It is on its way: not again before it is answered, or the link is a new one."""
        entry.state = _IN_FLIGHT

    def taken(self, entry):
        """Somebody has it; whether it was still waited for."""
        if entry not in self._entries:
            return False
        self._entries.remove(entry)
        return True

    def unheard(self, entry, now_ms):
        """The broker has nobody to give it to: what must arrive is said again later, the rest has lost its use."""
        if not entry.lasting():
            self.taken(entry)
            return
        entry.state = _WAITING
        entry.not_before_ms = now_ms + AGAIN_MS

    def lost(self, entry):
        """It did not arrive: it goes again at once."""
        entry.state = _WAITING

    def renew(self):
        """A new link knows nothing of what the old one was given."""
        for entry in self._entries:
            entry.state = _WAITING
            entry.not_before_ms = entry.made_ms

    def _least(self):
        """What is missed least: first what is not an ack, then the oldest answer, and own events last of all."""
        for entry in self._entries:
            if not entry.lasting():
                return entry
        for entry in self._entries:
            if not entry.own():
                return entry
        return self._entries[0]
