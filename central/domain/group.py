"""Neighbourhood groups: who is inside a polygon, and which alarm centers belong to it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from math import cos, hypot, radians

from central.domain.alert import Position

METRES_PER_DEGREE = 111_320.0
# A phone's fix may place a person just over the edge of their own block.
MAX_GROWTH_M = 50.0

Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Center:
    """An alarm center: its number, place, and the gateway it hangs on."""

    number: int
    gateway: int
    lat: float
    lon: float


@dataclass(frozen=True)
class Group:
    """A group: its polygon as a closed ring of (lon, lat), its centers by number."""

    number: int
    municipality: int
    name: str
    polygon: Ring
    centers: tuple[Center, ...] = ()

    def holds(self, position: Position) -> bool:
        """Whether the position is inside, allowing for its accuracy up to 50 m."""
        return self.distance_m(position) <= min(position.accuracy_m, MAX_GROWTH_M)

    def distance_m(self, position: Position) -> float:
        """Metres from the polygon; 0 inside."""
        if _inside(position, self.polygon):
            return 0.0
        scale = cos(radians(position.lat)) * METRES_PER_DEGREE
        flat = [((lon - position.lon) * scale, (lat - position.lat) * METRES_PER_DEGREE) for lon, lat in self.polygon]
        return min(_to_segment(a, b) for a, b in itertools.pairwise(flat))


def polygon_problem(ring: Ring) -> str:
    """What is wrong with a ring, in one sentence; empty when it can be used."""
    if len(ring) < 4 or ring[0] != ring[-1]:
        return "a polygon is a closed ring of at least three corners (the first point again at the end)"
    if not all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in ring):
        return "a polygon's points are (longitude, latitude) in degrees"
    area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in itertools.pairwise(ring)) / 2
    return "" if abs(area) > 1e-12 else "the polygon has no area"


def _inside(position: Position, ring: Ring) -> bool:
    """Ray casting to the east; a point on an edge counts by distance instead."""
    inside = False
    for (x1, y1), (x2, y2) in itertools.pairwise(ring):
        if (y1 > position.lat) != (y2 > position.lat):
            crossing = (x2 - x1) * (position.lat - y1) / (y2 - y1) + x1
            inside ^= position.lon < crossing
    return inside


def _to_segment(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Distance of the origin from the segment a-b."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = dx * dx + dy * dy
    share = 0.0 if length == 0 else max(0.0, min(1.0, -(a[0] * dx + a[1] * dy) / length))
    return hypot(a[0] + share * dx, a[1] + share * dy)
