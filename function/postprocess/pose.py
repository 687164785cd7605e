"""Keypoints of what was found."""

import numpy as np

from function.arrays import Floats
from function.preprocess import letterbox
from function.preprocess.letterbox import Letterbox


def keypoints(extras: Floats, kpt_shape: tuple[int, int], box: Letterbox) -> Floats:
    """Keypoints in pixels of the picture.

    Args:
        extras: (K, P * D) float32: x and y in input pixels and, where D is 3, the confidence, point by point.
        kpt_shape: (P, D).
        box: the letterbox that painted the input.

    Returns:
        (K, P, D) float32, x and y clipped to the picture; a new array.

    Source: ultralytics 8.4.190 `PosePredictor.construct_result`, models/yolo/pose/predict.py.
    """
    points = extras.reshape(-1, *kpt_shape).copy()
    points[..., :2] = letterbox.undo_points(np.ascontiguousarray(points[..., :2]), box)
    return points
