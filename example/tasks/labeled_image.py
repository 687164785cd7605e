"""A picture with its label, in the words of the task: what every task's generator returns.

Knows how points become fractions of a picture; knows no task.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class Labelled(NamedTuple):
    """A picture and what is to be learnt from it."""

    image: Image.Image  # RGB
    label: str  # the lines of a YOLO label file, empty when nothing is there; for classify the class name


def row(class_id: int, values: NDArray[np.float64]) -> str:
    """One line of a label file: the class, then numbers that are fractions of the picture already."""
    return f"{class_id} " + " ".join(f"{value:.6f}" for value in values) + "\n"


def fractions(points_xy: NDArray[np.float64], image: Image.Image) -> NDArray[np.float64]:
    """(2N,) x and y in turn as fractions of the picture, from (N, 2) pixels."""
    return np.asarray((points_xy / np.array(image.size, np.float64)).ravel())


def box_fractions(box_xyxy: NDArray[np.float64], image: Image.Image) -> NDArray[np.float64]:
    """(4,) center, width and height as fractions of the picture, from two corners in pixels."""
    near, far = box_xyxy[:2], box_xyxy[2:]
    return fractions(np.stack([(near + far) / 2, far - near]), image)
