"""Training of a pose model that reads crops of gauges, from scratch: `python -m example.reading.train`.

Draws the crops, trains, saves the weights and measures the readings on the test split.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from example.dials import KEYPOINTS
from example.offline import load_yolo
from example.reading import crops
from example.strip_checkpoint import save_stripped
from example.tasks.dataset import build, default_workers
from example.tasks.model_card import README, card
from example.tasks.train import add_options, train
from example.tasks.training_configs import EXAMPLE, POSE_GAIN, SETTINGS, SIGMAS, TrainingConfig
from function.errors import ReadingFailed
from function.readings import scale

CARD = EXAMPLE / "reading" / "card.json"
TABLE = re.compile(r"(?<=<!-- reading metrics -->\n).*?(?=<!-- end of reading metrics -->)", re.DOTALL)
MIN_CONF = 0.05  # of the dial, as in function/readings/dial.py
CONFIG = TrainingConfig(
    task="reading",
    base="v8/yolov8-pose.yaml",
    scale=(0.33, 0.125, 512),
    names=crops.NAMES,
    make=crops.make,
    plan=crops.PLAN,
    counts={"train": 5000, "val": 200, "test": 200},
    seeds={"train": 30291, "val": 30292, "test": 30293},
    epochs=24,
    settings=SETTINGS
    | {"imgsz": 128, "batch": 32, "nbs": 32, "mosaic": 0.0, "close_mosaic": 0, "scale": 0.2, "pose": POSE_GAIN},
    keypoints=KEYPOINTS,
    sigmas=SIGMAS,
    bfloat16=True,
    initial=EXAMPLE / "tasks" / "pose.pt",
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(prog="python -m example.reading.train", description=main.__doc__)
    add_options(command)
    return command


def main() -> int:
    """Train and measure the model; write its weights, card and table of example/README.md. Return the exit code."""
    args = parser().parse_args()
    data = build(CONFIG, CONFIG.folder / "data", default_workers())
    if not args.measure:
        save_stripped(train(CONFIG, data, args), CONFIG.weights, EXAMPLE.parent)
    measured = {"split": "test"} | measure(load_yolo(str(CONFIG.weights)), data.parent / "test")
    content = card(CONFIG, measured)
    CARD.write_text(json.dumps(content, indent=2) + "\n")
    README.write_text(TABLE.sub(lambda _: table(content), README.read_text()))
    sys.stdout.write("".join(f"{name:<32} {value}\n" for name, value in measured.items()))
    return 0


def table(content: dict[str, Any]) -> str:
    """Return the table of example/README.md for a card."""
    cells = {
        "parameters": f"{content['architecture']['parameters']:,}",
        "bytes": f"{content['weights']['bytes']:,}",
        "imgsz": f"{content['settings']['imgsz']} px",
    } | {name: str(value) for name, value in content["measured"].items() if name != "split"}
    return f"| {' | '.join(cells)} |\n|{'---|' * len(cells)}\n| {' | '.join(cells.values())} |\n"


def measure(model: Any, split: Path) -> dict[str, float]:
    """Return the errors of the readings in percent of the scale, by the rules of the function.

    Args:
        model: of ultralytics.
        split: folder with `images` and `labels`.
    """
    paths = sorted((split / "images").glob("*.jpg"))
    errors = []
    for path in paths:
        label = (split / "labels" / f"{path.stem}.txt").read_text().split()
        result = model.predict(str(path), imgsz=CONFIG.settings["imgsz"], conf=MIN_CONF, verbose=False)[0]
        width, height = result.orig_shape[::-1]
        truth = np.array(label[5:], np.float64).reshape(-1, 3) * (width, height, 1)
        read = _share(result.keypoints.data[0].numpy(force=True)) if len(result.boxes) else None
        if read is not None:
            errors.append(100 * abs(read - scale.share(truth)))
    return {
        "images": len(paths),
        "not read": len(paths) - len(errors),
        "median error, % of the scale": round(float(np.median(errors)), 2) if errors else 100.0,
        "90 % of the errors are below": round(float(np.quantile(errors, 0.9)), 2) if errors else 100.0,
    }


def _share(points: NDArray[np.float32]) -> float | None:
    """Return the reading of the detected points; None if the function would not read them."""
    if float(points[:, 2].min()) < scale.MIN_CONFIDENCE:
        return None
    try:
        return scale.share(points)
    except ReadingFailed:
        return None


if __name__ == "__main__":
    sys.exit(main())
