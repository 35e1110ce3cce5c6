"""Short messages to and from central, beside MQTT: a bounded queue over the modem's keeper, on a thread and loop of its own.

Made by wiring. What is handed over may be lost or late; the outbox sends again until central's receipt. It never looks at the
number of a sender: what comes is handed on, and its seal is what counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from gateway.domain.bearer import UNKNOWN_SIGNAL
from gateway.ports import UPLINK, Event, Log, Received
from modem.errors import Refused, Unavailable, Unknown
from modem.keeper import Keeper
from modem.pdu import Deliver
from modem.sms import Taker
from modem.status import READY, Status
from modem.text import octets_of, to_text
from protocol.codes import BEARER_SMS
from protocol.topics import DOWN, topic

# More than this is not handed over: at about 5 s a message it is as much as goes before something more urgent may come.
WAITING = 6
# What has not gone by then is chosen anew by the outbox, with what is urgent then.
_STALE_S = 90.0
_VALIDITY_S = 300
# How long a message that came waits to be stored; then the card keeps it, and it is given again.
_STORED_S = 20.0
_TURN_S = 5.0


class SmsUplink:
    """`make` builds the keeper around the taker of what comes; `numbers` are central's, tried in turn."""

    def __init__(
        self,
        name: str,
        make: Callable[[Taker], Keeper],
        numbers: Sequence[str],
        text: bool,
        deliver: Callable[[Event], None],
        log: Log,
    ) -> None:
        self._down = topic(name, DOWN)
        self._make = make
        self._numbers = numbers
        self._text = text
        self._deliver = deliver
        self._log = log
        self._keeper: Keeper | None = None
        self._loop = asyncio.new_event_loop()
        self._waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._count = 0
        self._lock = threading.Lock()
        self._turn = 0
        self._sent = self._failed = 0
        self._task: asyncio.Task[None] | None = None
        self._turned_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="sms", daemon=True)

    @property
    def still_s(self) -> float:
        """Seconds since its loop last turned; infinite when its thread has ended."""
        return time.monotonic() - self._turned_at if self._thread.is_alive() else math.inf

    @property
    def ready(self) -> bool:
        """Whether a modem is there and registered."""
        status = self._reading
        return status is not None and status.registered and status.card == READY

    @property
    def rssi(self) -> int:
        """Signal as +CSQ tells it, 0 to 31; 99 when unknown."""
        status = self._reading
        if status is None or status.signal_dbm is None:
            return UNKNOWN_SIGNAL
        return min(31, max(0, (status.signal_dbm + 113) // 2))

    def start(self) -> None:
        """Open the modem and keep it; returns at once."""
        self._thread.start()

    def use(self, numbers: Sequence[str]) -> None:
        """From now on these numbers of central's."""
        self._numbers = tuple(numbers)

    def stop(self, timeout_s: float = 3.0) -> None:
        """End; what waits is in the outbox too."""

        def end() -> None:
            if self._task is not None:
                self._task.cancel()

        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(end)
            self._thread.join(timeout_s)

    def room(self) -> int:
        """How many messages may be handed over now."""
        with self._lock:
            return WAITING - self._count if self.ready else 0

    def publish(self, payload: bytes) -> bool:
        """Hand at most 120 octets over for sending; False when there is no room."""
        with self._lock:
            if self._count >= WAITING:
                return False
            try:
                self._loop.call_soon_threadsafe(self._waiting.put_nowait, (time.monotonic(), payload))
            except RuntimeError:  # The service ends.
                return False
            self._count += 1
        return True

    def state(self) -> dict[str, Any]:
        """For the status."""
        status = self._reading
        return {
            "ready": self.ready,
            "card": status.card if status else None,
            "registration": status.registration if status else None,
            "operator": status.operator if status else None,
            "technology": status.technology if status else None,
            "signal_dbm": status.signal_dbm if status else None,
            "waiting": self._count,
            "sent": self._sent,
            "not_sent": self._failed,
            "trouble": None if self._keeper is None or self._keeper.health.ok else self._keeper.health.reason,
            "ladder": self._ladder(),
        }

    @property
    def _reading(self) -> Status | None:
        return self._keeper.status if self._keeper is not None else None

    def _ladder(self) -> dict[str, dict[str, float]]:
        """What each stage of recovery was worth: tries, successes, seconds until it was healthy again."""
        figures = dict(self._keeper.figures) if self._keeper is not None else {}
        return {
            stage: {
                "tries": one.tries,
                "successes": one.successes,
                "mean_s": round(one.seconds / one.successes, 1) if one.successes else 0.0,
                "longest_s": round(one.longest_s, 1),
            }
            for stage, one in figures.items()
            if one.tries or one.successes
        }

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._serve())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._keeper = self._make(self._taken)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keeper.run())
            group.create_task(self._send_all())
            group.create_task(self._turn_on())

    async def _turn_on(self) -> None:
        """Show that this loop turns."""
        while True:
            self._turned_at = time.monotonic()
            await asyncio.sleep(_TURN_S)

    async def _send_all(self) -> None:
        while True:
            since, payload = await self._waiting.get()
            try:
                gone = await self._send(since, payload)
            except Exception as error:
                # One message that breaks the program must not stop the next one.
                self._log.error("sms_failed", reason=repr(error), exc_info=True)
                gone = False
            with self._lock:
                self._count -= 1
                self._sent += gone
                self._failed += not gone

    async def _send(self, since: float, payload: bytes) -> bool:
        """Try central's numbers in turn until one takes it or it is stale."""
        assert self._keeper is not None
        content = to_text(payload) if self._text else payload
        numbers = self._numbers
        for _ in numbers:
            number = numbers[self._turn % len(numbers)]
            left_s = since + _STALE_S - time.monotonic()
            try:
                await self._keeper.send(number, content, _VALIDITY_S, max(0.0, left_s))
            except Unknown as error:
                self._log.warning("sms_unknown", number=number, reason=str(error))
            except (Refused, Unavailable) as error:
                self._turn += 1
                self._log.warning("sms_not_sent", number=number, reason=str(error))
                continue
            else:
                self._log.info("sms_sent", number=number, octets=len(payload))
            return True
        return False

    async def _taken(self, message: Deliver) -> bool:
        """A message came: whether the card may forget it."""
        octets = octets_of(message.payload)
        if octets is None:
            self._log.info("sms_not_ours", octets=len(message.payload))
            return True
        loop, stored = asyncio.get_running_loop(), asyncio.Event()

        def acknowledge() -> None:
            with contextlib.suppress(RuntimeError):  # The service ends: the card keeps it.
                loop.call_soon_threadsafe(stored.set)

        self._deliver(Received(UPLINK, self._down, octets, False, acknowledge, BEARER_SMS))
        try:
            await asyncio.wait_for(stored.wait(), _STORED_S)
        except TimeoutError:
            return False
        return True
