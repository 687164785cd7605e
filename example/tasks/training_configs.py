"""Training configurations of the example models: one row per task, and the folders of each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from example.images import Plan
from example.tasks import classify, depth, detect, obb, pose, segment, semantic
from example.tasks.labeled_image import LabeledImage, MappedImage

HERE = Path(__file__).parent
EXAMPLE = HERE.parent
READER = EXAMPLE / "reading" / "gauge.pt"
BUILD = EXAMPLE.parent / "build" / "example"  # ignored by git

SETTINGS: dict[str, Any] = {
    "imgsz": 320,  # px
    "batch": 16,
    "nbs": 16,  # one optimizer step per batch; the default accumulates 64 images, too few steps for this small data set
    "optimizer": "AdamW",
    "lr0": 0.003,
    "lrf": 0.02,
    "cos_lr": True,
    "warmup_epochs": 2.0,
    "close_mosaic": 6,
    "mosaic": 0.7,
    "degrees": 5.0,
    "translate": 0.1,
    "scale": 0.4,
    "fliplr": 0.0,  # numbers on a dial are never mirrored
    "amp": False,
    "cache": "ram",
    "workers": 2,
    "seed": 7,
    "deterministic": True,
    "plots": False,
    "patience": 0,  # no early stopping: the last epochs, without mosaic, are the best
}
SMALLER = SETTINGS | {"imgsz": 224, "batch": 8, "nbs": 8, "close_mosaic": 5, "mosaic": 0.5, "save_period": -1}
CROPS = {"mosaic": 0.0, "auto_augment": None, "erasing": 0.0, "hsv_h": 0.01, "translate": 0.0}

# Nothing that changes the size of a dial or its position: both belong to its depth.
STILL = {"mosaic": 0.0, "scale": 0.0, "translate": 0.0, "degrees": 0.0, "fliplr": 0.5}

POSE_GAIN = 60.0  # weight of the keypoint loss: five times the default of ultralytics
# Tolerance of each keypoint, relative to the square root of the box area. The gradient of the loss is largest at twice
# the tolerance. Without sigmas, ultralytics takes 1 / 4 for four keypoints, and a needle tip in the middle of the dial
# costs little; with much smaller sigmas, a tip that is still far off has almost no gradient.
# Source: ultralytics 8.4.190 utils/loss.py, KeypointLoss.
SIGMAS = (0.05, 0.1, 0.08, 0.08)  # center, needle tip, scale start, scale end


class TrainingConfig(NamedTuple):
    """Architecture, data and settings of one example model."""

    task: str
    base: str  # the architecture, in cfg/models of ultralytics
    scale: tuple[float, float, int]  # depth, width, maximum number of channels
    names: tuple[str, ...]  # by class id
    make: Callable[[int, int, Plan], LabeledImage | MappedImage]
    plan: Plan
    counts: dict[str, int]  # images per split
    seeds: dict[str, int]  # per split
    epochs: int
    settings: dict[str, Any]  # the settings that differ from the defaults of ultralytics
    keypoints: tuple[str, ...] = ()
    sigmas: tuple[float, ...] = ()  # of the keypoints, for the loss and for the validation of ultralytics
    max_bytes: int = 1_500_000  # of the weights, so that a clone stays small
    head: tuple[int, ...] = ()  # arguments of the last layer in place of those of the architecture
    initial: Path | None = None  # weights of the same architecture from which the training begins; None: random ones
    bfloat16: bool = False  # train in this precision, channels last: several times as fast on a CPU that has it

    @property
    def weights(self) -> Path:
        """Path of the finished model."""
        return {"detect": EXAMPLE / "best.pt", "reading": READER}.get(self.task, HERE / f"{self.task}.pt")

    @property
    def folder(self) -> Path:
        """Folder of the data set and of the training run."""
        return BUILD if self.task == "detect" else BUILD / "tasks" / self.task


def _seeds(first: int) -> dict[str, int]:
    """Return a seed for each split, so that no image is in two of them."""
    return {"train": first, "val": first + 1, "test": first + 2}


TRAINING_CONFIGS = {
    config.task: config
    for config in (
        TrainingConfig(
            task="detect",
            base="v8/yolov8.yaml",
            scale=(0.33, 0.125, 1024),  # the width of yolov8n is 0.25
            names=detect.NAMES,
            make=detect.make,
            plan=Plan(),
            counts={"train": 1200, "val": 160, "test": 400},  # val chooses the epoch, test only measures
            seeds=_seeds(20261),
            epochs=26,
            settings=SETTINGS,
            max_bytes=7_000_000,
        ),
        TrainingConfig(
            task="segment",
            base="11/yolo11-seg.yaml",
            scale=(0.33, 0.1, 512),
            names=segment.NAMES,
            make=segment.make,
            plan=Plan(radii=(0.1, 0.42)),
            counts={"train": 640, "val": 60, "test": 200},
            seeds=_seeds(30261),
            epochs=20,
            settings=SMALLER,
        ),
        TrainingConfig(
            task="pose",
            base="v8/yolov8-pose.yaml",
            scale=(0.33, 0.125, 512),
            names=pose.NAMES,
            make=pose.make,
            plan=Plan(long_side=256, radii=(0.26, 0.46), clock_odds=0.25),
            counts={"train": 2000, "val": 60, "test": 200},
            seeds=_seeds(30271),
            epochs=11,
            settings=SMALLER | {"imgsz": 192, "mosaic": 0.0, "scale": 0.2, "pose": POSE_GAIN},
            keypoints=pose.KEYPOINTS,
            sigmas=SIGMAS,
        ),
        TrainingConfig(
            task="obb",
            base="11/yolo11-obb.yaml",
            scale=(0.33, 0.125, 512),
            names=obb.NAMES,
            make=obb.make,
            plan=Plan(radii=(0.16, 0.38), clock_odds=0.5),
            counts={"train": 640, "val": 60, "test": 200},
            seeds=_seeds(30281),
            epochs=20,
            settings=SMALLER | {"imgsz": 192},
        ),
        TrainingConfig(
            task="classify",
            base="26/yolo26-cls.yaml",
            scale=(0.33, 0.125, 1024),
            names=classify.NAMES,
            make=classify.make,
            plan=Plan(long_side=288, radii=(0.2, 0.42), degrade=0.6),
            counts={"train": 2400, "val": 150, "test": 300},
            seeds=_seeds(30291),
            epochs=12,
            settings=SMALLER | CROPS | {"imgsz": 96, "batch": 16, "nbs": 16, "scale": 0.3, "fliplr": 0.5},
        ),
        TrainingConfig(
            task="semantic",
            base="26/yolo26-sem.yaml",
            scale=(0.33, 0.1875, 512),
            names=semantic.NAMES,
            make=semantic.make,
            plan=Plan(radii=(0.16, 0.44), clock_odds=0.35),
            counts={"train": 640, "val": 60, "test": 200},
            seeds=_seeds(30311),
            epochs=11,
            settings=SMALLER,
            bfloat16=True,
        ),
        TrainingConfig(
            task="depth",
            base="26/yolo26-depth.yaml",
            scale=(0.33, 0.125, 512),
            names=depth.NAMES,
            make=depth.make,
            plan=Plan(shape=(1, 1), radii=(0.1, 0.4)),
            counts={"train": 640, "val": 60, "test": 200},
            seeds=_seeds(30321),
            epochs=9,
            settings=SMALLER | STILL | {"imgsz": 192},
            head=(32,),
            bfloat16=True,
        ),
    )
}
