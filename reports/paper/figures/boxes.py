"""Rectangles, points and lines on a page, in points (1/72 inch), and where a label may stand among them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Line = tuple[Point, Point]
Points = NDArray[np.float64]
"""Rows of x and y."""

_DISTANCES_PT = (3.0, 7.0, 12.0, 18.0, 26.0, 36.0, 48.0, 62.0)
_ANGLES = 24
_LEADER_FROM_PT = 5.0  # a label farther away is connected with its point by a line
_POINT_PT = 3.2  # half the size of a marker
_STEP_PT = 2.0  # between the places at which a line is looked at
_ROUNDS = 6
_DEAREST = 60.0  # a label is left out rather than put where it covers a point, or crosses another label or its line
# what a place costs, for each thing that is in its way; a distance counts by the point
_COVERS_POINT, _COVERS_LINE, _CROSSES_LABEL, _LEADER_COVERS_POINT, _FAR = 100.0, 0.7, 60.0, 15.0, 0.5


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: Box) -> bool:
        """Return whether the two have an area in common."""
        beside = self.left >= other.right or other.left >= self.right
        return not (beside or self.bottom >= other.top or other.bottom >= self.top)

    def holds(self, point: Point) -> bool:
        """Return whether a point lies inside."""
        return self.left < point[0] < self.right and self.bottom < point[1] < self.top

    def within(self, other: Box) -> bool:
        """Return whether all of it lies in another one."""
        wide = self.left >= other.left and self.right <= other.right
        return wide and self.bottom >= other.bottom and self.top <= other.top

    def nearest(self, point: Point) -> Point:
        """Return its point that is nearest to a point outside."""
        return min(max(point[0], self.left), self.right), min(max(point[1], self.bottom), self.top)


@dataclass(frozen=True)
class Place:
    """A place for a label.

    Attributes:
        box: The label's rectangle.
        point: The point that it belongs to.
        distance: From the point's marker to the rectangle.
        cost: What speaks against it, whatever other labels there are.

    """

    box: Box
    point: Point
    distance: float
    cost: float = 0.0

    @property
    def centre(self) -> Point:
        """The middle of the rectangle."""
        return (self.box.left + self.box.right) / 2, (self.box.bottom + self.box.top) / 2

    @property
    def leader(self) -> Line | None:
        """The line that connects the label with its point; None where it is near enough without one."""
        return (self.box.nearest(self.point), self.point) if self.distance > _LEADER_FROM_PT else None


@dataclass(frozen=True)
class Page:
    """What is on the page before any label.

    Attributes:
        frame: Where labels may be.
        points: Middles of all markers.
        lines: Straight lines.

    """

    frame: Box
    points: Sequence[Point]
    lines: Sequence[Line] = ()
    _dots: Points = field(init=False)
    _on_lines: Points = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_dots", _array(self.points))
        object.__setattr__(self, "_on_lines", _array(point for line in self.lines for point in _along(line)))

    def arrange(self, labels: Sequence[tuple[Point, float, float]]) -> list[Place | None]:
        """Return a place for each label, given as point, width and height; None where none is good enough.

        Each label takes the cheapest place that the others leave; this is repeated until none wants to move. Then the
        label with the dearest place is left out and the others move again, as long as one is too dear.
        """
        wanted = {index: self._good_places(*label) for index, label in enumerate(labels)}
        placed: dict[int, Place] = {}
        while wanted:
            placed = _settled(wanted, placed)
            costs = {index: _cost(placed[index], _without(placed, index)) for index in placed}
            costs |= dict.fromkeys(wanted.keys() - placed.keys(), math.inf)
            dearest = max(costs, key=lambda index: costs[index])
            if costs[dearest] < _DEAREST:
                break
            del wanted[dearest]
            placed.pop(dearest, None)
        return [placed.get(index) for index in range(len(labels))]

    def _good_places(self, point: Point, width: float, height: float) -> list[Place]:
        """Return the places around a point that what is on the page does not make too dear."""
        places = (replace(place, cost=self._cost(place)) for place in self._places(point, width, height))
        return [place for place in places if place.cost < _DEAREST]

    def _places(self, point: Point, width: float, height: float) -> Iterator[Place]:
        """Yield the places around a point that lie within the frame."""
        for distance in _DISTANCES_PT:
            for turn in range(_ANGLES):
                angle = 2 * math.pi * turn / _ANGLES
                away = distance + _POINT_PT
                x = point[0] + math.cos(angle) * (away + width / 2)
                y = point[1] + math.sin(angle) * (away + height / 2)
                box = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
                if box.within(self.frame):
                    yield Place(box, point, math.dist(box.nearest(point), point) - _POINT_PT)

    def _cost(self, place: Place) -> float:
        """Return what a place costs by itself."""
        cost = place.distance * _FAR
        cost += _COVERS_POINT * np.count_nonzero(_inside(self._dots, place.box, _POINT_PT))
        cost += _COVERS_LINE * np.count_nonzero(_inside(self._on_lines, place.box))
        if place.leader is None:
            return cost
        leader = _array(list(_along(place.leader))[:-2])
        near = np.abs(self._dots[:, None] - leader) < _POINT_PT
        return cost + _LEADER_COVERS_POINT * np.count_nonzero(np.count_nonzero(near[..., 0] & near[..., 1], axis=1))


def _array(points: Iterable[Point]) -> Points:
    return np.array(list(points), np.float64).reshape(-1, 2)


def _inside(points: Points, box: Box, reach: float = 0.0) -> NDArray[np.bool_]:
    """Return which points lie inside a rectangle, or nearer to it than `reach` in both directions."""
    low, high = np.array([box.left, box.bottom]) - reach, np.array([box.right, box.top]) + reach
    inside = (low < points) & (points < high)
    return inside[:, 0] & inside[:, 1]


def _settled(wanted: Mapping[int, Sequence[Place]], placed: Mapping[int, Place]) -> dict[int, Place]:
    """Return the cheapest place of each label, beginning from some; a label without a free place has none."""
    found = dict(placed)
    for _ in range(_ROUNDS):
        before = dict(found)
        for index, places in wanted.items():
            others = _without(found, index)
            free = [place for place in places if not any(place.box.overlaps(each.box) for each in others)]
            found.pop(index, None)
            if free:
                found[index] = min(free, key=partial(_cost, others=others))
        if found == before:
            break
    return found


def _cost(place: Place, others: Sequence[Place]) -> float:
    """Return what a place costs beside other labels."""
    cost = place.cost
    leader = list(_along(place.leader)) if place.leader else []
    for other in others:
        cost += _CROSSES_LABEL * any(map(other.box.holds, leader))
        if other.leader:
            cost += _CROSSES_LABEL * any(map(place.box.holds, _along(other.leader)))
            cost += _CROSSES_LABEL * (place.leader is not None and _meet(place.leader, other.leader))
    return cost


def _without(placed: Mapping[int, Place], index: int) -> list[Place]:
    return [place for other, place in placed.items() if other != index]


def _along(line: Line) -> Iterator[Point]:
    """Yield points along a line, both ends among them."""
    start, end = line
    steps = max(1, round(math.dist(start, end) / _STEP_PT))
    for step in range(steps + 1):
        share = step / steps
        yield start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def _meet(first: Line, second: Line) -> bool:
    """Return whether two lines cross."""
    a, b = first
    c, d = second
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
