"""Upwards, what must never be lost: an ack is kept, countersigned, sent, and forgotten at central's receipt.

Called by the turn (acks, receipts) and by the rounds (sending again). What matters leaves it by a receipt under the hop key
alone; news may give way to it when the room ends, which is said with a number of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from gateway.domain import bearer, priority
from gateway.domain.delivery import age_s
from gateway.domain.priority import TOLD, Entry, Kind, Schedule, count_left, highest
from gateway.errors import NoRoom
from gateway.flows.reporting import Reporting
from gateway.flows.state import Later, State
from gateway.flows.upward import Upward
from gateway.ports import Clock, Log, Signer, Sms, Store, Stored, Uplink
from protocol import countersign, gateway
from protocol.codes import BEARER_MQTT, BEARER_SMS, EVICTED, status_name
from protocol.countersign import Countersigned
from protocol.hop import Receipt
from protocol.messages import ACK

_EVICT_AT_ONCE = 64
# No more than these are weighed for SMS at once: a modem carries a dozen a minute.
_BY_SMS = 256


class Outbox:
    """`max_rows` is how many acks wait at most before the local side is told to wait; `sms` is None without a modem."""

    def __init__(
        self,
        state: State,
        store: Store,
        uplink: Uplink,
        sms: Sms | None,
        upward: Upward,
        signer: Signer,
        clock: Clock,
        max_rows: int,
        policy: bearer.SmsPolicy,
        log: Log,
    ) -> None:
        self._state = state
        self._store = store
        self._uplink = uplink
        self._sms = sms
        self._upward = upward
        self._signer = signer
        self._clock = clock
        self._max_rows = max_rows
        self._policy = policy
        self._log = log
        self.reporting = Reporting()

    @property
    def _schedule(self) -> Schedule:
        return self._state.schedule

    def take(self, ack: bytes, later: Later) -> None:
        """Keep an ack under a new number, inside a transaction; raises NoRoom. The same one twice is one entry."""
        message = ACK.peek(ack)
        if self._store.kept(_id(ack)):
            self._log.info("ack_repeated", incident=str(message.incident), center=message.center)
            return
        kind = priority.kind_of(message.counter, message.status)
        self._room(kind, later)
        self._keep(ack, kind, self._next(), later)

    def say(self, status: int, incident: int, later: Later, age_s: int = 0, number: int = 0) -> None:
        """An event of the gateway's own, inside a transaction; raises NoRoom."""
        kind = priority.kind_of(0, status)
        self._room(kind, later)
        self._own(status, incident, kind, age_s, number, later)

    def settle(self, receipt: Receipt, via: int, later: Later) -> None:
        """Forget what an authentic receipt covers, inside a transaction; `via` is the bearer it came by."""
        last = self._store.last_sequence()
        if highest(receipt) > last and receipt.upto >> 24 == last >> 24:
            self._renumber(receipt, later)
            return
        covered = self._schedule.covered(receipt)
        self._store.forget([_id(entry.ack) for entry in covered])
        if covered:
            incidents = sorted({str(ACK.peek(entry.ack).incident) for entry in covered} - {"0"})
            by = "sms" if via == BEARER_SMS else "mqtt"
            self._log.info("acks_confirmed", upto=receipt.upto, count=len(covered), bearer=by, incidents=incidents)
        later(partial(self._settled, covered, via))

    def resume(self, messages: Iterable[Stored]) -> None:
        """After a start: what central has not confirmed is due again."""
        now, moment, trusted = self._clock.monotonic(), self._clock.moment(), self._clock.trusted()
        for message in messages:
            assert message.sequence is not None
            kind = priority.KINDS.get(message.kind, priority.ANSWER)
            kept_at = now - (age_s(message.at, moment, trusted) or 0)
            self._schedule.add(Entry(message.sequence, message.octets, kind, message.at.wall, kept_at, now))

    def send_due(self) -> None:
        """Send what is due, news first; what is handed over is due again until a receipt covers it."""
        now = self._clock.monotonic()
        self._end(now)
        if self._uplink.connected:
            for entry in self._schedule.due(now):
                if not self._send(entry):
                    break
        self._send_by_sms(now)

    def oldest(self) -> int:
        """The first number still kept; when nothing is, the number that comes next."""
        entry = self._schedule.oldest()
        return entry.sequence if entry else self._store.last_sequence() + 1

    def _room(self, kind: Kind, later: Later) -> None:
        shortage = self._store.shortage()
        if shortage:
            raise NoRoom(shortage)
        if len(self._schedule) + self._state.taking < self._max_rows:
            return
        count = min(_EVICT_AT_ONCE, max(1, self._max_rows // 16))
        gone = self._schedule.yielding(kind, count, self._state.giving)
        if not gone:
            raise NoRoom(f"{self._max_rows} acks wait for central's receipt")
        self._give_way(gone, later)
        self._own(EVICTED, 0, TOLD, 0, len(gone), later)

    def _give_way(self, entries: list[Entry], later: Later) -> None:
        """News that its center tells again until central confirms it; nothing that anybody did, and no answer."""
        gone = [entry.sequence for entry in entries]
        self._store.forget([_id(entry.ack) for entry in entries])
        self._state.giving.update(gone)
        self._state.taking -= len(gone)
        later(partial(self._schedule.remove, gone))
        for entry in entries:
            ack = ACK.peek(entry.ack)
            self._log.warning(
                "ack_gave_way", center=ack.center, status=status_name(ack.status), sequence=entry.sequence
            )

    def _end(self, now: float) -> None:
        ended = self._schedule.ended(now)
        if ended:
            later = Later()
            with self._store.transaction():
                self._give_way(ended, later)
            later.run()

    def _next(self) -> int:
        sequence = self._store.next_sequence()
        if not count_left(sequence):
            raise NoRoom("the outbox has used all its numbers; enrol this gateway again for a new sequence epoch")
        return sequence

    def _own(self, status: int, incident: int, kind: Kind, age_s: int, number: int, later: Later) -> None:
        sequence = self._next()
        event = gateway.event(self._state.gateway, status, incident, sequence, age_s)._replace(battery=number)
        self._keep(self._upward.seal_event(event), kind, sequence, later)

    def _keep(self, ack: bytes, kind: Kind, sequence: int, later: Later) -> None:
        self._store.keep(Stored(_id(ack), kind.name, sequence, self._clock.moment(), kind.ttl_s, ack))
        self._state.taking += 1
        now = self._clock.monotonic()
        later(partial(self._kept, Entry(sequence, ack, kind, self._clock.now(), now, now)))

    def _kept(self, entry: Entry) -> None:
        message = ACK.peek(entry.ack)
        self._log.info(
            "ack_kept",
            incident=str(message.incident),
            center=message.center,
            counter=message.counter,
            status=status_name(message.status),
            sequence=entry.sequence,
        )
        self._schedule.add(entry)
        if self._uplink.connected:
            self._send(entry)

    def _settled(self, entries: list[Entry], via: int) -> None:
        now = self._clock.monotonic()
        for entry in entries:
            self.reporting.took(via, now - entry.kept_at)
        self._schedule.remove([entry.sequence for entry in entries])

    def _send(self, entry: Entry) -> bool:
        if not self._uplink.publish(self._countersigned(entry, BEARER_MQTT)):
            return False
        self._schedule.sent(entry, self._clock.monotonic())
        self._sent(entry, "mqtt", entry.tries)
        return True

    def _send_by_sms(self, now: float) -> None:
        if self._sms is None or not self._sms.ready:
            return
        mqtt_up = self._uplink.connected and self._state.proof.standing(now)
        for group in bearer.messages(self._schedule.first(_BY_SMS), now, mqtt_up, self._policy):
            if self._sms.room() < 1 or not self._sms.publish(self._short(group)):
                return
            for entry in group:
                entry.sms_at, entry.sms_tries = now, entry.sms_tries + 1
                self._sent(entry, "sms", entry.sms_tries)

    def _short(self, group: list[Entry]) -> bytes:
        """At most 120 octets: one ack with its signature, or two in an envelope."""
        if len(group) == 1:
            return self._countersigned(group[0], BEARER_SMS)
        batch = gateway.Acks(group[0].sequence, group[0].stored_at, [entry.ack for entry in group])
        return self._upward.seal([gateway.acks(batch)])

    def _sent(self, entry: Entry, by: str, tries: int) -> None:
        ack = ACK.peek(entry.ack)
        self._log.info(
            "ack_sent", incident=str(ack.incident), center=ack.center, sequence=entry.sequence, bearer=by, tries=tries
        )

    def _renumber(self, receipt: Receipt, later: Later) -> None:
        """Central confirms numbers that this disk never gave: an older card was put in, or the file was lost.

        What waits here under such numbers would be taken for something that central has; it gets new ones.
        """
        top = highest(receipt)
        self._log.error("outbox_numbers_lost", central_has=top, last=self._store.last_sequence())
        self._store.jump_sequence(top)
        for entry in self._schedule:
            if entry.sequence > top or entry.sequence >> 24 != top >> 24:
                continue
            sequence = self._store.next_sequence()
            self._store.renumber(_id(entry.ack), sequence)
            later(partial(self._schedule.remove, [entry.sequence]))
            now = self._clock.monotonic()
            later(partial(self._kept, Entry(sequence, entry.ack, entry.kind, entry.stored_at, entry.kept_at, now)))

    def _countersigned(self, entry: Entry, via: int) -> bytes:
        signal = self._sms.rssi if self._sms is not None else bearer.UNKNOWN_SIGNAL
        stamped = Countersigned(entry.ack, self._state.gateway, entry.sequence, entry.stored_at, via, signal, b"")
        return countersign.pack(stamped._replace(signature=self._signer.sign(countersign.to_sign(stamped))))


def _id(ack: bytes) -> str:
    """An ack's name on disk: its own octets, which its tag makes unlike any other."""
    return f"ack {ack.hex()}"
