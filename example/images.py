"""Generated images of pressure gauges and clocks with their labels: `python -m example.images`.

The same seed and index give the same image on every machine with the same versions of NumPy and Pillow.
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
from example.placement import PlacedDial, occlude, place_dial

NAMES = ("gauge", "clock")  # by class id
SHAPES = ((4, 3), (16, 9), (3, 2), (1, 1), (3, 4), (9, 16), (2, 3))  # width : height
COUNT_ODDS = (0.06, 0.32, 0.26, 0.16, 0.12, 0.08)  # of 0, 1, 2, ... dials in an image


class Plan(NamedTuple):
    """Parameters of a scene; None means a random value."""

    long_side: int | None = None  # px
    shape: tuple[int, int] | None = None  # width : height
    dials: int | None = None
    clock_odds: float = 0.4
    radii: tuple[float, float] = (0.075, 0.42)  # of a dial, as fractions of the shorter side of the image
    degrade: float = 1.0  # strength of blur, noise and exposure errors; 0 gives a clean image


class Scene(NamedTuple):
    """Image and the dials in it."""

    image: Image.Image  # RGB
    class_ids: NDArray[np.int64]  # (N,)
    boxes_xyxy: NDArray[np.float64]  # (N, 4) pixels, clipped to the image
    dials: tuple[PlacedDial, ...]  # the same N dials with outlines and keypoints

    def label_text(self) -> str:
        """Return the lines of a YOLO label file; empty if there is no dial."""
        size = np.array(self.image.size * 2, np.float64)
        center = (self.boxes_xyxy[:, :2] + self.boxes_xyxy[:, 2:]) / 2
        rows = np.hstack([center, self.boxes_xyxy[:, 2:] - self.boxes_xyxy[:, :2]]) / size
        lines = (f"{i} " + " ".join(f"{v:.6f}" for v in row) for i, row in zip(self.class_ids, rows, strict=True))
        return "".join(line + "\n" for line in lines)


def draw_scene(seed: int, index: int, plan: Plan = Plan()) -> Scene:  # noqa: B008 - a NamedTuple is immutable
    """Return the scene of a seed and an index."""
    rng = np.random.default_rng((seed, index))
    width, height = size_wh(rng, plan)
    image = wall(rng, width, height)
    count = int(rng.choice(len(COUNT_ODDS), p=COUNT_ODDS)) if plan.dials is None else plan.dials
    dials: list[PlacedDial] = []
    boxes: list[NDArray[np.float64]] = []
    for _ in range(count):
        class_id = int(rng.random() < plan.clock_odds)
        dial = place_dial(rng, image, class_id, boxes, plan.radii)
        if dial is not None:
            dials.append(dial)
            boxes.append(dial.box_xyxy)
    for box in boxes:
        if rng.random() < 0.15:
            occlude(rng, image, box, min(float(other[2] - other[0]) for other in boxes))
    image = expose(rng, image, plan.degrade)
    class_ids = np.array([dial.class_id for dial in dials], np.int64)
    return Scene(image, class_ids, np.array(boxes, np.float64).reshape(-1, 4), tuple(dials))


def size_wh(rng: np.random.Generator, plan: Plan) -> tuple[int, int]:
    """Return the width and height of the image in pixels."""
    long_side = int(rng.integers(320, 481)) if plan.long_side is None else plan.long_side
    across, down = SHAPES[int(rng.integers(len(SHAPES)))] if plan.shape is None else plan.shape
    scale = long_side / max(across, down)
    return round(across * scale), round(down * scale)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(prog="python -m example.images", description=main.__doc__)
    command.add_argument("--count", type=int, default=16, metavar="N", help="number of images (default: 16)")
    command.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the images (default: 1)")
    command.add_argument(
        "--out", type=Path, default=Path("build/look"), metavar="DIR", help="output folder (default: build/look)"
    )
    return command


def main() -> None:
    """Write images and their labels into a folder."""
    args = parser().parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for index in range(args.count):
        scene = draw_scene(args.seed, index)
        scene.image.save(args.out / f"{index:04d}.jpg", quality=88)
        (args.out / f"{index:04d}.txt").write_text(scene.label_text())
    sys.stdout.write(f"{args.count} images in {args.out}\n")


if __name__ == "__main__":
    main()
