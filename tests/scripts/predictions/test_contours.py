"""Contours of masks; the expected points are those of `cv2.findContours` 5.0.0 and of ultralytics 8.4.190."""

import textwrap
from collections.abc import Callable

import numpy as np
import pytest

from function.arrays import Bools
from scripts.predictions import contours, yolo_labels

Points = list[tuple[int, int]]

RING = """
    ........
    ..####..
    .#....#.
    .#.##.#.
    .#....#.
    ..####..
    ........
"""
CORNER = """
    ##...
    ##...
    ..##.
    ..##.
"""
THREE = """
    #####...###
    #...#...#..
    ....#..##..
    ..........#
    .##......##
    .##......#.
"""
LINE = """
    ......
    .####.
    ......
"""
CONTOURS: dict[str, tuple[str, list[Points]]] = {
    "island in a hole is left out": (RING, [[(2, 1), (1, 2), (1, 4), (2, 5), (5, 5), (6, 4), (6, 2), (5, 1)]]),
    "pixels that touch at a corner are one part": (
        CORNER,
        [[(0, 0), (0, 1), (1, 1), (2, 2), (2, 3), (3, 3), (3, 2), (2, 2), (1, 1), (1, 0)]],
    ),
    "last part comes first": (
        THREE,
        [
            [(1, 4), (1, 5), (2, 5), (2, 4)],
            [(10, 3), (9, 4), (9, 5), (10, 4)],
            [(8, 0), (8, 1), (7, 2), (8, 2), (8, 1), (9, 0), (10, 0)],
            [(0, 0), (0, 1), (1, 0), (3, 0), (4, 1), (4, 2), (4, 0)],
        ],
    ),
    "line of pixels": (LINE, [[(1, 1), (4, 1)]]),
    "one pixel": ("#", [[(0, 0)]]),
    "nothing": ("..", []),
}


def pixels(text: str) -> Bools:
    return np.array([[letter == "#" for letter in line] for line in textwrap.dedent(text).split()])


@pytest.mark.parametrize("name", CONTOURS)
def test_contours(name: str) -> None:
    text, expected = CONTOURS[name]
    assert contours.find(pixels(text)) == expected


def test_contours_are_joined_at_their_nearest_points() -> None:
    assert yolo_labels.join(contours.find(pixels(THREE))) == [
        *((2, 5), (2, 4), (1, 4), (1, 5), (2, 5), (9, 5), (9, 4), (10, 3), (8, 2), (7, 2), (4, 2), (4, 0), (0, 0)),
        *((0, 1), (1, 0), (3, 0), (4, 1), (4, 2), (7, 2), (8, 1), (8, 0), (10, 0), (9, 0), (8, 1), (8, 2), (10, 3)),
        *((10, 4), (9, 5)),
    ]


@pytest.mark.torch
def test_contours_of_random_masks_equal_those_of_opencv(in_export_environment: Callable[[str], str]) -> None:
    program = """
        import cv2
        import numpy as np
        from scripts.predictions import contours

        random = np.random.default_rng(0)
        for number in range(1000):
            mask = random.random(random.integers(1, 24, 2)) < random.choice([0.1, 0.3, 0.5, 0.7, 0.9])
            mask = np.kron(mask, np.ones((2, 3), dtype=bool)) if number % 3 == 0 else mask
            found = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
            expected = [[tuple(point) for point in contour.reshape(-1, 2).tolist()] for contour in found]
            assert contours.find(mask) == expected, mask.tolist()
    """
    in_export_environment(program)
