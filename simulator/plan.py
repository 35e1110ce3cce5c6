"""The throw-away city that the demo, the drills and the campaigns build: groups, gateways and centers, as data."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.topics import center_name, gateway_name

# Plaza of Godoy Cruz, Mendoza (WGS 84); neighbourhoods are squares side by side to the east of it.
_LAT, _LON = -32.9256, -68.8449
_SIDE_DEG = 0.006


@dataclass(frozen=True)
class Center:
    """A center of the plan; `number` is the one that enrolment will give it."""

    number: int
    group: int
    lat: float
    lon: float

    @property
    def name(self) -> str:
        """Its device name."""
        return center_name(self.number)


@dataclass(frozen=True)
class Group:
    """A neighbourhood with a gateway of its own; `polygon` is a closed ring of (lon, lat)."""

    number: int
    name: str
    polygon: tuple[tuple[float, float], ...]
    centers: tuple[Center, ...]

    @property
    def gateway(self) -> str:
        """The device name of its gateway."""
        return gateway_name(self.number)

    @property
    def middle(self) -> tuple[float, float]:
        """Latitude and longitude of a home in it."""
        lon, lat = self.polygon[0]
        return lat + _SIDE_DEG / 2, lon + _SIDE_DEG / 2


@dataclass(frozen=True)
class Plan:
    """A municipality of some groups."""

    municipality: str
    groups: tuple[Group, ...]

    @property
    def centers(self) -> tuple[Center, ...]:
        """All centers, by number."""
        return tuple(center for group in self.groups for center in group.centers)

    def group(self, number: int) -> Group:
        """A group by its number; raises KeyError."""
        return {group.number: group for group in self.groups}[number]


def city(groups: int = 2, centers_per_group: int = 3) -> Plan:
    """A city of `groups` neighbourhoods, one gateway and `centers_per_group` centers each."""
    names = ("Villa Hipódromo", "Barrio Trapiche", "Barrio Bancario", "Villa del Parque")
    made = []
    for index in range(groups):
        west = _LON + index * _SIDE_DEG
        ring = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
        polygon = tuple((round(west + x * _SIDE_DEG, 6), round(_LAT + y * _SIDE_DEG, 6)) for x, y in ring)
        centers = tuple(
            Center(
                index * centers_per_group + place + 1,
                index + 1,
                round(_LAT + _SIDE_DEG * (place + 1) / (centers_per_group + 1), 6),
                round(west + _SIDE_DEG / 2, 6),
            )
            for place in range(centers_per_group)
        )
        made.append(Group(index + 1, names[index % len(names)], polygon, centers))
    return Plan("Godoy Cruz", tuple(made))
