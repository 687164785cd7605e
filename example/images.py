"""Pictures of pressure gauges and clocks with their labels, made from a seed.

Knows how a scene is put together and labeled: `python -m example.images --count 8 --seed 1 --out build/look`.
The same seed and index give the same picture on every machine with the same numpy and pillow.
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from example.backgrounds import wall
from example.exposure import expose
from example.placement import Hung, cover, hang

NAMES = ("gauge", "clock")  # by class id
SHAPES = ((4, 3), (16, 9), (3, 2), (1, 1), (3, 4), (9, 16), (2, 3))  # width : height
COUNT_ODDS = (0.06, 0.32, 0.26, 0.16, 0.12, 0.08)  # of 0, 1, 2, ... dials in a picture


class Plan(NamedTuple):
    """What a scene must be; None leaves it to chance."""

    long_side: int | None = None  # px
    shape: tuple[int, int] | None = None  # width : height
    dials: int | None = None
    clock_odds: float = 0.4
    radii: tuple[float, float] = (0.075, 0.42)  # of a dial, in shorter sides of the picture
    degrade: float = 1.0  # how bad light, blur and noise may be; 0 is a clean picture


class Scene(NamedTuple):
    """A picture and what is on it."""

    image: Image.Image  # RGB
    class_ids: NDArray[np.int64]  # (N,)
    boxes_xyxy: NDArray[np.float64]  # (N, 4) pixels, clipped to the picture
    dials: tuple[Hung, ...]  # the same N with all that is known of them

    def label_text(self) -> str:
        """The lines of a YOLO label file; empty when nothing is there."""
        size = np.array(self.image.size * 2, np.float64)
        center = (self.boxes_xyxy[:, :2] + self.boxes_xyxy[:, 2:]) / 2
        rows = np.hstack([center, self.boxes_xyxy[:, 2:] - self.boxes_xyxy[:, :2]]) / size
        lines = (f"{i} " + " ".join(f"{v:.6f}" for v in row) for i, row in zip(self.class_ids, rows, strict=True))
        return "".join(line + "\n" for line in lines)


def make(seed: int, index: int, plan: Plan = Plan()) -> Scene:  # noqa: B008 - a NamedTuple cannot be changed
    """The picture that belongs to a seed and an index."""
    rng = np.random.default_rng((seed, index))
    width, height = size_wh(rng, plan)
    image = wall(rng, width, height)
    count = int(rng.choice(len(COUNT_ODDS), p=COUNT_ODDS)) if plan.dials is None else plan.dials
    dials: list[Hung] = []
    boxes: list[NDArray[np.float64]] = []
    for _ in range(count):
        class_id = int(rng.random() < plan.clock_odds)
        dial = hang(rng, image, class_id, boxes, plan.radii)
        if dial is not None:
            dials.append(dial)
            boxes.append(dial.box_xyxy)
    for box in boxes:
        if rng.random() < 0.15:
            cover(rng, image, box, min(float(other[2] - other[0]) for other in boxes))
    image = expose(rng, image, plan.degrade)
    class_ids = np.array([dial.class_id for dial in dials], np.int64)
    return Scene(image, class_ids, np.array(boxes, np.float64).reshape(-1, 4), tuple(dials))


def size_wh(rng: np.random.Generator, plan: Plan) -> tuple[int, int]:
    """The picture's size in pixels."""
    long_side = int(rng.integers(320, 481)) if plan.long_side is None else plan.long_side
    across, down = SHAPES[int(rng.integers(len(SHAPES)))] if plan.shape is None else plan.shape
    scale = long_side / max(across, down)
    return round(across * scale), round(down * scale)


def main() -> None:
    """Write pictures and their labels into a folder."""
    parser = argparse.ArgumentParser(prog="python -m example.images", description=main.__doc__)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("build/look"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for index in range(args.count):
        scene = make(args.seed, index)
        scene.image.save(args.out / f"{index:04d}.jpg", quality=88)
        (args.out / f"{index:04d}.txt").write_text(scene.label_text())
    sys.stdout.write(f"{args.count} pictures in {args.out}\n")


if __name__ == "__main__":
    main()
