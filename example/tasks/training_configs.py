"""What each example model is made of: one row a task.

Knows architectures, counts, seeds and settings; draws nothing and trains nothing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from example.images import Plan
from example.tasks import classify, obb, pose, segment
from example.tasks.labeled_image import Labelled
from example.train import SETTINGS

HERE = Path(__file__).parent
BUILD = HERE.parent.parent / "build" / "example" / "tasks"  # ignored by git
SHARED = SETTINGS | {"imgsz": 224, "batch": 8, "nbs": 8, "close_mosaic": 5, "mosaic": 0.5, "save_period": -1}
STRAIGHT = {"mosaic": 0.0, "auto_augment": None, "erasing": 0.0, "hsv_h": 0.01, "translate": 0.0}  # for cut-outs

POSE_GAIN = 60.0  # points before boxes: five times ultralytics' own
# How far a point may be off, in shares of the root of the box's area: the loss pulls hardest at twice as much. Without
# them ultralytics takes 1 / 4 for four points, and a needle tip in the middle of the dial costs little; much
# smaller ones pull at no tip that is still far off. Source: ultralytics 8.4.190 utils/loss.py, KeypointLoss.
SIGMAS = (0.05, 0.1, 0.08, 0.08)  # center, needle tip, scale start, scale end


class Recipe(NamedTuple):
    """All that tells one example model from another."""

    task: str
    base: str  # the architecture, in ultralytics' cfg/models
    scale: tuple[float, float, int]  # depth, width, most channels
    names: tuple[str, ...]  # by class id
    make: Callable[[int, int, Plan], Labelled]
    plan: Plan
    counts: dict[str, int]  # pictures of a split
    seeds: dict[str, int]  # of a split
    epochs: int
    settings: dict[str, Any]  # those that differ from ultralytics' own
    keypoints: tuple[str, ...] = ()
    sigmas: tuple[float, ...] = ()  # of the keypoints, for the loss and for ultralytics' validation

    @property
    def weights(self) -> Path:
        """Where the finished model lies."""
        return HERE / f"{self.task}.pt"


def _seeds(first: int) -> dict[str, int]:
    return {"train": first, "val": first + 1, "test": first + 2}


RECIPES = {
    recipe.task: recipe
    for recipe in (
        Recipe(
            task="segment",
            base="11/yolo11-seg.yaml",
            scale=(0.33, 0.1, 512),
            names=segment.NAMES,
            make=segment.make,
            plan=Plan(radii=(0.1, 0.42)),
            counts={"train": 640, "val": 60, "test": 200},
            seeds=_seeds(30261),
            epochs=20,
            settings=SHARED,
        ),
        Recipe(
            task="pose",
            base="v8/yolov8-pose.yaml",
            scale=(0.33, 0.125, 512),
            names=pose.NAMES,
            make=pose.make,
            plan=Plan(long_side=256, radii=(0.26, 0.46), clock_odds=0.25),
            counts={"train": 2000, "val": 60, "test": 200},
            seeds=_seeds(30271),
            epochs=11,
            settings=SHARED | {"imgsz": 192, "mosaic": 0.0, "scale": 0.2, "pose": POSE_GAIN},
            keypoints=pose.KEYPOINTS,
            sigmas=SIGMAS,
        ),
        Recipe(
            task="obb",
            base="11/yolo11-obb.yaml",
            scale=(0.33, 0.125, 512),
            names=obb.NAMES,
            make=obb.make,
            plan=Plan(radii=(0.16, 0.38), clock_odds=0.5),
            counts={"train": 640, "val": 60, "test": 200},
            seeds=_seeds(30281),
            epochs=20,
            settings=SHARED | {"imgsz": 192},
        ),
        Recipe(
            task="classify",
            base="26/yolo26-cls.yaml",
            scale=(0.33, 0.125, 1024),
            names=classify.NAMES,
            make=classify.make,
            plan=Plan(long_side=288, radii=(0.2, 0.42), degrade=0.6),
            counts={"train": 2400, "val": 150, "test": 300},
            seeds=_seeds(30291),
            epochs=12,
            settings=SHARED | STRAIGHT | {"imgsz": 96, "batch": 16, "nbs": 16, "scale": 0.3, "fliplr": 0.5},
        ),
    )
}
