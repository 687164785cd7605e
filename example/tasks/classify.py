"""Classes: what a cut-out shows, a gauge, a clock or something else from the same walls."""

from itertools import count

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from example.images import Plan, Scene
from example.images import make as scene_of
from example.tasks import obb
from example.tasks.labeled_image import Labelled

NAMES = ("clock", "gauge", "other")  # in the order that ultralytics gives to folders
STRIDE = 1_000_000  # between the index of a picture and that of its next try, so that no two pictures share one
SMALLEST = 24  # px, shorter side of a cut-out


def make(seed: int, index: int, plan: Plan) -> Labelled:
    """The cut-out of a seed and an index; its class goes around with the index."""
    name = NAMES[index % len(NAMES)]
    rng = np.random.default_rng((seed, index, 1))
    if name == "other":
        return Labelled(_other(rng, seed, index, plan), name)
    scene = _with_dial(seed, index, plan._replace(dials=1, clock_odds=float(name == "clock")))
    return Labelled(_around(rng, scene.image, scene.boxes_xyxy[0]), name)


def _with_dial(seed: int, index: int, plan: Plan) -> Scene:
    """The first scene where the dial has found room."""
    tries = (scene_of(seed, index + STRIDE * i, plan) for i in count())
    return next(scene for scene in tries if scene.dials)


def _other(rng: np.random.Generator, seed: int, index: int, plan: Plan) -> Image.Image:
    """A fitting, or any piece of a wall."""
    if rng.random() < 0.5:
        made = obb.make(seed, index, plan._replace(dials=1, clock_odds=0.5))
        for line in made.label.splitlines():
            corners = np.array(line.split()[1:], np.float64).reshape(-1, 2) * made.image.size
            return _around(rng, made.image, np.concatenate([corners.min(axis=0), corners.max(axis=0)]))
    image = scene_of(seed, index, plan._replace(dials=0)).image
    half = rng.uniform(0.1, 0.4) * min(image.size)
    center = rng.uniform(half, np.array(image.size) - half)
    return _around(rng, image, np.concatenate([center - half, center + half]))


def _around(rng: np.random.Generator, image: Image.Image, box_xyxy: NDArray[np.float64]) -> Image.Image:
    """The picture cut out around a box, never quite the same way."""
    center, sides = (box_xyxy[:2] + box_xyxy[2:]) / 2, box_xyxy[2:] - box_xyxy[:2]
    half = np.maximum(sides.max() * rng.uniform(0.5, 0.7) * rng.uniform(0.9, 1.6, size=2), SMALLEST / 2)
    center = center + rng.uniform(-0.12, 0.12, size=2) * sides.max()
    near, far = np.clip([center - half, center + half], 0, image.size).round().astype(int)
    return image.crop((int(near[0]), int(near[1]), int(far[0]), int(far[1])))
