"""Poses: the four marks that a pressure gauge is read from. Clocks are there to be left alone."""

import numpy as np

from example.dials import MARKS
from example.images import NAMES as DIALS
from example.images import Plan
from example.images import make as scene_of
from example.tasks.labeled_image import Labelled, box_fractions, fractions, row

NAMES = ("gauge",)
KEYPOINTS = MARKS
SEEN, UNSEEN = 2.0, 0.0  # the third number of a keypoint: in the picture, or outside of it


def make(seed: int, index: int, plan: Plan) -> Labelled:
    """The picture of a seed and an index; a label is the box of a gauge and (x, y, seen) for each of the MARKS."""
    scene = scene_of(seed, index, plan)
    lines = []
    for dial in scene.dials:
        if DIALS[dial.class_id] not in NAMES:
            continue
        places = fractions(dial.marks_xy, scene.image).reshape(-1, 2)  # (4, 2)
        inside = ((places >= 0) & (places <= 1)).all(axis=1, keepdims=True)  # (4, 1)
        marks = np.where(inside, np.hstack([places, np.full_like(inside, SEEN, np.float64)]), UNSEEN)  # (4, 3)
        lines.append(row(0, np.concatenate([box_fractions(dial.box_xyxy, scene.image), marks.ravel()])))
    return Labelled(scene.image, "".join(lines))
