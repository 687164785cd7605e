"""Crops of gauges as the function cuts them for a reading, with the four points of the dial as label.

The function crops the box of a detector with a margin (`function.readings.crops`), so a crop has the errors of a
detector: the box moves by a few percent of its size.
"""

import numpy as np

from example.images import NAMES as DIALS
from example.images import Plan, Scene, draw_scene
from example.placement import PlacedDial
from example.tasks.labeled_image import LabeledImage, box_fractions, fractions, row
from function.readings.crops import frame

NAMES = ("gauge",)
PLAN = Plan(long_side=448, radii=(0.15, 0.46), clock_odds=0.1)
BOX_ERROR = 0.03  # standard deviation of each side of the box, as a share of its longer side
SCENES = 20  # tries until a scene has a gauge whose points are all in the crop
VISIBLE = 2.0  # third number of a keypoint in a label


def make(seed: int, index: int, plan: Plan = PLAN) -> LabeledImage:
    """Return the crop of a seed and an index; its label is the box of the gauge and (x, y, visibility) per keypoint.

    Raises:
        LookupError: no scene has a gauge, because the plan has none.
    """
    rng = np.random.default_rng((seed, index))
    for attempt in range(SCENES):
        scene = draw_scene(seed, index * SCENES + attempt, plan)
        gauges = [dial for dial in scene.dials if DIALS[dial.class_id] == NAMES[0]]
        if gauges:
            crop = _crop(rng, scene, gauges[int(rng.integers(len(gauges)))])
            if crop:
                return crop
    raise LookupError(f"one of {SCENES} scenes must have a whole gauge, got none with {plan}")


def _crop(rng: np.random.Generator, scene: Scene, dial: PlacedDial) -> LabeledImage | None:
    """Return the crop of a gauge; None if one of its points is outside."""
    longer = float(max(dial.box_xyxy[2:] - dial.box_xyxy[:2]))
    box = dial.box_xyxy + rng.normal(0, BOX_ERROR * longer, size=4)
    left, top, right, bottom = frame(box.tolist(), scene.image.size)
    image = scene.image.crop((left, top, right, bottom))
    offset = np.array([left, top], np.float64)
    points = fractions(dial.keypoints_xy - offset, image).reshape(-1, 2)  # (4, 2)
    if not ((points >= 0) & (points <= 1)).all():
        return None
    corners = np.clip(dial.box_xyxy.reshape(2, 2) - offset, 0, np.array(image.size)).ravel()
    keypoints = np.hstack([points, np.full((len(points), 1), VISIBLE)])  # (4, 3)
    return LabeledImage(image, row(0, np.concatenate([box_fractions(corners, image), keypoints.ravel()])))
