"""Which center of a shared line is polled next, and with what. Pure; driven by local/serial_line, times are monotonic seconds.

Promises, at 115,200 bit/s and centers that answer: a press among twenty is heard within 500 ms whatever else goes on,
a silent center costs one timeout in a tenth of a second, and long frames never follow one another closely.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from protocol.line import BRIEF, BRIEF_SIZE, FIRST, MORE, Message

# A center that has nothing to say is polled this often; after a frame for it, its answer to that is looked for soon.
IDLE_S = 0.1
NEWS_S = 0.03
# So many polls in vain make a center silent, and this many lost: it must begin anew, and its silence is told.
SILENT_MISSES = 3
LOST_MISSES = 6
# Silent centers are polled at doubling intervals, and never more often than one of them in PROBE_S.
BACKOFF_S = (0.25, 2.0)
PROBE_S = 0.1
# More frames than this for one center are too many: the oldest goes.
WAITING = 32


@dataclass
class Waiting:
    """A frame for a center, worth nothing any more from `until` on."""

    frame: bytes
    until: float


@dataclass
class Member:
    """A center on the line; `sent` and `told` are what the poll that is under way carries."""

    center: int
    due_at: float = 0.0
    misses: int = 0
    first: bool = True
    more: bool = False
    heard: int = 0
    told: int = 0
    sent: Waiting | None = None
    brief: deque[Waiting] = field(default_factory=deque)
    long: deque[Waiting] = field(default_factory=deque)
    taken: deque[int] = field(default_factory=deque)

    @property
    def silent(self) -> bool:
        """Whether it has not answered for several polls."""
        return self.misses >= SILENT_MISSES

    @property
    def urgent(self) -> bool:
        """Whether it comes before others: a brief frame waits at one of the ends, and it answers."""
        return not self.silent and bool(self.more or self.brief)


class Rota:
    """The members take turns by the time that they are due. Every other turn goes to one with something urgent."""

    def __init__(self, centers: Iterable[int]) -> None:
        self.members = {center: Member(center) for center in centers}
        self._favoured = False
        self._probe_at = 0.0
        # Polls until the next long frame may travel: everybody else has a turn first.
        self._brief_turns = 0

    def restart(self, now: float) -> None:
        """The line is a new one: every center begins anew."""
        for member in self.members.values():
            member.misses, member.first, member.more = 0, True, False
            member.heard, member.due_at = 0, now
            member.taken.clear()

    def put(self, center: int, frame: bytes, until: float, now: float) -> None:
        """A frame for a center of this line."""
        member = self.members[center]
        queue = member.brief if len(frame) <= BRIEF_SIZE else member.long
        if any(waiting.frame == frame for waiting in queue):
            return
        if len(queue) >= WAITING:
            queue.popleft()
        queue.append(Waiting(frame, until))
        member.due_at = min(member.due_at, now)

    def taken(self, center: int, mark: int) -> None:
        """The frame of that mark is stored; its center learns it by the next poll."""
        self.members[center].taken.append(mark)

    def next(self, now: float) -> Member | None:
        """Whose turn it is; None when nobody is due."""
        due = [member for member in self.members.values() if member.due_at <= now and not member.silent]
        if now >= self._probe_at:
            due += [member for member in self.members.values() if member.due_at <= now and member.silent]
        urgent = [member for member in self.members.values() if member.urgent]
        # Not two urgent ones in a row while others are due: a center that always has news must not mute the rest.
        self._favoured = bool(urgent) and not (self._favoured and due)
        turn = min(urgent if self._favoured else due, key=lambda member: member.due_at, default=None)
        if turn is not None and turn.silent:
            self._probe_at = now + PROBE_S
        return turn

    def wait_s(self, now: float) -> float:
        """Seconds until somebody is due."""
        at = min(max(m.due_at, self._probe_at if m.silent else 0.0) for m in self.members.values())
        return max(0.0, at - now)

    def poll(self, member: Member, now: float) -> Message:
        """What to ask a member, with a frame for it when one waits and may travel now."""
        for queue in (member.brief, member.long):
            for late in [waiting for waiting in queue if waiting.until <= now]:
                queue.remove(late)
        room = self._brief_turns <= 0
        waiting = member.brief or (member.long if room else ())
        member.sent = waiting[0] if waiting else None
        member.told = member.taken[0] if member.taken else 0
        long = member.sent is not None and len(member.sent.frame) > BRIEF_SIZE
        control = (FIRST if member.first else 0) | (BRIEF if long or not room else 0)
        return Message(member.center, control, member.heard, member.told, member.sent.frame if member.sent else b"")

    def answered(self, member: Member, answer: Message, now: float) -> bool:
        """It answered, so it has what the poll carried. Whether it was lost, or new, until now."""
        back = member.first
        for queue in (member.brief, member.long):
            if member.sent is not None and member.sent in queue:
                queue.remove(member.sent)
        if member.told in member.taken:
            member.taken.remove(member.told)
        long = len(answer.frame) > BRIEF_SIZE or (member.sent is not None and len(member.sent.frame) > BRIEF_SIZE)
        others = sum(not one.silent for one in self.members.values())
        # The turn after those is not the same center's again.
        self._brief_turns = others if long else self._brief_turns - 1
        member.misses, member.first, member.heard = 0, False, answer.mark
        member.more = bool(answer.frame and answer.control & MORE)
        member.due_at = now + (NEWS_S if member.sent else IDLE_S)
        return back

    def missed(self, member: Member, now: float) -> bool:
        """It did not answer. Whether it is lost from now on."""
        member.misses += 1
        member.more = False
        self._brief_turns -= 1
        pause_s = BACKOFF_S[0] * 2.0 ** min(member.misses - SILENT_MISSES, 8) if member.silent else 0.0
        member.due_at = now + min(pause_s, BACKOFF_S[1])
        if member.misses == LOST_MISSES:
            member.first, member.heard = True, 0
            member.taken.clear()
            return True
        return False
