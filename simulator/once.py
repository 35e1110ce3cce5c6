"""One alert through the whole city, timed: what `demo --once` and the benchmark measure. Times in milliseconds since the tap."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from protocol.topics import center_name
from simulator.city import City


@dataclass(frozen=True)
class Run:
    """What one general alert did. `tap_to_ack_ms` is until every center's first ack stood verified in central's database."""

    incident: str
    runtime: str
    broker: str
    centers: list[str]
    acks_expected: int
    acks_verified: int
    tap_to_durable_ms: float
    tap_to_siren_ms: float
    tap_to_ack_ms: float

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


async def tap(city: City, identifier: str, group: int = 1, timeout_s: float = 20.0, output: str = "siren") -> Run:
    """Raise a general alert at home and wait until `output` is on at every center of the group and each has answered.

    Raises SimulatorError when that does not happen in time.
    """
    names = [center.name for center in city.plan.group(group).centers]
    tapped = time.monotonic()
    answer = await city.alert(identifier, group=group)
    durable = time.monotonic()
    await city.boards.until(
        lambda: all(city.boards.times_on(name, output, tapped) for name in names),
        timeout_s,
        f"{output} on at every center",
    )
    sounding = max(_first_on(city, name, output, tapped) for name in names)
    incident = await city.until(answer["incident"], lambda seen: seen["centers_answered"] == len(names), timeout_s)
    first_acks = {ack["center"]: ack["received"] for ack in reversed(incident["acks"])}
    # Central stamps on the wall clock; both clocks are this machine's.
    wall_of_tap = time.time() - (time.monotonic() - tapped)
    return Run(
        incident=answer["incident"],
        runtime=city.boards.snapshot(names[0]).runtime,
        broker=city.broker_kind,
        centers=names,
        acks_expected=len(names),
        acks_verified=len({center_name(int(name[1:])) for name in first_acks} & set(names)),
        tap_to_durable_ms=round((durable - tapped) * 1000, 2),
        tap_to_siren_ms=round((sounding - tapped) * 1000, 2),
        tap_to_ack_ms=round((max(first_acks.values()) - wall_of_tap) * 1000, 2),
    )


def _first_on(city: City, name: str, output: str, since: float) -> float:
    return next(at for at, outputs in city.boards.history(name) if at >= since and output in outputs)
