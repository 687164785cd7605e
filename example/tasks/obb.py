"""Rotated boxes: type plates and levers at any angle, on the walls of the other tasks.

Some images also contain a dial, which has no label.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from example.backgrounds import SUPERSAMPLING, wall
from example.exposure import expose
from example.images import Plan, size_wh
from example.placement import overlap, paste_sprite, place_dial, project
from example.tasks.fittings import ASPECTS, DRAW
from example.tasks.fittings import NAMES as NAMES
from example.tasks.labeled_image import LabeledImage, fractions, row

COUNT_ODDS = (0.05, 0.25, 0.3, 0.25, 0.15)  # of 0, 1, 2, ... fittings in an image
DIAL_ODDS = 0.3  # that the image also contains a dial
DIAL_RADII = (0.08, 0.2)  # of the dial, as fractions of the shorter side of the image
MAX_ATTEMPTS = 12  # random positions that are tried for a fitting
MAX_OVERLAP = 0.04  # of axis-aligned boxes, relative to the smaller box


def make(seed: int, index: int, plan: Plan) -> LabeledImage:
    """Return the image of a seed and an index; a label is the class and the four corners.

    Args:
        seed: seed of the data set split.
        index: number of the image.
        plan: `dials` is the number of fittings, `clock_odds` the share of levers, `radii` are half lengths.
    """
    rng = np.random.default_rng((seed, index))
    image = wall(rng, *size_wh(rng, plan))
    occupied: list[NDArray[np.float64]] = []
    if rng.random() < DIAL_ODDS:
        dial = place_dial(rng, image, int(rng.random() < 0.5), occupied, DIAL_RADII)
        occupied += [] if dial is None else [dial.box_xyxy]
    count = int(rng.choice(len(COUNT_ODDS), p=COUNT_ODDS)) if plan.dials is None else plan.dials
    lines = []
    for _ in range(count):
        class_id = int(rng.random() < plan.clock_odds)
        corners = _place_fitting(rng, image, class_id, occupied, plan.radii)
        if corners is not None:
            lines.append(row(class_id, fractions(corners, image)))
            occupied.append(_bounding_box(corners))
    return LabeledImage(expose(rng, image, plan.degrade), "".join(lines))


def _place_fitting(
    rng: np.random.Generator,
    image: Image.Image,
    class_id: int,
    occupied: list[NDArray[np.float64]],
    half_lengths: tuple[float, float],
) -> NDArray[np.float64] | None:
    """Draw one fitting at a free position inside the image. Return its (4, 2) corners in pixels, or None."""
    for _ in range(MAX_ATTEMPTS):
        half = float(np.exp(rng.uniform(*np.log(half_lengths)))) * min(image.size)
        long, short = 2 * half, 2 * half / rng.uniform(*ASPECTS[class_id])
        wide, tall = round(long * SUPERSAMPLING), max(8, round(short * SUPERSAMPLING))
        sprite_to_image = _rotate(rng.uniform(0, 2 * np.pi), rng.uniform(0, 1, size=2) * image.size, (wide, tall))
        corners = project(sprite_to_image, np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float64))
        box = _bounding_box(corners)
        inside = (box[:2] >= 1).all() and (box[2:] <= np.array(image.size) - 1).all()
        if inside and all(overlap(box, other) < MAX_OVERLAP for other in occupied):
            paste_sprite(rng, image, DRAW[class_id](rng, wide, tall), sprite_to_image, float(short / 2))
            return corners
    return None


def _rotate(angle: float, center_xy: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """Return the (3, 3) homography from sprite to image pixels: a rotation about its center, angle in radians."""
    cos, sin = np.cos(angle) / SUPERSAMPLING, np.sin(angle) / SUPERSAMPLING
    rotation = np.array([[cos, -sin], [sin, cos]])
    return np.vstack([np.column_stack([rotation, center_xy - rotation @ (np.array(size) / 2)]), [0, 0, 1]])


def _bounding_box(corners_xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the axis-aligned box, (4,) xyxy, around (4, 2) corners."""
    return np.concatenate([corners_xy.min(axis=0), corners_xy.max(axis=0)])
