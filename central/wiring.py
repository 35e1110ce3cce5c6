"""Names the concrete parts of central, connects them, and runs their tasks. Nothing is decided here."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Coroutine

import structlog
import uvicorn
from cryptography import x509
from cryptography.x509.oid import NameOID

from central import classes
from central.api import sms
from central.api.access import Access
from central.api.alerts import AlertDoor
from central.api.application import application
from central.api.feed import Feed
from central.broker.mqtt import MqttBroker, tls
from central.clock import SystemClock, new_incident
from central.devices import Devices
from central.domain.bearer import SmsPolicy
from central.domain.errors import CentralError, Refused, Unavailable
from central.domain.owed import Owed
from central.domain.reporting import delay_s
from central.flows.acks import Acks
from central.flows.dispatch import Sealer
from central.flows.events import Events
from central.flows.faults import Faults
from central.flows.fleet import Fleet
from central.flows.greetings import Greetings
from central.flows.intake import Intake
from central.flows.links import Links
from central.flows.operators import Operators
from central.flows.releases import Releases
from central.flows.remote import Remote
from central.flows.rounds import Rounds
from central.flows.sms import SmsRounds
from central.flows.uplink import Uplink
from central.settings import Settings, SmsSettings, secret
from central.sms.carriers import Carrier, Carriers
from central.sms.modem import ModemCarrier
from central.sms.provider import ProviderCarrier
from central.store.database import connect
from central.store.images import Images
from central.store.keyring import Keyring
from central.store.reader import Reader
from central.store.writer import Writer
from modem.session import KeeperSettings
from protocol import countersign
from protocol.codes import BEARER_SMS
from protocol.messages import ACK

_log = structlog.get_logger()

ROUND_S = 0.5
RECEIPT_S = 0.2
REGISTRY_S = 2.0
OFFERS_S = 2.0


class Central:
    """The whole service: `start`, `run` until told to end, `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = SystemClock()
        policies = classes.load(settings.classes_file)
        problem = settings.button_problem(policies)
        if problem:
            raise Refused(problem)
        self._writer = Writer(settings.database, lambda: self._feed.committed())
        self._writer.start()
        self._reader = Reader(settings.database)
        self._devices = Devices(connect(settings.database, read_only=True), Keyring.load(settings.master_key))
        self._devices.reload()
        for name in self._devices.damaged():
            _log.error("the key of a device cannot be opened: enroll it again", device=name)
        self._broker = MqttBroker(
            _name(settings), settings.broker_host, settings.broker_port, tls(settings.process), self._received,
            settings.protocol, self._link_up, lambda gateway, listens: self._links.listens(gateway, listens, self._clock.now()),
        )  # fmt: skip
        sealer = Sealer(self._devices)
        self._fleet = Fleet(self._clock.now(), settings.gateway_silent_s)
        self._faults = Faults(self._fleet, self._devices, self._clock)
        for octets, received in self._reader.last_events():
            stamp = countersign.kept(octets)
            self._fleet.event(ACK.peek(stamp.ack), received - delay_s(stamp, received))
        self._owed: set[int] = set()
        policy = SmsPolicy(silent_s=settings.gateway_silent_s)
        self._owed_by_sms = Owed()
        self._links = Links(self._broker, self._clock.now(), policy)
        self._intake = Intake(
            self._writer, self._broker, self._clock, self._devices, policies, sealer, new_incident,
            settings.deadline_s, settings.grouping_s,
        )  # fmt: skip
        self._rounds = Rounds(self._writer, self._broker, self._clock, sealer)
        acks = Acks(
            self._writer, self._broker, self._clock, self._devices, self._devices, sealer,
            Events(self._devices, sealer, self._intake, settings.button_classes), self._fleet, self._owe,
        )  # fmt: skip
        self._releases = Releases(
            self._writer, self._broker, self._clock, self._devices, self._devices, sealer,
            Images(settings.release_folder),
        )  # fmt: skip
        self._remote = Remote(self._writer, self._broker, self._clock, sealer)
        greetings = Greetings(
            self._writer, self._broker, self._clock, self._devices, self._devices, sealer, self._fleet, self._releases,
            self._owed_by_sms,
        )  # fmt: skip
        self._uplink = Uplink(
            self._writer, self._broker, self._clock, self._devices, self._devices, sealer, self._fleet, acks,
            greetings, self._releases, self._links, self._remote,
        )  # fmt: skip
        self._carriers = Carriers(self._made(settings.sms))
        self._sms_rounds = SmsRounds(
            self._writer, self._carriers, self._clock, sealer, self._links, self._owed_by_sms, policy
        )
        inbound = settings.sms.inbound_token_file
        doors = [sms.routes(secret(inbound), self._uplink.receive_sms)] if inbound else []
        access = Access(self._reader.credentials)
        self._feed = Feed(access, self._reader)
        self._app = application(
            access,
            AlertDoor(access, self._intake, self._reader),
            self._feed,
            self._reader,
            Operators(self._writer, self._broker, self._clock, sealer),
            self._devices,
            self._fleet,
            self._faults,
            lambda: self._broker.up,
            doors,
        )
        self._handling: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; raises Refused when the port is taken, Unavailable when a part of it ended."""
        listener = _listener(self._settings.http_host, self._settings.http_port)
        # A database restored from a backup knows lower envelope numbers than the gateways have seen, and they would
        # refuse its commands as old. No gateway gets an envelope a second on average, so the clock is above them all.
        floor = int(self._clock.now())
        await self._writer.write(lambda unit: unit.raise_hops(floor))
        server = uvicorn.Server(
            uvicorn.Config(self._app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=3)
        )
        ended = asyncio.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, ended.set)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(server._serve(sockets=[listener]))
        works = (self._broker.run(), self._round(), self._receipt(), self._registry(), self._offers(),
                 self._carriers.run(), self._short_messages())  # fmt: skip
        tasks = [asyncio.create_task(work) for work in works]
        host, port = listener.getsockname()[:2]
        _log.info(
            "serving", http=f"http://{host}:{port}", broker=f"{self._settings.broker_host}:{self._settings.broker_port}"
        )
        asked = asyncio.create_task(ended.wait())
        over, _ = await asyncio.wait([asked, serving, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for part in over - {asked}:
            # Half a service is worse than none: whoever watches it starts it again.
            _log.critical("a part of the service ended", part=repr(part), exc_info=part.exception())
        self._feed.end()
        server.should_exit = True
        for task in (asked, *tasks):
            task.cancel()
        await asyncio.gather(serving, asked, *tasks, return_exceptions=True)
        await self._broker.stop()
        self._writer.stop()
        self._reader.close()
        _log.info("ended")
        if asked not in over:
            raise Unavailable("a part of the service ended by itself; the log says which")

    def _made(self, settings: SmsSettings) -> list[Carrier]:
        pin = secret(settings.pin_file) if settings.pin_file else None
        made: list[Carrier] = [
            ModemCarrier(KeeperSettings((device,), pin=pin), self._uplink.receive_sms, settings.text)
            for device in settings.devices
        ]
        if settings.provider_url and settings.provider_token_file:
            token = secret(settings.provider_token_file)
            made.append(ProviderCarrier(settings.provider_url, token, settings.provider_text))
        return made

    def _received(self, topic: str, payload: bytes) -> None:
        """Handled as tasks, so that all acks that came together share one commit; started in order of arrival."""
        self._soon(self._uplink.receive(topic, payload))

    def _link_up(self) -> None:
        self._links.connected(self._clock.now())
        self._soon(self._quietly(self._rounds.link_up()))

    def _owe(self, gateway: int, bearer: int, status: int, confirm: bytes) -> None:
        self._owed.add(gateway)
        if bearer == BEARER_SMS:
            self._owed_by_sms.receipt(gateway, status, confirm, self._clock.now())

    def _soon(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._handling.add(task)
        task.add_done_callback(self._handling.discard)

    async def _round(self) -> None:
        while True:
            await self._quietly(self._rounds.once())
            await self._quietly(self._look())
            await asyncio.sleep(ROUND_S)

    async def _look(self) -> None:
        self._faults.once()

    async def _registry(self) -> None:
        while True:
            await asyncio.sleep(REGISTRY_S)
            try:
                if self._devices.refresh():
                    _log.info("registry read again")
            except Exception:
                # A file that somebody is just writing; what was read before holds until the next look.
                _log.exception("registry not read")

    async def _offers(self) -> None:
        while True:
            await self._quietly(self._releases.once())
            await self._quietly(self._remote.once())
            await asyncio.sleep(OFFERS_S)

    async def _short_messages(self) -> None:
        while True:
            await self._quietly(self._sms_rounds.once())
            await asyncio.sleep(ROUND_S)

    async def _receipt(self) -> None:
        while True:
            owed = set(self._owed)
            self._owed.clear()
            if owed:
                await self._quietly(self._rounds.send_receipts(owed))
            await asyncio.sleep(RECEIPT_S)

    @staticmethod
    async def _quietly(work: Coroutine[None, None, None]) -> None:
        """A failed round is logged, and the next one comes."""
        try:
            await work
        except CentralError as error:
            _log.error("round failed", reason=str(error))
        except Exception:
            # A fault in one round must not end all that would follow: resends, escalations, receipts.
            _log.exception("round failed")


def _name(settings: Settings) -> str:
    """The common name of this process's certificate: its user name and client id at the broker."""
    try:
        certificate = x509.load_pem_x509_certificate((settings.process / "cert.pem").read_bytes())
    except (OSError, ValueError) as error:
        raise Refused(f"{settings.process}/cert.pem cannot be read; run `sereno-central enroll process`") from error
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _listener(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Refused(f"cannot listen on {host}:{port}: {error.strerror}; choose another http_port") from error
    listener.listen(1024)
    return listener
