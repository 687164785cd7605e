"""Recall of small objects by the size of the model input: `python -m example.small_objects` prints a table.

Four generated images of 2880 x 1440 pixels have 210 gauges and clocks, 30 to 230 pixels wide. The function's
own code predicts them with one model file, with a request for each row of the table.
"""

import argparse
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from example.images import Plan, Scene, draw_scene
from function import model, predictor
from function.model import Model
from function.postprocess.boxes import iou_many_to_many
from function.request import read_options
from function.results import Prediction
from function.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "example" / "best.pt"
SEED = 17
COUNTS = (52, 53, 52, 53)  # objects in each image
RADII = (0.016, 0.065)  # of an object, as fractions of the height of the image
MIN_IOU = 0.5  # of a detection with the object that it finds
REQUESTS: tuple[tuple[str, dict[str, Any]], ...] = (  # name of the row, options of the request
    ("`imgsz` 320, the size of the model", {}),
    ("`imgsz` 640", {"imgsz": 640}),
    ("`imgsz` 1280", {"imgsz": 1280}),
    ("`imgsz` 1920", {"imgsz": 1920}),
    ("`tile` 640, `imgsz` 640", {"tile": 640, "imgsz": 640}),
    ("`tile` 320", {"tile": 320}),
)


class Row(NamedTuple):
    """Result of one request for all images."""

    name: str
    found: int  # objects
    detections: int
    seconds: float  # of all images


def scenes() -> list[Scene]:
    """Return the images and their objects."""
    plan = Plan(long_side=2880, shape=(2, 1), radii=RADII, degrade=0.5)
    return [draw_scene(SEED, index, plan._replace(dials=count)) for index, count in enumerate(COUNTS)]


def measure(served: Model, drawn: list[Scene], name: str, options: dict[str, Any]) -> Row:
    """Return how many objects one request finds in all images: those with a detection of their class over them."""
    found = detections = 0
    seconds = 0.0
    for scene in drawn:
        jpeg = BytesIO()
        scene.image.save(jpeg, "JPEG", quality=90)
        started = perf_counter()
        result = predictor.predict(served, Settings.from_env({}), jpeg.getvalue(), read_options(options))
        seconds += perf_counter() - started
        if not isinstance(result, Prediction):
            raise TypeError("the model must detect objects, got a classifier")
        detections += len(result.scores)
        found += objects_found(scene, result)
    return Row(name, found, detections, seconds)


def objects_found(scene: Scene, result: Prediction) -> int:
    """Return the number of objects with a detection of their class; each detection finds one object, best first."""
    overlaps = iou_many_to_many(result.boxes_xyxy, scene.boxes_xyxy.astype(np.float32))
    left = np.ones(len(scene.class_ids), dtype=bool)
    for row, class_id in zip(overlaps, result.class_ids, strict=True):
        candidates = row * (left & (scene.class_ids == class_id))
        best = int(candidates.argmax())
        if candidates[best] >= MIN_IOU:
            left[best] = False
    return int((~left).sum())


def table(rows: list[Row], objects: int) -> str:
    """Return the rows as a table in Markdown."""
    lines = ["| request | recall | objects found | detections | time for each image |", "|---|---:|---:|---:|---:|"]
    lines += [
        f"| {row.name} | {100 * row.found / objects:.1f} % | {row.found} of {objects} | {row.detections} | "
        f"{1000 * row.seconds / len(COUNTS):.0f} ms |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def export(folder: Path) -> Path:
    """Return the example model as ONNX."""
    output = folder / "best.onnx"
    subprocess.run([sys.executable, "-m", "export", str(WEIGHTS), "--output", str(output)], cwd=ROOT, check=True)
    return output


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(prog="python -m example.small_objects", description=str(main.__doc__))
    command.add_argument(
        "--model", type=Path, metavar="FILE", help="dynamic ONNX file (default: example/best.pt, exported)"
    )
    command.add_argument("--threads", type=int, default=1, metavar="N", help="CPUs of a run (default: %(default)s)")
    return command


def main() -> None:
    """Print the recall of small objects by the size of the model input."""
    options = parser().parse_args()
    with tempfile.TemporaryDirectory() as folder:
        served = model.load(options.model or export(Path(folder)), threads=options.threads)
    if not isinstance(served, Model):
        raise SystemExit("--model must be a YOLO model, got a generic ONNX model")
    drawn = scenes()
    rows = [measure(served, drawn, name, fields) for name, fields in REQUESTS]
    sys.stdout.write(table(rows, sum(len(scene.class_ids) for scene in drawn)))


if __name__ == "__main__":
    main()
