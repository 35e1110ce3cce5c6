"""What is broken for many at once is said once: a gateway that is silent, a blackout. Called by the wiring each half second."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import structlog

from central.domain.blackout import Battery, Blackout, blackouts, ranked
from central.flows.fleet import Fleet
from central.ports import Clock, Places
from protocol.topics import center_name, gateway_name

_log = structlog.get_logger()

# A blackout is told once nobody has joined it for as long, or at the latest so long after it was seen: in one line with how many it is.
_QUIET_S = 10.0
_LATEST_S = 60.0


@dataclass
class _Seen:
    """A blackout that goes on; times are Unix seconds."""

    municipality: int
    centers: set[int]
    seen_at: float
    grown_at: float
    told: bool = False


class Faults:
    """Compares what is with what was at the last round; holds nothing that a restart may not lose."""

    def __init__(self, fleet: Fleet, places: Places, clock: Clock) -> None:
        self._fleet = fleet
        self._places = places
        self._clock = clock
        self._silent: set[int] = set()
        self._seen: list[_Seen] = []

    def once(self) -> None:
        """Tell what has changed."""
        now = self._clock.now()
        self._gateways(now)
        self._blackouts(now)

    def describe(self, municipality: int, now: float) -> list[dict[str, Any]]:
        """The blackouts of a municipality for the API: how many, where, since when, whose battery ends first."""
        told = []
        for blackout in self._of().get(municipality, []):
            batteries = ranked([self._battery(center) for center in blackout.centers])
            told.append(
                {
                    "centers": len(blackout.centers),
                    "first_s_ago": round(now - blackout.first, 1),
                    "last_s_ago": round(now - blackout.last, 1),
                    "groups": self._groups(blackout),
                    "gateways": self._gateways_of(blackout),
                    "batteries": [
                        {"center": center_name(one.center), "hours": one.hours, "battery_mv": one.millivolts or None}
                        for one in batteries
                    ],
                }
            )
        return told

    def _gateways(self, now: float) -> None:
        for gateway in self._places.gateways():
            silent = self._fleet.silent(gateway, now)
            if silent and gateway not in self._silent:
                _log.warning("gateway silent", gateway=gateway_name(gateway), centers_unknown=self._behind(gateway))
                self._silent.add(gateway)
            elif not silent and gateway in self._silent:
                _log.info("gateway heard again", gateway=gateway_name(gateway))
                self._silent.discard(gateway)

    def _blackouts(self, now: float) -> None:
        goes_on = []
        for municipality, found in self._of().items():
            for blackout in found:
                centers = set(blackout.centers)
                known = next((one for one in self._seen if one.centers & centers), None)
                known = known or _Seen(municipality, set(), now, now)
                if not centers <= known.centers:
                    known.grown_at = now
                known.centers = centers
                goes_on.append(known)
                if not known.told and (now - known.grown_at >= _QUIET_S or now - known.seen_at >= _LATEST_S):
                    known.told = True
                    self._tell(municipality, blackout, now)
        for one in self._seen:
            if one.told and one not in goes_on:
                _log.info("blackout over", municipality=one.municipality, centers=len(one.centers))
        self._seen = goes_on

    def _tell(self, municipality: int, blackout: Blackout, now: float) -> None:
        first = ranked([self._battery(center) for center in blackout.centers])[0]
        _log.warning(
            "blackout", municipality=municipality, centers=len(blackout.centers), since_s=round(now - blackout.first),
            groups=len(self._groups(blackout)), gateways=self._gateways_of(blackout),
            first_to_end=center_name(first.center), hours=first.hours,
        )  # fmt: skip

    def _of(self) -> dict[int, list[Blackout]]:
        """Blackouts by municipality."""
        lost: dict[int, dict[int, float]] = {}
        for center, at in self._fleet.without_mains().items():
            try:
                municipality = self._places.municipality_of(self._places.center_group(center))
            except KeyError:
                continue
            lost.setdefault(municipality, {})[center] = at
        return {municipality: blackouts(centers) for municipality, centers in lost.items()}

    def _battery(self, center: int) -> Battery:
        status = self._fleet.status(center)
        return Battery(center, status.hours_left(), status.battery_mv)

    def _groups(self, blackout: Blackout) -> dict[str, int]:
        counted = Counter(self._places.center_group(center) for center in blackout.centers)
        return {str(group): count for group, count in sorted(counted.items())}

    def _gateways_of(self, blackout: Blackout) -> dict[str, int]:
        counted = Counter(self._places.center_gateway(center) for center in blackout.centers)
        return {gateway_name(gateway): count for gateway, count in sorted(counted.items())}

    def _behind(self, gateway: int) -> int:
        """How many centers that were heard hang on a gateway."""
        return sum(self._gateway(center) == gateway for center in self._fleet.centers)

    def _gateway(self, center: int) -> int:
        try:
            return self._places.center_gateway(center)
        except KeyError:
            return 0
