"""What Ultralytics finds with the examples of the other tasks: `python -m tests.golden.write_tasks`.

Writes tasks/*.json. Uses the .pt and Ultralytics' predict, nothing of this project. Any Python from 3.9 on can start
it; it sets up the export environment and goes on there.
"""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from export import venv
from export.errors import ExportError
from tests.golden.write import GOLDEN, IOU, PACKAGES, ROOT, load

TASKS = ("segment", "pose", "obb", "classify")
EXAMPLES = ROOT / "example" / "tasks"
OUT = GOLDEN / "tasks"
CONF = 0.25


def main(arguments: list[str]) -> int:
    """The exit code: 0, or 2 for what cannot be used."""
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
    pictures = sorted((EXAMPLES / "samples" / task).glob("*.jpg"))
    result = {
        "task": task,
        "weights": weights.relative_to(ROOT).as_posix(),
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "versions": {name: version(name).split("+")[0] for name in PACKAGES},
        "conf": CONF,
        "iou": IOU,
        "pictures": [_seen(yolo, path) for path in pictures],
    }
    (OUT / f"{task}.json").write_text(json.dumps(result, indent=1) + "\n")
    found = sum(len(one.get("detections", [])) for one in result["pictures"])
    sys.stdout.write(f"{task:<9} {len(pictures)} pictures, {found} instances\n")


def _seen(yolo: Any, path: Path) -> dict[str, Any]:
    """One picture: with predict's rectangular letterbox, masks at the size of the input and of the picture."""
    options = {"conf": CONF, "iou": IOU, "device": "cpu", "save": False, "verbose": False}
    (small,) = yolo.predict(str(path), **options)
    height, width = small.orig_shape
    facts = {"picture": path.relative_to(ROOT).as_posix(), "width": width, "height": height}
    if small.probs is not None:
        scores = small.probs.data.tolist()
        return facts | {"top": [{"class_id": one, "confidence": scores[one]} for one in small.probs.top5]}
    if small.masks is not None:
        (large,) = yolo.predict(str(path), retina_masks=True, **options)
        return facts | {"detections": _rows(small), "native": _rows(large)}
    return facts | {"detections": _rows(small)}


def _rows(result: Any) -> list[dict[str, Any]]:
    """Best first; numbers as float32 gave them."""
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
    """Counts of pixels outside and inside in turn, row by row."""
    runs, inside = [0], False
    for pixel in mask.ravel().tolist():
        if pixel != inside:
            runs.append(0)
            inside = pixel
        runs[-1] += 1
    return runs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
