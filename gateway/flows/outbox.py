"""Upwards, what must never be lost: a center's ack is countersigned, kept, sent, and forgotten at central's receipt.

Called by the turn (acks, receipts) and by the rounds (sending again). Nothing leaves it but by a receipt under the hop key.
"""

from __future__ import annotations

from functools import partial

from gateway.domain.priority import Entry, Schedule, count_left, highest
from gateway.errors import NoRoom
from gateway.flows.state import Later, State
from gateway.ports import Clock, Log, Signer, Store, StoredAck, Uplink
from protocol import countersign
from protocol.codes import BEARER_MQTT, status_name
from protocol.countersign import Countersigned
from protocol.hop import Receipt
from protocol.messages import ACK


class Outbox:
    """`max_rows` is how many acks wait at most before the local side is told to wait."""

    def __init__(
        self, state: State, store: Store, uplink: Uplink, signer: Signer, clock: Clock, max_rows: int, log: Log
    ) -> None:
        self._state = state
        self._store = store
        self._uplink = uplink
        self._signer = signer
        self._clock = clock
        self._max_rows = max_rows
        self._log = log

    @property
    def _schedule(self) -> Schedule:
        return self._state.schedule

    def take(self, ack: bytes, later: Later) -> None:
        """Keep an ack under a new number, inside a transaction; raises NoRoom. The same one twice is one entry."""
        message = ACK.peek(ack)
        if self._store.has_ack(ack):
            self._log.info("ack_repeated", incident=str(message.incident), center=message.center)
            return
        self._room()
        sequence = self._store.next_sequence()
        if not count_left(sequence):
            raise NoRoom("the outbox has used all its numbers; enrol this gateway again for a new sequence epoch")
        octets = self._countersign(Countersigned(ack, self._state.gateway, sequence, self._clock.now(), 0, 0, b""))
        self._store.keep_ack(ack, StoredAck(sequence, self._clock.now(), octets))
        self._state.taking += 1
        later(partial(self._kept, sequence, octets))

    def settle(self, receipt: Receipt, later: Later) -> None:
        """Forget what an authentic receipt covers, inside a transaction."""
        last = self._store.last_sequence()
        if highest(receipt) > last and receipt.upto >> 24 == last >> 24:
            self._renumber(receipt, later)
            return
        covered = self._schedule.covered(receipt)
        self._store.settle(covered)
        if covered:
            self._log.info("acks_confirmed", upto=receipt.upto, count=len(covered))
        later(partial(self._schedule.remove, covered))

    def resume(self) -> None:
        """After a start: everything that central has not confirmed is due again."""
        now = self._clock.monotonic()
        for kept in self._store.acks():
            age_s = max(0, self._clock.now() - kept.stored_at)
            self._schedule.add(kept.sequence, kept.message, now - age_s)
        self._schedule.restart(now)
        if len(self._schedule):
            self._log.info("outbox_resumed", count=len(self._schedule))

    def send_due(self) -> None:
        """Send what is due, news first; what is handed over is due again until a receipt covers it."""
        if not self._uplink.connected:
            return
        now = self._clock.monotonic()
        for entry in self._schedule.due(now):
            if not self._send(entry):
                return

    def oldest(self) -> int:
        """The first number still kept; when nothing is, the number that comes next."""
        entry = self._schedule.oldest()
        return entry.sequence if entry else self._store.last_sequence() + 1

    def _room(self) -> None:
        if len(self._schedule) + self._state.taking >= self._max_rows:
            raise NoRoom(f"{self._max_rows} acks wait for central's receipt")
        shortage = self._store.shortage()
        if shortage:
            raise NoRoom(shortage)

    def _kept(self, sequence: int, octets: bytes) -> None:
        message = ACK.peek(octets[: ACK.size])
        self._log.info(
            "ack_kept",
            incident=str(message.incident),
            center=message.center,
            counter=message.counter,
            status=status_name(message.status),
            sequence=sequence,
        )
        entry = self._schedule.add(sequence, octets, self._clock.monotonic())
        if self._uplink.connected:
            self._send(entry)

    def _send(self, entry: Entry) -> bool:
        if not self._uplink.publish(entry.message):
            return False
        message = countersign.unpack(entry.message)
        ack = ACK.peek(message.ack)
        self._schedule.sent(entry, self._clock.monotonic())
        self._log.info(
            "ack_sent", incident=str(ack.incident), center=ack.center, sequence=entry.sequence, tries=entry.tries
        )
        return True

    def _renumber(self, receipt: Receipt, later: Later) -> None:
        """Central confirms numbers that this disk never gave: an older card was put in, or the file was lost.

        What waits here under such numbers would be taken for something that central has; it gets new ones.
        """
        top = highest(receipt)
        self._log.error("outbox_numbers_lost", central_has=top, last=self._store.last_sequence())
        self._store.jump_sequence(top)
        for kept in self._store.acks():
            if kept.sequence > top or kept.sequence >> 24 != top >> 24:
                continue
            sequence = self._store.next_sequence()
            old = countersign.unpack(kept.message)
            octets = self._countersign(old._replace(sequence=sequence))
            self._store.renumber_ack(kept.sequence, StoredAck(sequence, kept.stored_at, octets))
            later(partial(self._schedule.remove, [kept.sequence]))
            later(partial(self._kept, sequence, octets))

    def _countersign(self, message: Countersigned) -> bytes:
        stamped = message._replace(bearer=BEARER_MQTT)
        return countersign.pack(stamped._replace(signature=self._signer.sign(countersign.to_sign(stamped))))
