"""Who is inside a neighbourhood's polygon, allowing for what a phone does not know."""

from __future__ import annotations

from math import cos, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.domain.alert import Position
from central.domain.group import METRES_PER_DEGREE, Group, Ring, polygon_problem
from tests.central.rig import SQUARES, Rig, square

WEST, SOUTH, EAST, NORTH = SQUARES[1]
GROUP = Group(1, 1, "Barrio 1", square(1))
# An L: the square without its north-eastern quarter.
MID_LON, MID_LAT = (WEST + EAST) / 2, (SOUTH + NORTH) / 2
ELL: Ring = (
    (WEST, SOUTH), (EAST, SOUTH), (EAST, MID_LAT), (MID_LON, MID_LAT), (MID_LON, NORTH), (WEST, NORTH), (WEST, SOUTH),
)  # fmt: skip


def north_of_edge(metres: float, accuracy_m: float = 0.0) -> Position:
    """A point so many metres north of the square's northern edge."""
    return Position(NORTH + metres / METRES_PER_DEGREE, MID_LON, accuracy_m)


@given(lat=st.floats(SOUTH - 0.02, NORTH + 0.02), lon=st.floats(WEST - 0.02, EAST + 0.02))
def test_inside_a_square_is_what_comparing_numbers_says(lat: float, lon: float) -> None:
    """Ray casting against the plain definition, away from the very edge."""
    near = min(abs(lat - SOUTH), abs(lat - NORTH), abs(lon - WEST), abs(lon - EAST)) < 1e-9
    expected = SOUTH < lat < NORTH and WEST < lon < EAST
    assert near or GROUP.holds(Position(lat, lon)) == expected


@given(lat=st.floats(SOUTH, NORTH), lon=st.floats(WEST, EAST), turn=st.integers(0, 5), back=st.booleans())
def test_where_a_ring_begins_and_its_direction_do_not_matter(lat: float, lon: float, turn: int, back: bool) -> None:
    """Whatever tool drew the polygon."""
    corners = ELL[:-1][turn:] + ELL[:-1][:turn]
    if back:
        corners = corners[::-1]
    turned, position = Group(1, 1, "", (*corners, corners[0])), Position(lat, lon)
    assert turned.distance_m(position) == pytest.approx(Group(1, 1, "", ELL).distance_m(position), abs=0.01)


def test_the_notch_of_a_concave_polygon_is_outside() -> None:
    """The missing quarter is not home; the three others are."""
    group, quarter = Group(1, 1, "", ELL), (EAST - WEST) / 4
    spots = [(x * quarter, y * quarter) for x in (1, 3) for y in (1, 3)]
    assert [group.holds(Position(SOUTH + y, WEST + x)) for x, y in spots] == [True, True, True, False]


@pytest.mark.parametrize(
    ("metres", "accuracy_m", "holds"),
    [(20, 0, False), (20, 19, False), (20, 21, True), (49, 1000, True), (51, 50, False), (51, 100_000, False)],
)
def test_a_fix_may_be_off_by_its_accuracy_and_never_by_more_than_fifty_metres(
    metres: float, accuracy_m: float, holds: bool
) -> None:
    """A vague fix does not bring somebody from across the city home."""
    assert GROUP.holds(north_of_edge(metres, accuracy_m)) == holds


def test_distances_are_metres_in_both_directions() -> None:
    """A degree of longitude is shorter than one of latitude by the cosine."""
    east = Position(MID_LAT, EAST + 100 / (METRES_PER_DEGREE * cos(radians(MID_LAT))))
    assert [GROUP.distance_m(spot) for spot in (north_of_edge(100), east)] == pytest.approx([100, 100], abs=0.1)


@pytest.mark.parametrize(
    ("ring", "word"),
    [
        (square(1)[:-1], "closed"),
        (((0, 0), (1, 1), (0, 0)), "three corners"),
        (((0, 0), (1, 1), (2, 2), (0, 0)), "no area"),
        (((0, 0), (0, 91), (1, 91), (0, 0)), "degrees"),
        (((0, 0), (0, float("nan")), (1, 1), (0, 0)), "degrees"),
    ],
)
def test_a_ring_that_is_no_area_is_named(ring: Ring, word: str) -> None:
    """One sentence before it is enrolled; a good one has none."""
    assert (word in polygon_problem(ring), polygon_problem(square(1)), polygon_problem(ELL)) == (True, "", "")


def test_the_nearest_group_that_holds_a_position_is_its_group(rig: Rig) -> None:
    """A position finds its group within its municipality, and nowhere else."""
    west, south, east, north = SQUARES[2]
    middle = Position((south + north) / 2, (west + east) / 2)
    found = rig.devices.group_at(1, middle)
    assert (found and found.number, rig.devices.group_at(2, middle)) == (2, None)
