from __future__ import annotations

import itertools
import random

import pytest

from reports.paper.figures.boxes import Box, Page, Place

FRAME = Box(0.0, 0.0, 240.0, 160.0)


def placed(page: Page, labels: list[tuple[tuple[float, float], float, float]]) -> list[Place]:
    places = page.arrange(labels)
    assert None not in places
    return [place for place in places if place is not None]


@pytest.mark.parametrize("seed", range(8))
def test_labels_cover_neither_each_other_nor_the_edge(seed: int) -> None:
    rng = random.Random(seed)
    points = [(rng.uniform(10, 230), rng.uniform(10, 150)) for _ in range(30)]
    labels = [(point, rng.uniform(20, 60), 14.0) for point in points[:8]]
    boxes = [place.box for place in placed(Page(FRAME, points), labels)]
    assert all(box.within(FRAME) for box in boxes)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_a_label_avoids_other_points_and_lines() -> None:
    page = Page(FRAME, [(120.0, 80.0), (135.0, 80.0)], [((0.0, 90.0), (240.0, 90.0))])
    (place,) = placed(page, [((120.0, 80.0), 40.0, 10.0)])
    assert place.box.top < 90.0
    assert not place.box.overlaps(Box(132.0, 77.0, 138.0, 83.0))


def test_a_label_far_away_has_a_line_to_its_point() -> None:
    crowd = [(120.0 + dx, 80.0 + dy) for dx in (-16, 0, 16) for dy in (-16, 0, 16)]
    (place,) = placed(Page(FRAME, crowd), [((120.0, 80.0), 40.0, 10.0)])
    assert place.leader is not None
    start, end = place.leader
    assert end == (120.0, 80.0)
    assert not place.box.holds(start)
    (near,) = placed(Page(FRAME, [(120.0, 80.0)]), [((120.0, 80.0), 40.0, 10.0)])
    assert near.leader is None


def test_a_label_is_left_out_rather_than_put_over_points() -> None:
    everywhere = [(float(x), float(y)) for x in range(0, 241, 6) for y in range(0, 161, 6)]
    assert Page(FRAME, everywhere).arrange([((120.0, 78.0), 40.0, 10.0)]) == [None]


def test_there_is_no_place_without_room() -> None:
    small = Box(0.0, 0.0, 50.0, 20.0)
    assert Page(small, [(25.0, 10.0)]).arrange([((25.0, 10.0), 60.0, 10.0)]) == [None]
    places = Page(small, []).arrange([((25.0, 10.0), 22.0, 14.0)] * 4)
    assert places.count(None) >= 2
