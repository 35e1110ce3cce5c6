"""Settings that central changes from afar: judged, kept, in force, on trial; and what became of them, told to central.

Called by the relay with what came under the hop key, and by the rounds. The local broker and keys are never touched.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gateway.domain.remote import APPLIED, TRIAL_S, Options, Overlay
from gateway.errors import StoreUnavailable
from gateway.flows.state import Later
from gateway.flows.upward import Upward
from gateway.ports import Clock, Log, Overlays, Sms
from protocol import gateway
from protocol.codes import BEARER_MQTT, BEARER_SMS
from protocol.hop import SMS_ROOM


class Remote:
    """`use` puts options in force, and does nothing when they are; `program` is this program's version."""

    def __init__(
        self,
        overlays: Overlays,
        use: Callable[[Options], None],
        upward: Upward,
        sms: Sms | None,
        program: str,
        clock: Clock,
        log: Log,
    ) -> None:
        self._overlays = overlays
        self._use = use
        self._upward = upward
        self._sms = sms
        self._program = program
        self._clock = clock
        self._log = log
        self._overlay = Overlay()
        self._where = ""
        self._since = 0.0
        self._linked = False

    @property
    def digest_s(self) -> float | None:
        """Seconds between two digests, when central has said so."""
        return self._overlay.options.digest_s

    def resume(self) -> None:
        """After a start: what is kept; a trial that was going on begins anew."""
        self._overlay = self._overlays.read()
        self._since = self._clock.monotonic()
        if self._overlay.reason and not self._overlay.version:
            self._log.error("settings_lost", reason=self._overlay.reason)

    def told(self, document: dict[str, object], bearer: int, later: Later) -> None:
        """A document of settings, inside a transaction. It comes again until its version was reported."""
        later(partial(self._take, document, bearer))

    def linked(self, where: str) -> None:
        """A connection to a broker of central's stands; what is heard from now on came over it."""
        self._where = where
        self._linked = True

    def heard(self, bearer: int) -> None:
        """A new sealed word of central's: over MQTT it ends a trial."""
        if self._overlay.before is None or bearer != BEARER_MQTT or not self._linked:
            return
        confirmed = self._overlay.confirmed()
        self._overlays.keep(confirmed)
        self._overlay = confirmed
        self._log.info("settings_confirmed", version=confirmed.version, broker=self._where)
        self.report()

    def tick(self, now: float) -> None:
        """Whether a trial is over; raises StoreUnavailable, and then the next tick goes on."""
        if self._overlay.before is None or now - self._since < TRIAL_S:
            return
        reverted = self._overlay.reverted(f"central was not heard over them within {TRIAL_S / 60:.0f} minutes")
        # In force first: a disk that takes nothing must not keep the gateway cut off.
        self._use(reverted.options)
        self._overlays.keep(reverted)
        self._overlay = reverted
        self._log.warning("settings_reverted", version=reverted.version, reason=reverted.reason)
        self.report()

    def report(self, by_sms: bool = False) -> None:
        """Tell central what runs here; by SMS, where only that is left, what became of the settings alone."""
        overlay = self._overlay
        settings = {"version": overlay.version, "state": overlay.state, "reason": overlay.reason}
        document: dict[str, object] = {"settings": settings, "program": self._program, "uplink": self._where}
        if self._sms is not None:
            document["modem"] = _modem(self._sms.state())
        if self._upward.send_alone(gateway.document(gateway.STATUS, document)):
            return
        if by_sms and self._sms is not None and self._sms.room() > 0:
            short = gateway.document(gateway.STATUS, {"settings": {"version": overlay.version, "state": overlay.state}})
            assert len(short) <= SMS_ROOM
            self._sms.publish(self._upward.seal([short]))

    def _take(self, document: dict[str, object], bearer: int) -> None:
        judged = self._overlays.judged(document)
        if judged.version > self._overlay.version:
            after = self._overlay.after(judged)
            try:
                self._overlays.keep(after)
            except StoreUnavailable as error:
                # Central says it again.
                self._log.error("settings_not_kept", version=judged.version, reason=str(error))
                return
            self._enter(after)
        elif not judged.version:
            self._log.warning("settings_refused", reason=judged.reason)
            return
        self.report(by_sms=bearer == BEARER_SMS)

    def _enter(self, overlay: Overlay) -> None:
        if overlay.options.uplink != self._overlay.options.uplink:
            # Nothing is proved by what the connection before still brings.
            self._since, self._linked = self._clock.monotonic(), False
        before, self._overlay = self._overlay, overlay
        say = self._log.info if overlay.state == APPLIED else self._log.warning
        say("settings_changed", version=overlay.version, state=overlay.state, reason=overlay.reason)
        if overlay.options != before.options:
            self._use(overlay.options)


def _modem(state: dict[str, Any]) -> dict[str, Any]:
    return {name: state.get(name) for name in ("ready", "operator", "signal_dbm", "trouble")}
