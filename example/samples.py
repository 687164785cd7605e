"""The sample pictures in example/samples: `python -m example.samples` draws them again.

Their seed belongs to no split of the data set.
"""

import sys
from pathlib import Path
from typing import NamedTuple

from example.images import Plan, make

SEED = 20264
FOLDER = Path(__file__).parent / "samples"
QUALITY = 85  # of the JPEG files


class Sample(NamedTuple):
    """A picture that was chosen among those of the seed."""

    name: str
    number: int  # of the picture under SEED
    plan: Plan


SAMPLES = (
    Sample("gauges-large-1920x1080", 3, Plan(1920, (16, 9), 4, 0.0, (0.16, 0.3), 0.3)),
    Sample("mixed-large-2400x1600", 6, Plan(2400, (3, 2), 5, 0.35, (0.13, 0.27), 0.35)),
    Sample("portrait-810x1080", 2, Plan(1080, (3, 4), 3, 0.3, (0.16, 0.3), 0.4)),
    Sample("clocks-only-960x720", 4, Plan(960, (4, 3), 4, 1.0, (0.12, 0.26), 0.3)),
    Sample("dense-1280x960", 9, Plan(1280, (4, 3), 18, 0.4, (0.075, 0.14), 0.4)),
    Sample("small-300x225", 11, Plan(300, (4, 3), 1, 0.0, (0.3, 0.4), 0.7)),
    Sample("square-640x640", 3, Plan(640, (1, 1), 2, 0.5, (0.18, 0.32), 1.0)),
    Sample("empty-wall-800x600", 6, Plan(800, (4, 3), 0, 0.0, (0.1, 0.2), 0.4)),
)


def main() -> None:
    """Draw every sample."""
    FOLDER.mkdir(exist_ok=True)
    for name, number, plan in SAMPLES:
        path = FOLDER / f"{name}.jpg"
        scene = make(SEED, number, plan)
        scene.image.save(path, quality=QUALITY)
        counts = f"{(scene.class_ids == 0).sum()} gauges, {(scene.class_ids == 1).sum()} clocks"
        sys.stdout.write(f"{path.name:<28} {path.stat().st_size:>8,} bytes  {counts}\n")


if __name__ == "__main__":
    main()
