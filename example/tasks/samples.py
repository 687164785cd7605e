"""Sample images of the example models: `python -m example.tasks.samples` draws them again.

Their seeds belong to no split of any data set.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from example.images import Plan
from example.tasks.labeled_image import LabeledImage, MappedImage
from example.tasks.training_configs import EXAMPLE, HERE, TRAINING_CONFIGS

MAX_BYTES = 150_000  # of one sample image of a task other than detect


class SampleSet(NamedTuple):
    """Folder, seed and JPEG quality of the sample images of a task."""

    folder: Path
    seed: int
    quality: int


SETS = {
    "detect": SampleSet(EXAMPLE / "samples", seed=20264, quality=85),
    "segment": SampleSet(HERE / "samples" / "segment", seed=30301, quality=80),
    "pose": SampleSet(HERE / "samples" / "pose", seed=30301, quality=80),
    "obb": SampleSet(HERE / "samples" / "obb", seed=30301, quality=80),
    "classify": SampleSet(HERE / "samples" / "classify", seed=30301, quality=80),
    "semantic": SampleSet(HERE / "samples" / "semantic", seed=30301, quality=80),
    "depth": SampleSet(HERE / "samples" / "depth", seed=30301, quality=80),
}


class Sample(NamedTuple):
    """Image that was selected from those of the seed; its file name is `name` and the size."""

    task: str
    name: str
    number: int  # of the image under the seed
    plan: Plan

    def path(self, size_wh: tuple[int, int]) -> Path:
        """Return the path of the image."""
        return SETS[self.task].folder / f"{self.name}-{size_wh[0]}x{size_wh[1]}.jpg"


SAMPLES = (
    Sample("detect", "gauges-large", 3, Plan(1920, (16, 9), 4, 0.0, (0.16, 0.3), 0.3)),
    Sample("detect", "mixed-large", 6, Plan(2400, (3, 2), 5, 0.35, (0.13, 0.27), 0.35)),
    Sample("detect", "portrait", 2, Plan(1080, (3, 4), 3, 0.3, (0.16, 0.3), 0.4)),
    Sample("detect", "clocks-only", 4, Plan(960, (4, 3), 4, 1.0, (0.12, 0.26), 0.3)),
    Sample("detect", "dense", 9, Plan(1280, (4, 3), 18, 0.4, (0.075, 0.14), 0.4)),
    Sample("detect", "small", 11, Plan(300, (4, 3), 1, 0.0, (0.3, 0.4), 0.7)),
    Sample("detect", "square", 3, Plan(640, (1, 1), 2, 0.5, (0.18, 0.32), 1.0)),
    Sample("detect", "empty-wall", 6, Plan(800, (4, 3), 0, 0.0, (0.1, 0.2), 0.4)),
    Sample("segment", "dials", 7, Plan(640, (4, 3), 3, 0.4, (0.16, 0.3), 0.3)),
    Sample("segment", "portrait", 2, Plan(1080, (3, 4), 4, 0.4, (0.14, 0.28), 0.3)),
    Sample("segment", "wide", 7, Plan(1280, (16, 9), 5, 0.4, (0.14, 0.3), 0.3)),
    Sample("segment", "tiny", 5, Plan(120, (4, 3), 1, 0.0, (0.3, 0.4), 0.3)),
    Sample("pose", "gauge", 5, Plan(640, (4, 3), 1, 0.0, (0.36, 0.42), 0.3)),
    Sample("pose", "portrait", 3, Plan(1080, (3, 4), 3, 0.3, (0.2, 0.32), 0.3)),
    Sample("pose", "wide", 1, Plan(1280, (16, 9), 4, 0.25, (0.18, 0.32), 0.3)),
    Sample("pose", "tiny", 4, Plan(128, (1, 1), 1, 0.0, (0.36, 0.42), 0.3)),
    Sample("obb", "fittings", 7, Plan(640, (4, 3), 3, 0.5, (0.2, 0.34), 0.3)),
    Sample("obb", "portrait", 1, Plan(1080, (3, 4), 4, 0.5, (0.18, 0.32), 0.3)),
    Sample("obb", "wide", 8, Plan(1280, (16, 9), 5, 0.5, (0.18, 0.34), 0.3)),
    Sample("obb", "tiny", 5, Plan(160, (3, 2), 1, 0.5, (0.3, 0.36), 0.3)),
    Sample("classify", "clock", 0, Plan(960, (4, 3), radii=(0.3, 0.4), degrade=0.3)),
    Sample("classify", "gauge", 16, Plan(1600, (16, 9), radii=(0.3, 0.4), degrade=0.3)),
    Sample("classify", "other", 11, Plan(640, (4, 3), radii=(0.3, 0.36), degrade=0.3)),
    Sample("classify", "gauge", 19, Plan(200, (1, 1), radii=(0.2, 0.3), degrade=0.3)),
    Sample("semantic", "dials", 2, Plan(640, (4, 3), 3, 0.4, (0.2, 0.34), 0.3)),
    Sample("semantic", "portrait", 3, Plan(960, (3, 4), 3, 0.4, (0.2, 0.34), 0.3)),
    Sample("semantic", "wide", 4, Plan(1280, (16, 9), 4, 0.4, (0.2, 0.36), 0.3)),
    Sample("semantic", "tiny", 5, Plan(120, (4, 3), 1, 0.0, (0.3, 0.4), 0.3)),
    Sample("depth", "dials", 2, Plan(640, (1, 1), 3, 0.4, (0.1, 0.36), 0.3)),
    Sample("depth", "portrait", 3, Plan(960, (3, 4), 3, 0.4, (0.12, 0.34), 0.3)),
    Sample("depth", "wide", 4, Plan(1280, (16, 9), 4, 0.4, (0.14, 0.36), 0.3)),
    Sample("depth", "tiny", 5, Plan(120, (1, 1), 1, 0.0, (0.3, 0.4), 0.3)),
)


def draw(tasks: Iterable[str]) -> None:
    """Draw every sample image of some tasks."""
    for sample in (sample for sample in SAMPLES if sample.task in tasks):
        folder, seed, quality = SETS[sample.task]
        made = TRAINING_CONFIGS[sample.task].make(seed, sample.number, sample.plan)
        image = made.image
        folder.mkdir(parents=True, exist_ok=True)
        path = sample.path(image.size)
        image.save(path, quality=quality)
        description = _described(made, sample.task)
        sys.stdout.write(f"{sample.task:<9} {path.name:<28} {path.stat().st_size:>8,} bytes  {description}\n")


def _described(made: LabeledImage | MappedImage, task: str) -> str:
    if isinstance(made, MappedImage):
        return f"values {made.map_hw.min()} to {made.map_hw.max()}"
    return made.label if task == "classify" else f"{len(made.label.splitlines())} labels"


if __name__ == "__main__":
    draw(TRAINING_CONFIGS)
