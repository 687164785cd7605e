"""Postprocessing for pose models: keypoints of each detection."""

import numpy as np

from function.arrays import Floats
from function.preprocess import letterbox
from function.preprocess.letterbox import Letterbox


def keypoints(extras: Floats, kpt_shape: tuple[int, int], geometry: Letterbox) -> Floats:
    """Return keypoints in image pixels.

    Args:
        extras: (K, P * D) float32: for each keypoint x and y in input pixels and, if D is 3, the confidence.
        kpt_shape: (P, D).
        geometry: the letterbox of the input.

    Returns:
        (K, P, D) float32, x and y clipped to the image; a new array.

    Source: ultralytics 8.4.190 `PosePredictor.construct_result`, models/yolo/pose/predict.py.
    """
    scaled = extras.reshape(-1, *kpt_shape).copy()
    scaled[..., :2] = letterbox.points_to_image(np.ascontiguousarray(scaled[..., :2]), geometry)
    return scaled
