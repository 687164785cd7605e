"""Golden results of the other tasks: `python -m tests.golden.write_tasks` runs Ultralytics and writes tasks/*.json.

It uses only the .pt files and Ultralytics' `predict`, no code of the function. It can be started with any Python >=
3.9; it creates the export environment and continues there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from export import venv
from export.errors import ExportError
from scripts.environments import project_version
from tests.golden.write import GOLDEN, IOU, PACKAGES, ROOT, load

TASKS = ("segment", "pose", "obb", "classify")
EXAMPLES = ROOT / "example" / "tasks"
OUT = GOLDEN / "tasks"
CONF = 0.25


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog="python -m tests.golden.write_tasks", description="Write the golden results of the other tasks."
    )
    command.add_argument(
        "--version", action="version", version=f"%(prog)s {project_version()}", help="print the version and exit"
    )
    return command


def main(arguments: list[str]) -> int:
    """Write the golden results; return 0, or 2 for weights or images that cannot be used."""
    parser().parse_args(arguments)
    try:
        venv.enter("tests.golden.write_tasks", arguments)
        OUT.mkdir(exist_ok=True)
        for task in TASKS:
            _write(task)
    except ExportError as error:
        sys.stderr.write(f"golden: {error}\n")
        return error.exit_code
    return 0


def _write(task: str) -> None:
    weights = EXAMPLES / f"{task}.pt"
    yolo = load(weights)
    paths = sorted((EXAMPLES / "samples" / task).glob("*.jpg"))
    result = {
        "task": task,
        "weights": weights.relative_to(ROOT).as_posix(),
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "versions": {name: version(name).split("+")[0] for name in PACKAGES},
        "conf": CONF,
        "iou": IOU,
        "images": [_result(yolo, path) for path in paths],
    }
    (OUT / f"{task}.json").write_text(json.dumps(result, indent=1) + "\n")
    instances = sum(len(image.get("detections", [])) for image in result["images"])
    sys.stdout.write(f"{task:<9} {len(paths)} images, {instances} instances\n")


def _result(yolo: Any, path: Path) -> dict[str, Any]:
    """Return the results for one image: with predict's rectangular letterbox, masks at input size and at image size."""
    options = {"conf": CONF, "iou": IOU, "device": "cpu", "save": False, "verbose": False}
    (small,) = yolo.predict(str(path), **options)
    height, width = small.orig_shape
    image = {"image": path.relative_to(ROOT).as_posix(), "width": width, "height": height}
    if small.probs is not None:
        scores = small.probs.data.tolist()
        return image | {
            "top": [{"class_id": class_id, "confidence": scores[class_id]} for class_id in small.probs.top5]
        }
    if small.masks is not None:
        (large,) = yolo.predict(str(path), retina_masks=True, **options)
        return image | {"detections": _rows(small), "native": _rows(large)}
    return image | {"detections": _rows(small)}


def _rows(result: Any) -> list[dict[str, Any]]:
    """Return the detections, best first, with unrounded float32 numbers."""
    boxes = result.boxes if result.obb is None else result.obb
    rows = [
        {"class_id": int(cls), "confidence": conf, "xyxy": xyxy}
        for cls, conf, xyxy in zip(boxes.cls.tolist(), boxes.conf.tolist(), boxes.xyxy.tolist(), strict=True)
    ]
    for index, row in enumerate(rows):
        if result.keypoints is not None:
            row["keypoints"] = result.keypoints.data[index].tolist()
        if result.obb is not None:
            row["xywhr"] = result.obb.xywhr[index].tolist()
            row["corners"] = result.obb.xyxyxyxy[index].tolist()
        if result.masks is not None:
            mask = result.masks.data[index].numpy().astype(bool)
            row["mask"] = {"size": list(mask.shape), "runs": " ".join(map(str, _runs(mask)))}
    return rows


def _runs(mask: Any) -> list[int]:
    """Return alternating counts of pixels outside and inside, row by row."""
    runs, inside = [0], False
    for pixel in mask.ravel().tolist():
        if pixel != inside:
            runs.append(0)
            inside = pixel
        runs[-1] += 1
    return runs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
