"""Dials hung in a picture: where there is room, seen from an angle, with their shadow.

Knows geometry and pasting; knows nothing of light in the room or of label files.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from example.backgrounds import SUPERSAMPLING
from example.canvas import RIM_FRACTION, tube
from example.dials import Dial, clock, gauge
from example.distractors import dull_color

DRAW: tuple[Callable[[np.random.Generator, int], Dial], ...] = (gauge, clock)
CAMERA = 4.5  # distance of the camera in rim radii
ROOM = np.array([-0.05, -0.05, 0.05, 0.45])  # rim radii around the rim's box: the stem must not hide a neighbor


class Hung(NamedTuple):
    """A dial as the camera sees it; what lies outside of the picture is not cut off but for the box."""

    class_id: int
    box_xyxy: NDArray[np.float64]  # (4,) pixels, clipped to the picture
    outline_xy: NDArray[np.float64]  # (N, 2) the outermost rim, pixels
    marks_xy: NDArray[np.float64]  # (4, 2) the MARKS of a gauge, pixels; (0, 2) on a clock


def hang(
    rng: np.random.Generator,
    image: Image.Image,
    class_id: int,
    taken: list[NDArray[np.float64]],
    radii: tuple[float, float],
) -> Hung | None:
    """Draw one dial where there is room; None when there is none."""
    size, short_side = np.array(image.size, np.float64), min(image.size)
    view = _view(rng)
    for _ in range(12):
        radius = float(np.exp(rng.uniform(*np.log(radii)))) * short_side
        center = rng.uniform(0.02, 0.98, size=2) * size
        if rng.random() < 0.75 and radius < 0.45 * short_side:  # most are wholly inside
            center = np.clip(center, radius, size - radius)
        reach = np.concatenate([center - radius, center + radius])
        room = reach + radius * ROOM
        if _seen(reach, size) > 0.6 and all(overlap(room, other) < 0.06 for other in taken):
            return _paste(rng, image, class_id, view, center, radius)
    return None


def _view(rng: np.random.Generator) -> NDArray[np.float64]:
    """(3, 3) from the dial's plane, in rim radii, to the camera's, in the same unit."""
    strong = rng.random() < 0.35
    yaw, pitch = np.deg2rad(rng.normal(0, 26 if strong else 9, size=2).clip(-52, 52))
    roll = np.deg2rad(rng.normal(0, 18 if strong else 5))
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    turn = about_z @ about_y @ about_x
    return np.array([[*turn[0, :2], 0], [*turn[1, :2], 0], [*(turn[2, :2] / CAMERA), 1]])


def _paste(
    rng: np.random.Generator,
    image: Image.Image,
    class_id: int,
    view: NDArray[np.float64],
    center: NDArray[np.float64],
    radius: float,
) -> Hung:
    """Draw, turn and shade one dial on the picture."""
    side = max(48, round(SUPERSAMPLING * radius / RIM_FRACTION))
    dial = DRAW[class_id](rng, side)
    unit = side * RIM_FRACTION
    to_plane = np.array([[1 / unit, 0, -0.5 * side / unit], [0, 1 / unit, -0.5 * side / unit], [0, 0, 1]])
    to_picture = np.array([[radius, 0, center[0]], [0, radius, center[1]], [0, 0, 1]])
    forth = to_picture @ view @ to_plane
    lay(rng, image, dial.sprite, forth, radius)
    rim = project(forth, dial.outline_xy)
    box = np.clip(np.concatenate([rim.min(axis=0), rim.max(axis=0)]), 0, image.size * 2)
    return Hung(class_id, np.asarray(box, np.float64), rim, project(forth, dial.marks_xy))


def lay(
    rng: np.random.Generator, image: Image.Image, sprite: Image.Image, forth: NDArray[np.float64], radius: float
) -> None:
    """Paste a sprite and its shadow.

    Args:
        rng: draws the shadow.
        image: the picture, changed in place.
        sprite: RGBA, drawn SUPERSAMPLING times as large as it will be seen.
        forth: (3, 3) homography from sprite pixels to picture pixels.
        radius: half of the thing's size, in picture pixels: it sets the reach of the shadow.
    """
    wide, tall = sprite.size
    corners = project(forth, np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float64))
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int)
    from_patch = np.array([[1 / SUPERSAMPLING, 0, left], [0, 1 / SUPERSAMPLING, top], [0, 0, 1]])
    back = np.linalg.inv(forth) @ from_patch
    patch = sprite.transform(
        ((right - left) * SUPERSAMPLING, (bottom - top) * SUPERSAMPLING),
        Image.Transform.PERSPECTIVE,
        tuple((back / back[2, 2]).ravel()[:8]),
        Image.Resampling.BILINEAR,
    ).reduce(SUPERSAMPLING)
    _shadow(rng, image, patch.getchannel("A"), (left, top), radius)
    image.paste(patch, (left, top), patch)


def project(matrix: NDArray[np.float64], points_xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2) points through a (3, 3) homography."""
    moved = np.hstack([points_xy, np.ones((len(points_xy), 1))]) @ matrix.T
    return np.asarray(moved[:, :2] / moved[:, 2:], np.float64)


def _shadow(
    rng: np.random.Generator, image: Image.Image, alpha: Image.Image, at: tuple[int, int], radius: float
) -> None:
    """The soft shadow that the dial throws on the wall."""
    shift, soft = rng.uniform(-0.2, 0.2, size=2) * radius, float(radius * rng.uniform(0.04, 0.14))
    dark = rng.uniform(0.2, 0.75)
    mask = alpha.filter(ImageFilter.GaussianBlur(soft)).point([round(value * dark) for value in range(256)])
    image.paste((0, 0, 0), (round(at[0] + shift[0]), round(at[1] + abs(shift[1]))), mask)


def _seen(box: NDArray[np.float64], size: NDArray[np.float64]) -> float:
    """The share of a box that lies in the picture."""
    inside = np.clip(box, 0, np.tile(size, 2))
    return float(np.prod(inside[2:] - inside[:2]) / np.prod(box[2:] - box[:2]))


def overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The shared area, relative to the smaller box."""
    sides = np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None)
    return float(np.prod(sides) / min(np.prod(one[2:] - one[:2]), np.prod(other[2:] - other[:2])))


def cover(rng: np.random.Generator, image: Image.Image, box: NDArray[np.float64], scale: float) -> None:
    """A bar or a cable in front of a dial; its label stays whole, and no smaller dial is hidden behind it."""
    wide = scale * rng.uniform(0.06, 0.2)
    color = dull_color(rng, 30, 220)
    if rng.random() < 0.5:
        at = rng.uniform(box[0] - wide / 2, box[2] - wide / 2)
        tube(image, (at, 0, at + wide, image.height), color)
        return
    ends = rng.uniform(-0.2, 1.2, size=2) * (box[2] - box[0]) + box[0]
    line = [(float(ends[0]), box[1] - wide), (float(ends[1]), box[3] + wide)]
    ImageDraw.Draw(image).line(line, color, max(1, round(wide * 0.7)))
