"""Image with its label or map: the result of the generator of every task, and the numbers of YOLO label files."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class LabeledImage(NamedTuple):
    """Training image and its label."""

    image: Image.Image  # RGB
    label: str  # lines of a YOLO label file, empty if there is no object; for classify the class name


class MappedImage(NamedTuple):
    """Training image and the value of each of its pixels."""

    image: Image.Image  # RGB
    map_hw: NDArray[np.uint8] | NDArray[np.uint16]  # (H, W): class ids for semantic, millimeters for depth


def row(class_id: int, values: NDArray[np.float64]) -> str:
    """Return one line of a label file: the class id, then values that are fractions of the image size."""
    return f"{class_id} " + " ".join(f"{value:.6f}" for value in values) + "\n"


def fractions(points_xy: NDArray[np.float64], image: Image.Image) -> NDArray[np.float64]:
    """Return (2N,) alternating x and y as fractions of the image size, from (N, 2) pixels."""
    return np.asarray((points_xy / np.array(image.size, np.float64)).ravel())


def box_fractions(box_xyxy: NDArray[np.float64], image: Image.Image) -> NDArray[np.float64]:
    """Return (4,) center, width and height as fractions of the image size, from (4,) pixels."""
    top_left, bottom_right = box_xyxy[:2], box_xyxy[2:]
    return fractions(np.stack([(top_left + bottom_right) / 2, bottom_right - top_left]), image)
