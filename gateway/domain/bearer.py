"""Which acks go by SMS, and when: by what is known of MQTT, never by waiting to find out (decision 0014).

Called by the outbox's flow. MQTT always carries everything when it is up; this is the second way beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.domain.priority import PRESS, Entry

# What +CSQ says of a signal that it does not know (3GPP TS 27.007, 8.5).
UNKNOWN_SIGNAL = 99


@dataclass(frozen=True)
class SmsPolicy:
    """Seconds: `after_s` without a receipt until what is urgent goes by SMS although MQTT seems up; `batch_s` that the rest waits
    while MQTT is down; `again_s` until the same goes once more, doubling to `again_max_s`."""

    after_s: float = 8.0
    batch_s: float = 60.0
    again_s: float = 60.0
    again_max_s: float = 900.0


def due(entry: Entry, now: float, mqtt_up: bool, policy: SmsPolicy) -> bool:
    """Whether an entry goes by SMS now."""
    if mqtt_up and not entry.kind.urgent:
        return False
    if entry.sms_at is not None:
        pause_s = min(policy.again_max_s, policy.again_s * float(2 ** min(entry.sms_tries - 1, 8)))
        return now >= entry.sms_at + pause_s
    if not entry.kind.urgent:
        return now >= entry.kept_at + policy.batch_s
    return not mqtt_up or now >= entry.kept_at + policy.after_s


def messages(entries: Iterable[Entry], now: float, mqtt_up: bool, policy: SmsPolicy) -> Iterator[list[Entry]]:
    """Groups for one SMS each, the most urgent first: a press alone with its signature, others two and two.

    Two go together only with neighbouring numbers. A neighbour that has not been sent yet and is not due by itself rides along.
    """
    entries = list(entries)
    by_number = {entry.sequence: entry for entry in entries}
    taken: set[int] = set()
    waiting = sorted(
        (entry for entry in entries if due(entry, now, mqtt_up, policy)),
        key=lambda entry: (entry.kind.priority, entry.sms_tries, entry.sequence),
    )
    for entry in waiting:
        if entry.sequence in taken:
            continue
        group = [entry]
        if entry.kind is not PRESS:
            for neighbour in (by_number.get(entry.sequence + 1), by_number.get(entry.sequence - 1)):
                if (
                    neighbour
                    and neighbour.kind is not PRESS
                    and neighbour.sequence not in taken
                    and _may(neighbour, now, mqtt_up, policy)
                ):
                    group.append(neighbour)
                    break
        taken.update(one.sequence for one in group)
        yield sorted(group, key=lambda one: one.sequence)


def _may(entry: Entry, now: float, mqtt_up: bool, policy: SmsPolicy) -> bool:
    """Whether an entry may ride along: it is due, or it would be soon and MQTT is away."""
    return due(entry, now, mqtt_up, policy) or (entry.sms_at is None and not mqtt_up)
