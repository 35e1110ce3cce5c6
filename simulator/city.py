"""A whole throw-away city on this machine: authorities, keys, brokers, central, gateways, boards with the real firmware.

Everything is reached as a user reaches it: command line, files, HTTP, sockets. `stop` leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from simulator.boards import BoardProcess
from simulator.broker import Broker, free_port
from simulator.errors import SimulatorError
from simulator.modem.modems import Modems
from simulator.plan import Plan
from simulator.processes import Service, program

Progress = Callable[[str], None]
READY_S = 60.0


def central_number() -> str:
    """The number of central's modem."""
    return "+5492610000000"


def gateway_number(number: int) -> str:
    """The number of a gateway's modem."""
    return f"+549261100{number:04d}"


class City:
    """`runtime` is micropython or cpython; `broker` mosquitto, amqtt or None for what is installed.

    `protocol` is the MQTT version that services use ("auto", "5", "3.1.1"); `settings` are lines for central's file.
    """

    def __init__(
        self,
        plan: Plan,
        runtime: str = "micropython",
        broker: str | None = None,
        protocol: str = "auto",
        settings: str = "",
        classes: str = "",
        watchdog_s: float = 8.0,
        modems: bool = False,
        prepare: Callable[[Path], object] | None = None,
        progress: Progress = lambda _text: None,
    ) -> None:
        self.plan = plan
        self.runtime = runtime
        self.folder = Path(tempfile.mkdtemp(prefix="sereno-"))
        self.brokers: dict[str, Broker] = {}
        self.services: dict[str, Service] = {}
        self.key = self.token = ""
        self.url = ""
        self._kind = broker
        self._settings = settings
        self._classes = classes
        self._protocol = protocol
        # A modem for each gateway and one for central, joined by one message center.
        self._numbers = [central_number(), *(gateway_number(group.number) for group in plan.groups)] if modems else []
        self._modems: Modems | None = None
        self._watchdog_s = watchdog_s
        self._prepare = prepare  # called with each center's folder before its board has power
        self._progress = progress
        self._boards: BoardProcess | None = None
        self._http: httpx.AsyncClient | None = None

    @property
    def boards(self) -> BoardProcess:
        """The boards of the centers; raises SimulatorError before `start`."""
        if self._boards is None:
            raise SimulatorError("the city has not been started")
        return self._boards

    @property
    def http(self) -> httpx.AsyncClient:
        """A client of central's API; raises SimulatorError before `start`."""
        if self._http is None:
            raise SimulatorError("the city has not been started")
        return self._http

    @property
    def modems(self) -> Modems:
        """The modems, central's first; raises SimulatorError in a city without."""
        if self._modems is None:
            raise SimulatorError("this city has no modems")
        return self._modems

    @property
    def broker_kind(self) -> str:
        """Which broker runs."""
        return self.brokers["broker"].kind

    async def start(self) -> None:
        """Build everything and wait until central knows every center and each has its time; raises SimulatorError."""
        if self._numbers:
            self._progress("modems")
            self._modems = Modems(self._numbers, links=self.folder / "modems")
            await asyncio.to_thread(self._modems.__enter__)
        self._progress("keys and certificates")
        self._enroll()
        self._progress("brokers")
        for broker in self.brokers.values():
            broker.start()
        self._progress("central and gateways")
        for service in self.services.values():
            service.start()
        self._http = httpx.AsyncClient(base_url=self.url, timeout=10)
        await self.central_up()
        self._progress(f"{len(self.plan.centers)} centers")
        self._boards = await BoardProcess.start(self._watchdog_s)
        for center in self.plan.centers:
            if self._prepare is not None:
                await asyncio.to_thread(self._prepare, self.device(center.name))
            await self.boards.add(center.name, self.device(center.name), self.runtime)
            await self.boards.power(center.name, True)
        await self._answers("every center", self.all_up)
        for group in self.plan.groups:
            for center in group.centers:
                # One whose time is still under way would not obey yet, and says hello again only half a minute later.
                words = ('"time_passed_on"', f'"center": {center.number},', '"central"')
                await self.services[group.gateway].until_logged(*words, timeout_s=READY_S)
        self._progress("ready")

    async def stop(self) -> None:
        """End everything in order and remove the folder."""
        if self._boards is not None:
            await self._boards.stop()
        if self._http is not None:
            await self._http.aclose()
        for service in reversed(self.services.values()):
            await asyncio.to_thread(service.stop)
        for broker in self.brokers.values():
            broker.stop()
        if self._modems is not None:
            await asyncio.to_thread(self._modems.__exit__, None, None, None)
        shutil.rmtree(self.folder, ignore_errors=True)

    def device(self, name: str) -> Path:
        """The folder of a device's files (C000001, G000001, S01, broker)."""
        return self.folder / "devices" / name

    async def healthy(self) -> bool:
        """Whether central answers and has its broker."""
        try:
            return (await self.http.get("/healthz")).status_code == 200
        except httpx.TransportError:
            return False

    async def central_up(self) -> None:
        """Wait until central answers and has its broker; raises SimulatorError."""
        await self._answers("central", self.healthy)

    async def all_up(self) -> bool:
        """Whether central has heard every center in its present boot."""
        return all(center["up"] for center in await self.centers())

    async def fleet(self) -> dict[str, Any]:
        """What central knows of its centers, its gateways and its blackouts."""
        return dict(await self._operator("GET", "/v1/centers"))

    async def centers(self) -> list[dict[str, Any]]:
        """What central knows of its centers."""
        return list((await self.fleet())["centers"])

    async def alert(self, identifier: str, **fields: Any) -> dict[str, Any]:
        """Raise an alert as a phone does; `class_` for the class. Answers with central's body."""
        body = {"id": identifier, "class": fields.pop("class_", "general"), **fields}
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = await self.http.post("/v1/alerts", json=body, headers=headers)
        if answer.status_code != 202:
            raise SimulatorError(f"central answered {answer.status_code}: {answer.text[:200]}")
        return dict(answer.json())

    async def incident(self, incident: str) -> dict[str, Any]:
        """An incident with everything."""
        return dict(await self._operator("GET", f"/v1/incidents/{incident}"))

    async def incidents(self) -> list[dict[str, Any]]:
        """The newest incidents."""
        return list((await self._operator("GET", "/v1/incidents?limit=200"))["incidents"])

    async def act(self, incident: str, verb: str, body: dict[str, Any] | None = None) -> Any:
        """An operator acknowledges, stops or closes."""
        return await self._operator("POST", f"/v1/incidents/{incident}/{verb}", body)

    async def until(self, incident: str, met: Callable[[dict[str, Any]], object], timeout_s: float) -> dict[str, Any]:
        """The incident once it is as wanted; raises SimulatorError with its timeline when it is not in time."""
        deadline = time.monotonic() + timeout_s
        while True:
            seen = await self.incident(incident)
            if met(seen):
                return seen
            if time.monotonic() > deadline:
                lines = [f"{entry['kind']}: {entry['text']}" for entry in seen["timeline"]]
                raise SimulatorError(f"incident {incident} after {timeout_s:g} s: " + "; ".join(lines))
            await asyncio.sleep(0.01)

    async def _operator(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = await self.http.request(method, path, json=body, headers=headers)
        if answer.status_code >= 400:
            raise SimulatorError(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer.json()

    async def _answers(self, what: str, ready: Callable[[], Any]) -> None:
        deadline = time.monotonic() + READY_S
        while not await ready():
            dead = [service for service in self.services.values() if not service.running]
            if dead:
                raise SimulatorError(f"{dead[0].name} ended: {dead[0].tail()}")
            if time.monotonic() > deadline:
                logs = {name: service.tail(400) for name, service in self.services.items()}
                raise SimulatorError(f"{what} did not come up in {READY_S:g} s; logs end with {logs}")
            await asyncio.sleep(0.05)

    def _enroll(self) -> None:
        """The enrolment commands for the whole city, and a settings file for each service."""
        made = self.folder / "devices"
        local_ports = {group.number: free_port() for group in self.plan.groups}
        lines = [f"municipality = {json.dumps(self.plan.municipality)}"]
        for group in self.plan.groups:
            ring = [list(point) for point in group.polygon]
            lines += ["[[group]]", f"name = {json.dumps(group.name)}", f"port = {local_ports[group.number]}"]
            lines += [f"polygon = {ring}"]
            for center in group.centers:
                lines += ["[[group.center]]", f"lat = {center.lat}", f"lon = {center.lon}"]
        (self.folder / "city.toml").write_text("\n".join(lines) + "\n")
        protocol = self._protocol
        self.brokers["broker"] = Broker(self.folder / "broker", made / "broker", kind=self._kind)
        if self.broker_kind == "amqtt":
            protocol = "3.1.1"
        http_port = free_port()
        self.url = f"http://127.0.0.1:{http_port}"
        central = [
            'state = "central"', 'process = "devices/S01"', f"http_port = {http_port}",
            f"broker_port = {self.brokers['broker'].port}", f'protocol = "{protocol}"',
        ]  # fmt: skip
        if self._classes:
            (self.folder / "classes.toml").write_text(self._classes)
            central.append('classes_file = "classes.toml"')
        if self._modems is not None:
            central.append(f'sms = {{ devices = ["{self._modems[0].path}"], numbers = ["{central_number()}"] }}')
        central.append(self._settings)  # last: it may end in a table
        settings = self.folder / "central.toml"
        settings.write_text("\n".join(central) + "\n")
        enrolled = json.loads(
            self._enrolled("city", str(self.folder / "city.toml"), "--out", str(made)).splitlines()[-1]
        )
        self.key, self.token = enrolled["key"], enrolled["token"]
        self._service("central", [*program("central"), "serve", "-s", str(settings)])
        for group in self.plan.groups:
            if self._modems is not None:
                self._enrolled("number", group.gateway, gateway_number(group.number))
            self._gateway(group.gateway, local_ports[group.number], protocol, self._sms(group.number))

    def _enrolled(self, *arguments: str) -> str:
        """What an enrolment command prints."""
        command = [*program("central"), "enroll", *arguments, "-s", str(self.folder / "central.toml")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SimulatorError(f"enrolment failed: {done.stderr.strip()}")
        return done.stdout

    def _sms(self, group: int) -> str:
        """The section of a gateway's settings for its modem."""
        if self._modems is None:
            return ""
        device = self._modems[self._numbers.index(gateway_number(group))].path
        return f'[sms]\ndevice = "{device}"\nnumbers = ["{central_number()}"]\n'

    def _gateway(self, name: str, local_port: int, protocol: str, sms: str) -> None:
        folder = self.folder / name
        (folder / "state").mkdir(parents=True)
        self.brokers[f"{name} broker"] = Broker(
            folder / "broker", self.device(name), role="gateway", owner=name, kind=self._kind, port=local_port
        )
        settings = folder / "gateway.toml"
        settings.write_text(
            f'[folders]\nkeys = "{self.device(name)}"\nstate = "{folder / "state"}"\n'
            f'[uplink]\nhost = "localhost"\nport = {self.brokers["broker"].port}\nprotocol = "{protocol}"\n'
            f'[local]\nhost = "localhost"\nport = {local_port}\nprotocol = "{protocol}"\n{sms}'
        )
        self._service(name, [*program("gateway"), "run", "-s", str(settings)])

    def _service(self, name: str, command: list[str]) -> None:
        self.services[name] = Service(name, command, self.folder)
