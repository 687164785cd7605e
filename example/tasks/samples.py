"""The sample pictures of the tasks in example/tasks/samples: `python -m example.tasks.samples` draws them again.

Their seed belongs to no split of any data set.
"""

import sys
from pathlib import Path
from typing import NamedTuple

from example.images import Plan
from example.tasks.training_configs import HERE, RECIPES

SEED = 30301
FOLDER = HERE / "samples"
QUALITY = 80  # of the JPEG files
MAX_BYTES = 150_000  # of one picture


class Sample(NamedTuple):
    """A picture that was chosen among those of the seed; its name is completed by its size."""

    task: str
    name: str
    number: int  # of the picture under SEED
    plan: Plan

    def path(self, size_wh: tuple[int, int]) -> Path:
        """Where the picture lies."""
        return FOLDER / self.task / f"{self.name}-{size_wh[0]}x{size_wh[1]}.jpg"


SAMPLES = (
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
)


def main() -> None:
    """Draw every sample."""
    for sample in SAMPLES:
        image, label = RECIPES[sample.task].make(SEED, sample.number, sample.plan)
        path = sample.path(image.size)
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, quality=QUALITY)
        told = label if sample.task == "classify" else f"{len(label.splitlines())} labels"
        sys.stdout.write(f"{path.relative_to(FOLDER)!s:<36} {path.stat().st_size:>8,} bytes  {told}\n")


if __name__ == "__main__":
    main()
