import numpy as np
import pytest

from function.postprocess.polygons import _without_collinear, trace


def filled(polygons: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose centers are in one of the polygons, by counting the edges to their left."""
    union = np.zeros(shape, dtype=bool)
    rows, columns = np.arange(shape[0]) + 0.5, np.arange(shape[1]) + 0.5
    for polygon in polygons:
        inside = np.zeros(shape, dtype=bool)
        for (x, y), (to_x, to_y) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            if y != to_y:
                crossed = (rows >= min(y, to_y)) & (rows < max(y, to_y))
                at = x + (rows - y) * (to_x - x) / (to_y - y)
                inside ^= crossed[:, None] & (columns >= at[:, None])
        union |= inside
    return union


def mask(*rows: str) -> np.ndarray:
    return np.array([[character == "#" for character in row] for row in rows])


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (3, 4)])
def test_empty_mask_has_no_outline(shape: tuple[int, int]) -> None:
    assert trace(np.zeros(shape, dtype=bool)) == []


def test_rectangle_keeps_its_sides_and_has_cut_corners() -> None:
    (polygon,) = trace(mask("....", ".##.", ".##."))
    assert sorted(map(tuple, polygon)) == [
        (1, 1.5),
        (1, 2.5),
        (1.5, 1),
        (1.5, 3),
        (2.5, 1),
        (2.5, 3),
        (3, 1.5),
        (3, 2.5),
    ]


def test_slanted_edge_is_a_straight_line() -> None:
    (polygon,) = trace(np.tri(40, dtype=bool))
    assert len(polygon) < 10


def test_parts_that_touch_at_a_corner_are_separate_and_sorted_by_size() -> None:
    outlines = trace(mask("#..", ".##", ".##"))
    assert [len(polygon) for polygon in outlines] == [8, 4]


def test_hole_is_part_of_the_outer_ring() -> None:
    ring = mask("#####", "#...#", "#.#.#", "#...#", "#####")
    outer, island = trace(ring)
    np.testing.assert_array_equal(filled([outer], ring.shape), ring & (np.arange(25).reshape(5, 5) != 12))
    assert len(island) == 4


@pytest.mark.parametrize("seed", range(60))
def test_filled_polygons_equal_the_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = rng.random(rng.integers(1, 24, 2)) < rng.choice([0.1, 0.3, 0.5, 0.7, 0.9, 1])
    thick = drawn.repeat(3, axis=0).repeat(2, axis=1) if seed % 3 == 0 else drawn
    np.testing.assert_array_equal(filled(trace(thick), thick.shape), thick)


@pytest.mark.parametrize("turned", [False, True])
def test_point_on_a_straight_line_is_removed_and_the_end_of_a_slit_is_kept(turned: bool) -> None:
    square = np.array([(0, 0), (2, 0), (4, 0), (4, 4), (4, 2), (4, 4), (0, 4), (0, 2)], np.float64)
    essential = [(0, 0), (4, 0), (4, 4), (4, 2), (4, 4), (0, 4)]
    ring = square[:, ::-1] if turned else square
    expected = [point[::-1] for point in essential] if turned else essential
    assert [tuple(point) for point in _without_collinear(ring).tolist()] == expected
