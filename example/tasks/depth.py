"""Depth: the distance of every pixel from the camera, of dials that stand at different distances before a wall.

All dials have the same size, so a small dial is far away; a dial that is seen at an angle has a near and a far side.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from example.images import Plan, draw_scene
from example.placement import PlacedDial
from example.tasks.labeled_image import MappedImage

NAMES = ("depth",)
DISTANCE = 0.25  # m, of a dial whose radius is the shorter side of the image
WALL = 1.2  # distance of the wall, in distances of the farthest dial
EMPTY_WALL = 3.0  # m, of a wall without dials


def make(seed: int, index: int, plan: Plan) -> MappedImage:
    """Return the image of a seed and an index, and its map: (H, W) uint16 millimeters.

    Bars in front of a dial and the pipe below it have the distance of what is behind them.
    """
    scene = draw_scene(seed, index, plan)
    short_side = min(scene.image.size)
    distances = [DISTANCE * short_side / dial.radius for dial in scene.dials]
    wall = max(distances) * WALL if distances else EMPTY_WALL
    depth = np.full(scene.image.size[::-1], wall)
    for distance, dial in sorted(zip(distances, scene.dials, strict=True), key=lambda pair: -pair[0]):
        inside = Image.new("1", scene.image.size)
        ImageDraw.Draw(inside).polygon([(float(x), float(y)) for x, y in dial.outline_xy], fill=1)
        depth = np.where(np.asarray(inside), distance * _relative_depth(dial, scene.image.size), depth)
    return MappedImage(scene.image, np.rint(depth * 1000).astype(np.uint16))


def _relative_depth(dial: PlacedDial, size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """Return (H, W): the distance of the plane of a dial at each pixel, 1 at the center of the dial.

    A homography maps a point (u, v) of the plane to w * (x, y, 1), and w is its distance from the camera; the inverse
    maps (x, y, 1) to (u, v, 1) / w.
    """
    x, y = np.meshgrid(np.arange(size_wh[0]) + 0.5, np.arange(size_wh[1]) + 0.5)
    last_row = np.linalg.inv(dial.plane_to_image)[2]
    inverse = last_row[0] * x + last_row[1] * y + last_row[2]
    return np.asarray(1 / np.clip(inverse, 0.5, 2.0))  # far outside of the dial the plane may leave the view
