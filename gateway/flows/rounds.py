"""What time does: send again, expire, notice silence, tell the digest, prove the two connections.

Called by the turn several times a second. Each round is guarded by itself: one that fails leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.domain.presence import Change
from gateway.errors import StoreUnavailable
from gateway.flows.autonomy import Autonomy
from gateway.flows.centers import Centers
from gateway.flows.outbox import Outbox
from gateway.flows.passing import Passing
from gateway.flows.state import Later, State
from gateway.flows.upward import Upward
from gateway.ports import LOCAL, Board, Clock, LinkChanged, Local, Log, Sms, Store, Uplink
from protocol import hop

_BEATS_IN_DIGEST = 80


@dataclass(frozen=True)
class Intervals:
    """Seconds: how often what is done, and how long a proof may be missing."""

    digest_s: float = 300.0
    status_s: float = 5.0
    probe_s: float = 30.0
    unproved_s: float = 45.0
    unproved_max_s: float = 600.0
    store_s: float = 600.0


class Rounds:
    """Everything that happens because time passed, or because a connection came or went."""

    def __init__(
        self,
        state: State,
        store: Store,
        uplink: Uplink,
        local: Local,
        sms: Sms | None,
        passing: Passing,
        autonomy: Autonomy,
        outbox: Outbox,
        centers: Centers,
        upward: Upward,
        clock: Clock,
        board: Board,
        intervals: Intervals,
        log: Log,
    ) -> None:
        self._state = state
        self._store = store
        self._uplink = uplink
        self._local = local
        self._sms = sms
        self._passing = passing
        self._autonomy = autonomy
        self._outbox = outbox
        self._centers = centers
        self._upward = upward
        self._clock = clock
        self._board = board
        self._intervals = intervals
        self._log = log
        self._digest_at = 0.0
        self._status_at = 0.0
        self._probe_at = 0.0
        self._written_at = clock.monotonic()
        self._uplink_up_at = 0.0
        self._patience_s = intervals.unproved_s
        self._broken: set[str] = set()

    def tick(self) -> None:
        """One round of everything."""
        now = self._clock.monotonic()
        steps: list[Callable[[float], None]] = [
            self._send,
            self._deliver,
            self._stops,
            self._presence,
            self._reserve,
            self._digest,
            self._prove_uplink,
            self._prove_local,
            self._status,
        ]
        for step in steps:
            self._guard(step, now)

    def link_changed(self, change: LinkChanged) -> None:
        """A connection came or went."""
        now = self._clock.monotonic()
        if change.side == LOCAL:
            self._local_changed(change, now)
        elif change.up:
            self._state.faults.pop("uplink", None)
            self._uplink_up_at = now
            self._state.schedule.restart(now)
            self._digest_at = now
            self._guard(self._tell_all, now)
        else:
            self._state.faults["uplink"] = change.reason
        self._status_at = now

    def _local_changed(self, change: LinkChanged, now: float) -> None:
        if change.up:
            self._state.faults.pop("local", None)
            self._state.local_proved_at = now
            self._probe_at = now + self._intervals.probe_s
            self._state.presence.broker_back(now)
            self._state.delivery.hurry(now)
        else:
            # One fault of this gateway, and not as many faults as it has centers.
            if "local" not in self._state.faults:
                self._log.error("local_broker_lost", centers=len(self._state.mine), reason=change.reason)
            self._state.faults["local"] = change.reason
            self._state.presence.broker_lost(now)
            self._digest_at = now

    def _send(self, _: float) -> None:
        self._outbox.send_due()
        if self._state.volatile:
            self._centers.hand_up()

    def _deliver(self, now: float) -> None:
        self._passing.expire(now)
        self._passing.again(now)

    def _stops(self, now: float) -> None:
        for stop in self._autonomy.overdue(now):
            later = Later()
            with self._store.transaction():
                self._autonomy.give_up(stop, later)
            later.run()

    def _presence(self, now: float) -> None:
        changes = self._state.presence.silent(now)
        if changes:
            self._centers.tell(changes)

    def _reserve(self, now: float) -> None:
        self._upward.reserve()
        # Only a write shows that the disk takes writes; a quiet night must not hide a card that has become read-only.
        if "store" in self._state.faults or now >= self._written_at + self._intervals.store_s:
            self._upward.reserve(again=True)
            self._written_at = now
            if self._state.faults.pop("store", None):
                self._log.info("store_recovered")

    def _tell_all(self, now: float) -> None:
        known: list[Change] = self._state.presence.known(now)
        self._upward.send([hop.presence(hop.Presence(c.center, int(c.up), c.since_s)) for c in known])

    def _digest(self, now: float) -> None:
        if now < self._digest_at or not self._uplink.connected:
            return
        self._digest_at = now + self._intervals.digest_s
        beats = [(int(now - at), beat) for at, beat in self._state.beats.values()]
        oldest = self._outbox.oldest()
        for first in range(0, max(1, len(beats)), _BEATS_IN_DIGEST):
            part = beats[first : first + _BEATS_IN_DIGEST]
            self._upward.send_alone(hop.digest(hop.Digest(self._clock.now(), oldest, part)))
        self._log.info("digest", beats=len(beats), oldest=oldest, waiting=len(self._state.schedule))

    def _prove_uplink(self, now: float) -> None:
        """Acks go out and no receipt comes in: the connection may only seem to be one; make another."""
        heard_at = self._state.central_heard_at
        if heard_at is not None and heard_at >= self._uplink_up_at:
            self._patience_s = self._intervals.unproved_s
        quiet_s = now - max(self._uplink_up_at, heard_at if heard_at is not None else 0.0)
        waiting = self._state.schedule.waiting_since(now) > self._patience_s
        if self._uplink.connected and waiting and quiet_s > self._patience_s:
            self._uplink_up_at = now
            self._patience_s = min(self._patience_s * 2, self._intervals.unproved_max_s)
            self._uplink.drop(f"central confirmed nothing for {quiet_s:.0f} s")

    def _prove_local(self, now: float) -> None:
        """Our own greeting must come back: then the broker serves our subscription."""
        if not self._local.connected or now < self._probe_at:
            return
        proved_at = self._state.local_proved_at
        if proved_at is not None and now - proved_at > self._intervals.unproved_s + self._intervals.probe_s:
            self._state.local_proved_at = now
            self._local.drop(f"our own greeting did not come back for {now - proved_at:.0f} s")
            return
        self._probe_at = now + self._intervals.probe_s
        self._local.probe()

    def _status(self, now: float) -> None:
        if now < self._status_at:
            return
        self._status_at = now + self._intervals.status_s
        state = self._state
        oldest = state.schedule.oldest()
        self._board.post(
            {
                "gateway": state.gateway,
                "written_at": self._clock.now(),
                "clock": {"sane": self._clock.sane(), "trusted": self._clock.trusted()},
                "uplink": {
                    "connected": self._uplink.connected,
                    "central_heard_s": None if state.central_heard_at is None else int(now - state.central_heard_at),
                },
                "sms": self._sms.state() if self._sms else None,
                "local": {"connected": self._local.connected},
                "outbox": {"waiting": len(state.schedule), "oldest_s": int(now - oldest.kept_at) if oldest else None},
                "reporting": self._outbox.reporting.state(),
                "commands_waiting": len(state.delivery),
                "centers": {
                    str(center): {
                        "presence": state.presence.state(center),
                        "silent_s": state.presence.silence_s(center, now),
                    }
                    for center in state.mine
                },
                "faults": dict(state.faults),
                "refused": state.tally.totals(),
            }
        )

    def _guard(self, step: Callable[[float], None], now: float) -> None:
        name = step.__name__.strip("_")
        try:
            step(now)
        except StoreUnavailable as error:
            if "store" not in self._state.faults:
                self._log.error("store_unavailable", during=name, reason=str(error))
            self._state.faults["store"] = str(error)
        except Exception as error:
            # A round that is broken is said once, and tried again at the next tick.
            if name not in self._broken:
                self._log.error("round_failed", during=name, reason=repr(error), exc_info=True)
            self._broken.add(name)
        else:
            self._broken.discard(name)
