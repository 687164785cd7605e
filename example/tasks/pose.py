"""Pose: the four keypoints from which a pressure gauge is read. Clocks are in the images, but have no label."""

import numpy as np

from example.dials import KEYPOINTS as KEYPOINTS
from example.images import NAMES as DIALS
from example.images import Plan, draw_scene
from example.tasks.labeled_image import LabeledImage, box_fractions, fractions, row

NAMES = ("gauge",)
VISIBLE, OUTSIDE = 2.0, 0.0  # third number of a keypoint: inside or outside of the image


def make(seed: int, index: int, plan: Plan) -> LabeledImage:
    """Return the image of a seed and an index; a label is the box of a gauge and (x, y, visibility) per keypoint."""
    scene = draw_scene(seed, index, plan)
    lines = []
    for dial in scene.dials:
        if DIALS[dial.class_id] not in NAMES:
            continue
        points = fractions(dial.keypoints_xy, scene.image).reshape(-1, 2)  # (4, 2)
        inside = ((points >= 0) & (points <= 1)).all(axis=1, keepdims=True)  # (4, 1)
        keypoints = np.where(inside, np.hstack([points, np.full_like(inside, VISIBLE, np.float64)]), OUTSIDE)  # (4, 3)
        lines.append(row(0, np.concatenate([box_fractions(dial.box_xyxy, scene.image), keypoints.ravel()])))
    return LabeledImage(scene.image, "".join(lines))
