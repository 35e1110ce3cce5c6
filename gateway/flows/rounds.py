"""What time does: send again, expire, notice silence, tell the digest, prove the two connections.

Called by the turn several times a second. Each round is guarded by itself: one that fails leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.domain.presence import Change
from gateway.errors import NoRoom, StoreUnavailable
from gateway.flows.autonomy import Autonomy
from gateway.flows.cache import Cache
from gateway.flows.centers import Centers
from gateway.flows.outbox import Outbox
from gateway.flows.passing import Passing
from gateway.flows.remote import Remote
from gateway.flows.state import Later, State
from gateway.flows.upward import Upward
from gateway.ports import LOCAL, SERIAL, Board, Clock, Lamps, LinkChanged, Local, Log, Sms, Store, Uplink
from protocol import hop
from protocol.messages import BEAT, Beat

_BEATS_IN_DIGEST = 80
# An ack that waits for longer than this makes the gateway ask whether central is there.
_WAITING_S = 10.0
# As much as this is a battery that goes down, and not one that is charged.
_BATTERY_MV = 250


@dataclass(frozen=True)
class Intervals:
    """Seconds: how often what is done, and how long the local proof may be missing.

    All heartbeats are told each `digest_s`; those that say something new go with the next sign of life.
    """

    digest_s: float = 7200.0
    status_s: float = 5.0
    probe_s: float = 30.0
    unproved_s: float = 45.0
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
        remote: Remote,
        cache: Cache,
        clock: Clock,
        board: Board,
        lamps: Lamps,
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
        self._remote = remote
        self._cache = cache
        self._clock = clock
        self._board = board
        self._lamps = lamps
        self._intervals = intervals
        self._log = log
        self._digest_at = 0.0
        self._status_at = 0.0
        self._probe_at = 0.0
        self._written_at = clock.monotonic()
        self._told: dict[int, Beat] = {}
        # Whether everything is told now, and not with the next sign of life.
        self._whole = True
        self._broken: set[str] = set()

    def tick(self) -> None:
        """One round of everything."""
        now = self._clock.monotonic()
        steps: list[Callable[[float], None]] = [
            self._send,
            self._deliver,
            self._stops,
            self._remote.tick,
            self._cache.tick,
            self._presence,
            self._reserve,
            self._sign,
            self._prove_uplink,
            self._prove_local,
            self._status,
            self._light,
        ]
        for step in steps:
            self._guard(step, now)

    def link_changed(self, change: LinkChanged) -> None:
        """A connection came or went."""
        now = self._clock.monotonic()
        if change.side in (LOCAL, SERIAL):
            self._way_changed(change, now)
        elif change.up:
            self._state.faults.pop("uplink", None)
            self._state.proof.linked()
            self._remote.linked(change.where)
            self._state.schedule.restart(now)
            self._guard(self._tell_all, now)
        else:
            self._state.faults["uplink"] = change.reason
        self._status_at = now

    def _way_changed(self, change: LinkChanged, now: float) -> None:
        state, wired = self._state, self._state.wired
        centers = wired if change.side == SERIAL else state.mine.keys() - wired
        if change.up:
            state.faults.pop(change.side, None)
            if change.side == LOCAL:
                state.local_proved_at = now
                self._probe_at = now + self._intervals.probe_s
            state.presence.way_back(centers, now)
            state.delivery.hurry(now)
        else:
            # One fault of this gateway, and not as many faults as it has centers.
            if change.side not in state.faults:
                event = "serial_line_lost" if change.side == SERIAL else "local_broker_lost"
                self._log.error(event, centers=len(centers), reason=change.reason)
            state.faults[change.side] = change.reason
            state.presence.way_lost(centers)
            self._digest_at = now

    def _send(self, _: float) -> None:
        self._outbox.send_due()
        if self._state.volatile:
            self._centers.hand_up()

    def _deliver(self, now: float) -> None:
        self._passing.expire(now)
        self._passing.again(now)

    def _stops(self, now: float) -> None:
        for stop in self._autonomy.over(now):
            later = Later()
            with self._store.transaction():
                self._autonomy.tell(stop, later)
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
        self._state.asked = False
        self._whole = True
        known: list[Change] = self._state.presence.known(now)
        self._upward.send([hop.presence(hop.Presence(c.center, int(c.up), c.since_s)) for c in known])
        self._remote.report()

    def _sign(self, now: float) -> None:
        """Say that this gateway is there, in as few octets as tell it: a bare sign, or a digest when there is more to say."""
        if not self._uplink.connected:
            return
        if self._state.asked:
            self._state.reports.forget()
            self._tell_all(now)
        waiting = self._state.schedule.waiting_since(now) > _WAITING_S
        if not self._whole and not self._state.proof.due(now, waiting):
            return
        whole = self._whole or now >= self._digest_at
        beats = [(int(now - at), beat) for at, beat in self._beats(whole)]
        more = whole or beats or len(self._state.schedule)
        sent = self._digest(beats) if more else self._upward.sign()
        if sent:
            self._state.proof.asked(now)
        if whole and sent:
            self._whole = False
            self._digest_at = now + (self._remote.digest_s or self._intervals.digest_s)

    def _digest(self, beats: list[tuple[int, bytes]]) -> bool:
        oldest, sent = self._outbox.oldest(), True
        for first in range(0, max(1, len(beats)), _BEATS_IN_DIGEST):
            part = beats[first : first + _BEATS_IN_DIGEST]
            sent = self._upward.send_alone(hop.digest(hop.Digest(self._clock.now(), oldest, part))) and sent
        self._log.info("digest", beats=len(beats), oldest=oldest, waiting=len(self._state.schedule))
        return sent

    def _beats(self, whole: bool) -> list[tuple[float, bytes]]:
        """All heartbeats, or those that say something else than what central was told last."""
        found = []
        for center, (at, frame) in self._state.beats.items():
            beat, told = BEAT.peek(frame), self._told.get(center)
            if whole or told is None or beat[6:] != told[6:] or abs(beat.battery - told.battery) >= _BATTERY_MV:
                found.append((at, frame))
                self._told[center] = beat
        return found

    def _prove_uplink(self, now: float) -> None:
        """Nothing that was asked is answered: the connection may only seem to be one; make another."""
        silence_s = self._state.proof.over_s(now) if self._uplink.connected else None
        if silence_s is not None:
            self._uplink.drop(f"central answered nothing for {silence_s:.0f} s")

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
        oldest, heard_at = state.schedule.oldest(), state.proof.heard_at
        self._board.post(
            {
                "gateway": state.gateway,
                "written_at": self._clock.now(),
                "clock": {"sane": self._clock.sane(), "trusted": self._clock.trusted()},
                "uplink": {
                    "connected": self._uplink.connected,
                    "central_heard_s": None if heard_at is None else int(now - heard_at),
                    "proven": self._uplink.connected and state.proof.standing(now),
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

    def _light(self, now: float) -> None:
        whole = self._local.connected and not self._state.faults.keys() & {LOCAL, SERIAL}
        self._lamps.show(self._uplink.connected, whole, now < self._state.alarm_until)

    def _guard(self, step: Callable[[float], None], now: float) -> None:
        name = step.__name__.strip("_")
        try:
            step(now)
        except StoreUnavailable as error:
            if "store" not in self._state.faults:
                self._log.error("store_unavailable", during=name, reason=str(error))
            self._state.faults["store"] = str(error)
        except NoRoom as error:
            # What this round has to say waits, as the acks do.
            self._state.faults["outbox"] = str(error)
        except Exception as error:
            # A round that is broken is said once, and tried again at the next tick.
            if name not in self._broken:
                self._log.error("round_failed", during=name, reason=repr(error), exc_info=True)
            self._broken.add(name)
        else:
            self._broken.discard(name)
