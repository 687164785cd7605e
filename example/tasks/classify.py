"""Classification: a crop shows a gauge, a clock or another part of the same walls."""

from itertools import count

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from example.images import Plan, Scene, draw_scene
from example.tasks import obb
from example.tasks.labeled_image import LabeledImage

NAMES = ("clock", "gauge", "other")  # in the order of the folder names, as ultralytics reads them
STRIDE = 1_000_000  # added to the index of an image for each further attempt, so that no two images share an index
MIN_SIDE = 24  # px, shorter side of a crop


def make(seed: int, index: int, plan: Plan) -> LabeledImage:
    """Return the crop of a seed and an index; its class is the index modulo the number of classes."""
    name = NAMES[index % len(NAMES)]
    rng = np.random.default_rng((seed, index, 1))
    if name == "other":
        return LabeledImage(_other(rng, seed, index, plan), name)
    scene = _scene_with_dial(seed, index, plan._replace(dials=1, clock_odds=float(name == "clock")))
    return LabeledImage(_crop_around(rng, scene.image, scene.boxes_xyxy[0]), name)


def _scene_with_dial(seed: int, index: int, plan: Plan) -> Scene:
    """Return the first scene in which the dial was placed."""
    attempts = (draw_scene(seed, index + STRIDE * i, plan) for i in count())
    return next(scene for scene in attempts if scene.dials)


def _other(rng: np.random.Generator, seed: int, index: int, plan: Plan) -> Image.Image:
    """Return a crop of a fitting or of a random part of a wall."""
    if rng.random() < 0.5:
        made = obb.make(seed, index, plan._replace(dials=1, clock_odds=0.5))
        for line in made.label.splitlines():
            corners = np.array(line.split()[1:], np.float64).reshape(-1, 2) * made.image.size
            return _crop_around(rng, made.image, np.concatenate([corners.min(axis=0), corners.max(axis=0)]))
    image = draw_scene(seed, index, plan._replace(dials=0)).image
    half = rng.uniform(0.1, 0.4) * min(image.size)
    center = rng.uniform(half, np.array(image.size) - half)
    return _crop_around(rng, image, np.concatenate([center - half, center + half]))


def _crop_around(rng: np.random.Generator, image: Image.Image, box_xyxy: NDArray[np.float64]) -> Image.Image:
    """Return a crop around a box with random margins and a random offset."""
    center, sides = (box_xyxy[:2] + box_xyxy[2:]) / 2, box_xyxy[2:] - box_xyxy[:2]
    half = np.maximum(sides.max() * rng.uniform(0.5, 0.7) * rng.uniform(0.9, 1.6, size=2), MIN_SIDE / 2)
    center = center + rng.uniform(-0.12, 0.12, size=2) * sides.max()
    top_left, bottom_right = np.clip([center - half, center + half], 0, image.size).round().astype(int)
    return image.crop((int(top_left[0]), int(top_left[1]), int(bottom_right[0]), int(bottom_right[1])))
