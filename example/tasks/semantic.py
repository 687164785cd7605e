"""Semantic segmentation: the class of every pixel, as a gray image of class ids."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from example.images import NAMES as DIALS
from example.images import Plan, draw_scene
from example.placement import PlacedDial
from example.tasks.labeled_image import MappedImage

NAMES = ("wall", *DIALS, "needle")  # by class id
NEEDLE = len(NAMES) - 1
NEEDLE_WIDTH = 0.09  # of the drawn needle, in distances from its center to its tip


def make(seed: int, index: int, plan: Plan) -> MappedImage:
    """Return the image of a seed and an index, and its map: (H, W) uint8 class ids.

    Bars in front of a dial and the pipe below it have the class of what is behind them.
    """
    scene = draw_scene(seed, index, plan)
    class_map = Image.new("L", scene.image.size, NAMES.index("wall"))
    pen = ImageDraw.Draw(class_map)
    for dial in scene.dials:
        pen.polygon(_corners(dial.outline_xy), fill=NAMES.index(DIALS[dial.class_id]))
        if len(dial.keypoints_xy):
            pen.polygon(_corners(_needle(dial)), fill=NEEDLE)
    return MappedImage(scene.image, np.asarray(class_map))


def _needle(dial: PlacedDial) -> NDArray[np.float64]:
    """Return the (4, 2) corners of the needle of a gauge, from its center to its tip, in pixels."""
    center, tip = dial.keypoints_xy[:2]
    across = (tip - center)[::-1] * (-0.5 * NEEDLE_WIDTH, 0.5 * NEEDLE_WIDTH)
    return np.array([center - across, center + across, tip + across / 2, tip - across / 2])


def _corners(points_xy: NDArray[np.float64]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in points_xy]
