"""Placement of dials in an image: a free position, a perspective view, and a shadow."""

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
MARGIN = np.array([-0.05, -0.05, 0.05, 0.45])  # rim radii around the rim's box: the stem must not hide a neighbor


class PlacedDial(NamedTuple):
    """Dial as the camera sees it; only its box is clipped to the image."""

    class_id: int
    box_xyxy: NDArray[np.float64]  # (4,) pixels, clipped to the image
    outline_xy: NDArray[np.float64]  # (N, 2) the outermost rim, pixels
    keypoints_xy: NDArray[np.float64]  # (4, 2) the KEYPOINTS of a gauge, pixels; (0, 2) for a clock
    radius: float  # of the rim in pixels, seen from the front
    plane_to_image: NDArray[np.float64]  # (3, 3) homography from the plane of the dial, in rim radii, to pixels


def place_dial(
    rng: np.random.Generator,
    image: Image.Image,
    class_id: int,
    occupied: list[NDArray[np.float64]],
    radii: tuple[float, float],
) -> PlacedDial | None:
    """Draw one dial at a free position, in place.

    Args:
        rng: source of the random values.
        image: RGB, changed in place.
        class_id: 0 gauge, 1 clock.
        occupied: boxes, (4,) xyxy pixels, with which the dial must not overlap.
        radii: smallest and largest radius, as fractions of the shorter side of the image.

    Returns:
        The dial, or None if no free position was found.
    """
    size, short_side = np.array(image.size, np.float64), min(image.size)
    view = _view(rng)
    for _ in range(12):
        radius = float(np.exp(rng.uniform(*np.log(radii)))) * short_side
        center = rng.uniform(0.02, 0.98, size=2) * size
        if rng.random() < 0.75 and radius < 0.45 * short_side:  # most dials are completely inside the image
            center = np.clip(center, radius, size - radius)
        reach = np.concatenate([center - radius, center + radius])
        space = reach + radius * MARGIN
        if _visible_share(reach, size) > 0.6 and all(overlap(space, other) < 0.06 for other in occupied):
            return _paste(rng, image, class_id, view, center, radius)
    return None


def _view(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a random (3, 3) homography from the plane of the dial to that of the camera, both in rim radii."""
    strong = rng.random() < 0.35
    yaw, pitch = np.deg2rad(rng.normal(0, 26 if strong else 9, size=2).clip(-52, 52))
    roll = np.deg2rad(rng.normal(0, 18 if strong else 5))
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    rotation = about_z @ about_y @ about_x
    return np.array([[*rotation[0, :2], 0], [*rotation[1, :2], 0], [*(rotation[2, :2] / CAMERA), 1]])


def _paste(
    rng: np.random.Generator,
    image: Image.Image,
    class_id: int,
    view: NDArray[np.float64],
    center: NDArray[np.float64],
    radius: float,
) -> PlacedDial:
    """Draw one dial with its shadow in the perspective of a view."""
    side = max(48, round(SUPERSAMPLING * radius / RIM_FRACTION))
    dial = DRAW[class_id](rng, side)
    unit = side * RIM_FRACTION
    to_plane = np.array([[1 / unit, 0, -0.5 * side / unit], [0, 1 / unit, -0.5 * side / unit], [0, 0, 1]])
    to_image = np.array([[radius, 0, center[0]], [0, radius, center[1]], [0, 0, 1]])
    plane_to_image = to_image @ view
    sprite_to_image = plane_to_image @ to_plane
    paste_sprite(rng, image, dial.sprite, sprite_to_image, radius)
    rim = project(sprite_to_image, dial.outline_xy)
    box = np.clip(np.concatenate([rim.min(axis=0), rim.max(axis=0)]), 0, image.size * 2)
    keypoints = project(sprite_to_image, dial.keypoints_xy)
    return PlacedDial(class_id, np.asarray(box, np.float64), rim, keypoints, radius, plane_to_image)


def paste_sprite(
    rng: np.random.Generator,
    image: Image.Image,
    sprite: Image.Image,
    sprite_to_image: NDArray[np.float64],
    radius: float,
) -> None:
    """Paste a sprite and its shadow, in place.

    Args:
        rng: source of the random values of the shadow.
        image: RGB, changed in place.
        sprite: RGBA, SUPERSAMPLING times as large as in the image.
        sprite_to_image: (3, 3) homography from sprite pixels to image pixels.
        radius: half of the size of the object in image pixels; it sets the reach of the shadow.
    """
    wide, tall = sprite.size
    corners = project(sprite_to_image, np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float64))
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int)
    from_patch = np.array([[1 / SUPERSAMPLING, 0, left], [0, 1 / SUPERSAMPLING, top], [0, 0, 1]])
    patch_to_sprite = np.linalg.inv(sprite_to_image) @ from_patch
    patch = sprite.transform(
        ((right - left) * SUPERSAMPLING, (bottom - top) * SUPERSAMPLING),
        Image.Transform.PERSPECTIVE,
        tuple((patch_to_sprite / patch_to_sprite[2, 2]).ravel()[:8]),
        Image.Resampling.BILINEAR,
    ).reduce(SUPERSAMPLING)
    _shadow(rng, image, patch.getchannel("A"), (left, top), radius)
    image.paste(patch, (left, top), patch)


def project(matrix: NDArray[np.float64], points_xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (N, 2) points mapped by a (3, 3) homography."""
    moved = np.hstack([points_xy, np.ones((len(points_xy), 1))]) @ matrix.T
    return np.asarray(moved[:, :2] / moved[:, 2:], np.float64)


def _shadow(
    rng: np.random.Generator, image: Image.Image, alpha: Image.Image, at: tuple[int, int], radius: float
) -> None:
    """Draw the soft shadow of an object on the wall, in place."""
    shift, soft = rng.uniform(-0.2, 0.2, size=2) * radius, float(radius * rng.uniform(0.04, 0.14))
    dark = rng.uniform(0.2, 0.75)
    mask = alpha.filter(ImageFilter.GaussianBlur(soft)).point([round(value * dark) for value in range(256)])
    image.paste((0, 0, 0), (round(at[0] + shift[0]), round(at[1] + abs(shift[1]))), mask)


def _visible_share(box: NDArray[np.float64], size: NDArray[np.float64]) -> float:
    """Return the fraction of a box that lies in the image, 0..1."""
    inside = np.clip(box, 0, np.tile(size, 2))
    return float(np.prod(inside[2:] - inside[:2]) / np.prod(box[2:] - box[:2]))


def overlap(box: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the intersection of two boxes divided by the area of the smaller box."""
    sides = np.clip(np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2]), 0, None)
    return float(np.prod(sides) / min(np.prod(box[2:] - box[:2]), np.prod(other[2:] - other[:2])))


def occlude(rng: np.random.Generator, image: Image.Image, box: NDArray[np.float64], scale: float) -> None:
    """Draw a bar or a cable in front of a dial, in place; the label of the dial does not change.

    Args:
        rng: source of the random values.
        image: RGB, changed in place.
        box: (4,) xyxy pixels of the dial.
        scale: width in pixels of the smallest dial in the image: the bar is narrower, so it hides no dial completely.
    """
    wide = scale * rng.uniform(0.06, 0.2)
    color = dull_color(rng, 30, 220)
    if rng.random() < 0.5:
        at = rng.uniform(box[0] - wide / 2, box[2] - wide / 2)
        tube(image, (at, 0, at + wide, image.height), color)
        return
    ends = rng.uniform(-0.2, 1.2, size=2) * (box[2] - box[0]) + box[0]
    line = [(float(ends[0]), box[1] - wide), (float(ends[1]), box[3] + wide)]
    ImageDraw.Draw(image).line(line, color, max(1, round(wide * 0.7)))
