"""Keeps one modem at work: opens it, watches it, helps it when it is in trouble, passes messages both ways.

What gateway and central hold: `run` as a task, `send` beside it. It keeps no message: what it was given to send and
could not is its caller's, and what came stays in the modem until the caller has it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

from modem import ladder
from modem.errors import ModemError, Refused, Unavailable
from modem.ladder import Figures, Health, Ladder, decide
from modem.pdu import Deliver, StatusReport
from modem.port import PortFactory, SerialPort
from modem.session import KeeperSettings, Session
from modem.sms import Taker
from modem.status import DENIED, IDLE, NO_CARD, READY, Status

MISSES = 3  # readings without an answer until the port is opened anew

Action = Callable[[], Awaitable[None]]


class Log(Protocol):
    """structlog's shape; nothing is logged of a message, nor its number."""

    def info(self, event: str, **values: Any) -> object: ...  # noqa: D102
    def warning(self, event: str, **values: Any) -> object: ...  # noqa: D102
    def exception(self, event: str, **values: Any) -> object: ...  # noqa: D102


@dataclass(frozen=True)
class LadderActions:
    """What only the modem's surroundings can do; None where nobody can, and that stage is left out.

    Awaited on the loop. One that raises was not done; the ladder goes on all the same. The names are the stages'.
    """

    bearer: Action | None = None
    power: Action | None = None
    second_sim: Action | None = None
    reboot: Action | None = None


NO_ACTIONS = LadderActions()
# What a person does about a card that is not ready.
_CARD = {
    NO_CARD: "there is no card in the modem; put one in",
    "SIM PIN": "the card waits for its PIN: none is set, or it refused the one that is; correct it and restart",
    "SIM PUK": "the card is blocked after wrong PINs; unblock it with its PUK in a telephone",
}


def judge(reading: Status) -> Health:
    """What a reading means."""
    if reading.card != READY:
        return Health(ladder.CARD, _CARD.get(reading.card, f"the card is not ready: {reading.card}"))
    if not reading.registered:
        trouble = ladder.UNREGISTERED if reading.registration in (DENIED, IDLE) else ladder.SEARCHING
        return Health(trouble, f"the modem is not in the network: {reading.registration}")
    if reading.context is False:
        return Health(ladder.CONTEXT, "the modem is in the network and has no data connection")
    return Health(None, "the modem is in the network")


class Keeper:
    """`incoming` gets each message that came and returns True once it is stored durably: only then is it deleted.

    It is awaited on the loop of `run`; the same message may come twice, and one for which it returned False or raised
    comes again. `reported` gets each status report on that loop and must not block. `clock` is monotonic seconds. All
    methods belong to the loop of `run`.
    """

    def __init__(
        self,
        settings: KeeperSettings,
        incoming: Taker,
        log: Log,
        *,
        reported: Callable[[StatusReport], None] | None = None,
        actions: LadderActions = NO_ACTIONS,
        port_factory: PortFactory = SerialPort,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._incoming = incoming
        self._log = log
        self._actions = {action.name: getattr(actions, action.name) for action in fields(actions)}
        self._port_factory = port_factory
        self._clock = clock
        self._ladder = Ladder()
        self._health = Health("starting", "the modem has not been reached yet")
        self._status: Status | None = None
        self._session = Session(settings, self._taken, reported or (lambda report: None))
        self._judgement = asyncio.Condition()

    @property
    def status(self) -> Status | None:
        """The last reading; None when the modem does not answer."""
        return self._status

    @property
    def health(self) -> Health:
        """The last judgement: `ok` and `reason`."""
        return self._health

    @property
    def storage_full(self) -> bool:
        """The network holds back what comes, because what is stored is not taken here."""
        return self._session.sms.full

    @property
    def figures(self) -> Mapping[str, Figures]:
        """What each stage of the ladder was worth since the start; `itself` counts recoveries without any."""
        return self._ladder.figures

    async def run(self) -> None:
        """Serve until cancelled, whatever the modem does."""
        while True:
            try:
                await self._serve()
            except ModemError as error:
                health = Health(ladder.SILENT, str(error))
            except Exception as error:
                self._log.exception("modem_failed")
                health = Health(ladder.SILENT, f"an error of the program, see its log: {error}")
            finally:
                self._session.close()
            await self._judged(health, None)
            await asyncio.sleep(self._settings.retry_s)

    async def send(
        self,
        number: str,
        payload: bytes | str,
        validity_s: int | None = None,
        deadline_s: float = 60.0,
        report: bool = False,
    ) -> int:
        """The reference that the network gave; messages go one by one, in the order of the calls.

        Until `deadline_s` it waits for a network and repeats what surely did not go; a message once begun is seen to
        its end. Raises Unavailable, Refused, Unknown, and ValueError for what no message can hold.
        """
        ends_at = self._clock() + deadline_s
        while True:
            await self._ready(ends_at - self._clock())
            try:
                return await self._session.sms.send(number, payload, validity_s, report)
            except Unavailable:
                self._session.woken.set()
                if self._clock() + self._settings.retry_s >= ends_at:
                    raise
                await asyncio.sleep(self._settings.retry_s)

    async def _ready(self, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s), self._judgement:
                await self._judgement.wait_for(
                    lambda: self._session.receiving and self._status is not None and self._status.registered
                )
        except TimeoutError:
            raise Unavailable(self._health.reason) from None

    async def _serve(self) -> None:
        """One opening of the port; ends by raising."""
        path = self._session.open(self._port_factory)
        self._log.info("modem_opened", path=path)
        misses = 0
        while True:
            reading = None
            try:
                reading = await self._session.read()
                health = judge(reading)
                if reading.card == READY:
                    await self._session.receive()
                misses = 0
            except Refused as refusal:
                health = Health(ladder.CARD, f"messages cannot be read: {refusal.text}")
            except Unavailable as error:
                misses += 1
                if misses == MISSES or not self._session.channel.open:
                    raise
                reading, health = None, Health(ladder.SILENT, str(error))
            await self._judged(health, reading)
            await self._session.wait(self._settings.poll_s if health.ok else self._settings.retry_s)

    async def _judged(self, health: Health, reading: Status | None) -> None:
        if health.trouble != self._health.trouble:
            say = self._log.info if health.ok else self._log.warning
            say("modem_health", trouble=health.trouble, reason=health.reason)
        self._health, self._status = health, reading
        async with self._judgement:
            self._judgement.notify_all()
        self._ladder, decision = decide(self._ladder, health, self._clock(), self._available())
        if decision.stage:
            self._log.warning("modem_helped", stage=decision.stage, reason=decision.reason)
            await self._help(decision.stage)

    def _available(self) -> frozenset[str]:
        stages = {stage for stage, action in self._actions.items() if action}
        if self._session.channel.open:
            stages |= {ladder.BEARER, ladder.REGISTRATION, ladder.RESET}
        return frozenset(stages)

    async def _help(self, stage: str) -> None:
        action: Action | None = self._actions.get(stage)
        try:
            if action:
                await action()
                if stage in (ladder.POWER, ladder.SECOND_SIM):
                    self._session.forget()
            else:
                await self._session.help(stage)
        except Exception as error:
            self._log.warning("modem_help_failed", stage=stage, reason=str(error))

    async def _taken(self, message: Deliver) -> bool:
        try:
            return await self._incoming(message)
        except Exception:
            self._log.exception("message_not_taken")
            return False
