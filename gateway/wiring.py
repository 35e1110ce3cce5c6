"""Puts the gateway together: the only place that names both edges and flows, and starts their threads.

Called by `__main__` and by tests, which run the whole gateway in their own process.
"""

from __future__ import annotations

import importlib.metadata
import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue

from gateway.certificates import certificates, context
from gateway.clock import SystemClock
from gateway.connection import Endpoint, Line, uplinks
from gateway.connection import local as local_endpoint
from gateway.domain.bearer import SmsPolicy
from gateway.domain.delivery import Delivery
from gateway.domain.presence import Presence
from gateway.domain.priority import Schedule
from gateway.domain.proof import Pace, Proof
from gateway.domain.remote import Options
from gateway.errors import CannotRun
from gateway.flows.assembly import Ends, Flows, Limits
from gateway.flows.autonomy import Panic
from gateway.flows.rounds import Intervals
from gateway.flows.state import State, Tally
from gateway.health import StatusFile, summary
from gateway.local import mqtt as local_mqtt
from gateway.local.gpio import Gpio
from gateway.local.serial_line import SerialLine
from gateway.local.sides import Sides
from gateway.metrics import serve
from gateway.ports import LOCAL, UPLINK, Event, Log, Stop
from gateway.sections import PanicSettings
from gateway.session import Session
from gateway.settings import Settings
from gateway.store.keys import load, secret
from gateway.store.outbox import SqliteStore
from gateway.store.overlay import OverlayFile
from gateway.store.releases import ReleaseFolder
from gateway.uplink import mqtt as uplink_mqtt
from gateway.uplink.sms import SmsUplink
from modem.keeper import Keeper, LadderActions
from modem.session import KeeperSettings
from protocol.codes import SIREN, STROBE

# The second bearer: a driver that makes it wait for less than this ends no gateway that works without it.
_MODEM_STILL_S = 600.0


class Gateway:
    """A whole gateway; `start` returns once its store is open and its threads run, `failed` is called if one dies."""

    def __init__(self, settings: Settings, log: Log, failed: Callable[[str], None] = lambda reason: None) -> None:
        folders, outbox, centers = settings.folders, settings.outbox, settings.centers
        keys = load(folders.keys)
        certificates(folders.keys, keys.name)
        self._log = log
        self._failed = failed
        self._keys = keys
        self._settings = settings
        self._inbox: SimpleQueue[Event] = SimpleQueue()
        self._ready: SimpleQueue[Exception | None] = SimpleQueue()
        self._status = StatusFile(folders.posted)
        self._end_metrics: Callable[[], None] = lambda: None
        clock = SystemClock(settings.clock.trust)
        self._clock = clock

        self._sessions = [
            self._session(UPLINK, uplinks(settings.uplink), uplink_mqtt.topics(keys.name)),
            self._session(LOCAL, [local_endpoint(settings.local, keys.name)], local_mqtt.topics()),
        ]
        uplink = uplink_mqtt.MqttUplink(keys.name, self._sessions[0])
        broker = local_mqtt.MqttLocal(keys.name, self._sessions[1])
        wired = settings.serial.device and settings.serial.centers
        line = SerialLine(settings.serial, self._inbox.put, log) if wired else None
        local = Sides(broker, line) if line else broker
        self._links: list[Session | SerialLine] = [*self._sessions, *([line] if line else [])]
        self._gpio = Gpio(settings.gpio, folders.state, clock.monotonic, self._inbox.put, failed)
        self.lamps = self._gpio.lamps

        self._store = SqliteStore(folders.state / "outbox.db", keys.sequence_epoch, outbox.min_free_mb)
        now = clock.monotonic()
        self.state = State(
            keys.gateway,
            keys.centers,
            Delivery(centers.resend_s),
            Schedule(outbox.resend_s, outbox.resend_max_s, outbox.inflight),
            Presence(keys.centers, centers.silent_after_s, centers.hinted_after_s, now),
            Tally(log),
            proof=Proof(Pace(settings.uplink.sign_s)),
            wired=line.centers if line else frozenset(),
        )
        self._sms = self._short_messages()
        overlays = OverlayFile(folders.state)
        self._use(overlays.read().options)
        ends = Ends(
            self._store,
            uplink,
            self._sms,
            local,
            keys,
            self._status,
            self.lamps,
            clock,
            log,
            ReleaseFolder(folders.state / "releases", keys.release_key),
            overlays,
            self._use,
        )
        limits = Limits(
            outbox.max_rows,
            SmsPolicy(settings.sms.after_s, settings.sms.batch_s),
            _panic(settings.panic),
            Intervals(digest_s=centers.digest_s),
            _version(),
        )
        self._flows = Flows(self._inbox, self.state, ends, keys.hop, limits)
        self._thread = threading.Thread(target=self._work, name="turns", daemon=True)

    def start(self) -> None:
        """Open the store, take up what it holds, connect; raises CannotRun with a sentence."""
        self._gpio.start()
        self._serve_metrics()
        self._thread.start()
        error = self._ready.get()
        if error is not None:
            self._gpio.stop()
            raise error
        self._log.info("started", centers=len(self._keys.centers), outbox=len(self.state.schedule))
        for link in self._links:
            link.start()
        if self._sms is not None:
            self._sms.start()

    def ailing(self, stale_s: float) -> list[str]:
        """What of this program does not live, in sentences: nothing that the WAN or a full disk does, which no restart mends.

        The loop owns the store: one that waits for its disk for `stale_s` has not turned either.
        """
        still_s = self._clock.monotonic() - self._flows.turns.turned_at
        found = [f"the loop has not turned for {still_s:.0f} s"] if still_s > stale_s else []
        found += [f"the {link.side} session has ended" for link in self._links if not link.alive]
        if self._sms is not None and self._sms.still_s > _MODEM_STILL_S:
            found.append("the modem's loop turns no more")
        return found

    def summary(self) -> str:
        """The state in one line, for `systemctl status`."""
        return summary(self._status.latest) if self._status.latest else "started"

    def stop(self) -> None:
        """Say goodbye to both brokers, finish the turn, close the store."""
        self._gpio.stop()
        for link in self._links:
            link.stop()
        if self._sms is not None:
            self._sms.stop()
        self._inbox.put(Stop())
        self._thread.join(10)
        self._end_metrics()
        self._status.remove()
        self._log.info("stopped", outbox=len(self.state.schedule))

    def _serve_metrics(self) -> None:
        address = self._settings.metrics.address()
        try:
            if address:
                self._end_metrics = serve(address, lambda: self._status.latest)
        except OSError as error:
            # A port that somebody else has keeps no siren from sounding.
            self.state.faults["metrics"] = f"{self._settings.metrics.listen} cannot be listened on ({error.strerror})"
            self._log.error("no_metrics", reason=self.state.faults["metrics"])

    def _work(self) -> None:
        """The thread that owns the store, from opening to closing it."""
        try:
            self._store.open()
            self._flows.resume()
        except Exception as error:
            self._store.close()
            self._ready.put(error if isinstance(error, CannotRun) else CannotRun(str(error)))
            return
        self._ready.put(None)
        try:
            self._flows.turns.run()
        except Exception as error:
            self._log.error("turns_ended", reason=repr(error), exc_info=True)
            self._failed("the gateway's own loop ended by a mistake of the program; see the log")
        finally:
            self._store.close()

    def _short_messages(self) -> SmsUplink | None:
        section = self._settings.sms
        if not section.device:
            return None
        pin = secret(self._settings.folders.keys / section.pin_file) if section.pin_file else None
        modem = KeeperSettings((section.device,), section.baud, pin, section.apn or None, bool(section.apn))
        power = self._gpio.cut_modem if self._settings.gpio.modem_power else None
        actions = LadderActions(power=power, reboot=self._reboot if section.reboot else None)
        return SmsUplink(
            self._keys.name,
            lambda taker: Keeper(modem, taker, self._log, actions=actions),
            section.numbers,
            section.text,
            self._inbox.put,
            self._log,
        )

    async def _reboot(self) -> None:
        """Ask for a restart of the machine: this service may not do it, a unit that watches this file does."""
        self._log.error("reboot_wanted", reason="the modem did not come back by anything milder")
        (self._settings.folders.posted / "reboot-wanted").touch()

    def _use(self, options: Options) -> None:
        """Put what central changed from afar over the settings file."""
        self._sessions[0].use(uplinks(self._settings.uplink, options.uplink))
        if self._sms is not None:
            self._sms.use(options.central_numbers or self._settings.sms.numbers)

    def _session(self, side: str, endpoints: Sequence[Endpoint], topics: list[str]) -> Session:
        name = self._keys.name
        link = uplink_mqtt.link_topic(name) if side == UPLINK else local_mqtt.link_topic(name)
        line = Line(side, name, link, topics, self._inbox.put, self._log)
        # Read anew for each connection: a renewed certificate is used without a restart.
        return Session(line, endpoints, partial(context, self._settings.folders.keys))


def _version() -> str:
    """Of the distribution that this program was installed from."""
    for name in ("sereno-gateway", "sereno"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"


def _panic(section: PanicSettings) -> Panic:
    return Panic(section.class_code, SIREN | (STROBE if section.strobe else 0), section.duration_s)
