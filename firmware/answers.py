"""Everything a center says, sealed and numbered: acks, events, heartbeats. Pure; called by center.

The ack sequence is persistent and orders all of it. An exact repeat of a command gets the very same octets again.
"""

from firmware.state import MAX_EVENTS, RESERVE
from protocol import codes
from protocol.messages import ACK, BEAT, Ack, Beat

REMEMBERED = 24
# An event is told again after so long, until central confirms it; the last one for ever.
TELL_AGAIN_S = (20, 60, 180, 3600)
_LOCAL_STATUS = {codes.SOUNDING: codes.SOUNDING_LOCALLY, codes.STOPPED: codes.STOPPED_LOCALLY}


class Answers:
    """`next` is the next sequence; those up to the state's reserve are covered by the last write to flash."""

    def __init__(self, identity, state):
        self._identity = identity
        self._state = state
        self.next = state.reserved
        state.reserved = self.next + RESERVE
        self._due = {}  # sequence of an event: (when it is told again in ms of this boot, how often it was)
        self._said = []  # (key, frame), newest last; key is (authority, counter) or (authority, counter, refusal)

    def take(self):
        """The next sequence number. `spent` tells when the reserve must be renewed in flash."""
        sequence = self.next
        self.next = (sequence + 1) & 0xFFFFFFFF
        return sequence

    def reserve(self):
        """Raise the reserve for the next write; whether flash must be written before anything more is said."""
        low = self._state.reserved - self.next < RESERVE // 4
        if low:
            self._state.reserved = self.next + RESERVE
        return low

    def answer(self, command, status, outputs, battery_mv):
        """An ack about a command; a refusal of the same frame is said in the same octets again."""
        key = (command.authority, command.counter)
        if codes.refused(status):
            key += (status,)
            known = self._last(key)
            if known:
                return known
        order = (command.authority, command.counter, command.incident)
        return self._remember(key, self._seal(order, status, outputs, 0, battery_mv))

    def about(self, order, status, outputs, battery_mv):
        """Acks about what became of an order, (authority, counter, incident); counter 0 is the own button.

        What the gateway ordered is told to central too, under its own key: the gateway's word is no proof of a siren.
        """
        authority, counter, incident = order
        frames = []
        if counter:
            frames.append(self._remember((authority, counter), self._seal(order, status, outputs, 0, battery_mv)))
        if not counter or authority == codes.LOCAL:
            own = (codes.CENTRAL, 0, incident)
            frames.append(self._seal(own, _LOCAL_STATUS.get(status, status), outputs, 0, battery_mv))
        return frames

    def again(self, key, command, outputs, battery_mv):
        """The last answer to a command once more.

        When that was too long ago to be remembered: ACCEPTED only if it is known that it was obeyed, else TOO_OLD, so
        that a refused command never passes for an obeyed one.
        """
        known = self._last(key)
        if known is None:
            for remembered, frame in self._said:
                if remembered[:2] == key:
                    known = frame
        if known:
            return [known]
        obeyed = self._state.executed(command.incident, command.activation)
        status = codes.ACCEPTED if obeyed or not command.action & codes.ACTIVATE else codes.TOO_OLD
        return [self.answer(command, status, outputs, battery_mv)]

    def keep_event(self, status, incident, lifetime_s, detail, now_ms):
        """A new event, for flash until central confirms it; of too many, news goes first and a person's press last.

        `detail` is the battery in mV, or the fob's slot. Answers with the event: (sequence, status, incident, lifetime
        second, detail).
        """
        event = (self.take(), status, incident, lifetime_s, detail)
        events = self._state.events
        events.append(event)
        self._tell(event[0], now_ms, 0)
        while len(events) > MAX_EVENTS:
            news = [one for one in events if one[1] not in codes.PRESSES]
            gone = news[0] if news else events[0]
            events.remove(gone)
            self._due.pop(gone[0], None)
        return event

    def event(self, event, outputs, age_s):
        """The event under the central key and, for the gateway, under the local one."""
        sequence, status, incident, _, detail = event
        frames = []
        for authority in (codes.CENTRAL, codes.LOCAL):
            frames.append(self._seal((authority, 0, incident), status, outputs, age_s, detail, sequence))
        return frames

    def pending_events(self, lifetime_s, now_ms, all_of_them):
        """The events that are to be told (again), with their true age; the same sequence, so nobody counts them twice.

        All of them on a new link; else those whose time has come: three times, further and further apart, then now and then.
        """
        frames = []
        for event in self._state.events:
            due_ms, tries = self._due.get(event[0], (now_ms, 0))
            if all_of_them or now_ms >= due_ms:
                self._tell(event[0], now_ms, 0 if all_of_them else tries + 1)
                frames += self.event(event, 0, min(lifetime_s - event[3], 0xFFFF))
        return frames

    def confirmed(self, sequence):
        """Central has an event for good; whether it was waited for (then flash must be written)."""
        kept = [event for event in self._state.events if event[0] != sequence]
        changed = len(kept) != len(self._state.events)
        self._state.events = kept
        self._due.pop(sequence, None)
        return changed

    def _tell(self, sequence, now_ms, tries):
        self._due[sequence] = (now_ms + 1000 * TELL_AGAIN_S[min(tries, len(TELL_AGAIN_S) - 1)], tries)

    def aged(self, frame, age_s):
        """An ack that waited for a link, with its true age; other frames as they are."""
        if len(frame) != ACK.size or age_s < 1:
            return frame
        ack = ACK.peek(frame)
        older = ack[:8] + (min(ack.age + age_s, 0xFFFF),) + ack[9:]
        return ACK.seal(self._identity.pairs[ack.authority].up, Ack(*older))

    def beats(self, uptime_s, battery_mv, flags, outputs, verdict):
        """A heartbeat for central and one for the gateway, under one sequence."""
        sequence = self.take()
        frames = []
        for authority in (codes.CENTRAL, codes.LOCAL):
            beat = Beat(
                authority, self._identity.epoch, self._identity.center, sequence, uptime_s, battery_mv, flags,
                outputs, verdict,
            )  # fmt: skip
            frames.append(BEAT.seal(self._identity.pairs[authority].up, beat))
        return frames

    def _seal(self, order, status, outputs, age_s, battery_mv, sequence=None):
        authority, counter, incident = order
        if sequence is None:
            sequence = self.take()
        ack = Ack(
            authority, self._identity.epoch, self._identity.center, counter, incident, status, outputs, sequence,
            age_s, battery_mv,
        )  # fmt: skip
        return ACK.seal(self._identity.pairs[authority].up, ack)

    def _remember(self, key, frame):
        self._said = [entry for entry in self._said if entry[0] != key]
        self._said.append((key, frame))
        del self._said[:-REMEMBERED]
        return frame

    def _last(self, key):
        for remembered, frame in self._said:
            if remembered == key:
                return frame
        return None
