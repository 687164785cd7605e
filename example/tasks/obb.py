"""Rotated boxes: type plates and levers at any angle on the walls that the dials hang on.

Knows where a fitting has room and what its corners are; a dial that hangs there too is left alone.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from example.backgrounds import SUPERSAMPLING, wall
from example.exposure import expose
from example.images import Plan, size_wh
from example.placement import hang, lay, overlap, project
from example.tasks.fittings import ASPECTS, DRAW
from example.tasks.fittings import NAMES as NAMES
from example.tasks.labeled_image import Labelled, fractions, row

COUNT_ODDS = (0.05, 0.25, 0.3, 0.25, 0.15)  # of 0, 1, 2, ... fittings in a picture
DIAL_ODDS = 0.3  # of a dial among them
DIAL_RADII = (0.08, 0.2)  # shorter sides of the picture
TRIES = 12  # places that a fitting looks for room in
MOST_SHARED = 0.04  # of the smaller one's upright box, with anything that is there already


def make(seed: int, index: int, plan: Plan) -> Labelled:
    """The picture of a seed and an index; a label is the class and the four corners.

    Args:
        seed: of the set.
        index: of the picture.
        plan: `dials` counts fittings here, `clock_odds` is the share of levers, `radii` are half lengths.
    """
    rng = np.random.default_rng((seed, index))
    image = wall(rng, *size_wh(rng, plan))
    taken: list[NDArray[np.float64]] = []
    if rng.random() < DIAL_ODDS:
        dial = hang(rng, image, int(rng.random() < 0.5), taken, DIAL_RADII)
        taken += [] if dial is None else [dial.box_xyxy]
    count = int(rng.choice(len(COUNT_ODDS), p=COUNT_ODDS)) if plan.dials is None else plan.dials
    lines = []
    for _ in range(count):
        class_id = int(rng.random() < plan.clock_odds)
        corners = _fix(rng, image, class_id, taken, plan.radii)
        if corners is not None:
            lines.append(row(class_id, fractions(corners, image)))
            taken.append(_upright(corners))
    return Labelled(expose(rng, image, plan.degrade), "".join(lines))


def _fix(
    rng: np.random.Generator,
    image: Image.Image,
    class_id: int,
    taken: list[NDArray[np.float64]],
    half_lengths: tuple[float, float],
) -> NDArray[np.float64] | None:
    """Draw one fitting where there is room for all of it. (4, 2) its corners in pixels; None without room."""
    for _ in range(TRIES):
        half = float(np.exp(rng.uniform(*np.log(half_lengths)))) * min(image.size)
        long, short = 2 * half, 2 * half / rng.uniform(*ASPECTS[class_id])
        wide, tall = round(long * SUPERSAMPLING), max(8, round(short * SUPERSAMPLING))
        forth = _turn(rng.uniform(0, 2 * np.pi), rng.uniform(0, 1, size=2) * image.size, (wide, tall))
        corners = project(forth, np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float64))
        box = _upright(corners)
        inside = (box[:2] >= 1).all() and (box[2:] <= np.array(image.size) - 1).all()
        if inside and all(overlap(box, other) < MOST_SHARED for other in taken):
            lay(rng, image, DRAW[class_id](rng, wide, tall), forth, float(short / 2))
            return corners
    return None


def _turn(angle: float, middle_xy: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """(3, 3) from the pixels of a sprite to those of the picture: turned about its middle, angle in radians."""
    cos, sin = np.cos(angle) / SUPERSAMPLING, np.sin(angle) / SUPERSAMPLING
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.vstack([np.column_stack([turn, middle_xy - turn @ (np.array(size) / 2)]), [0, 0, 1]])


def _upright(corners_xy: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([corners_xy.min(axis=0), corners_xy.max(axis=0)])
