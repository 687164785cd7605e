"""Golden results for other input sizes: `python -m tests.golden.write_sizes` runs Ultralytics and writes sizes/*.json.

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

OUT = GOLDEN / "sizes"
CONF = 0.05
IMAGES = 3  # of each task
SIDES: tuple[int | list[int], ...] = (160, 320, 500, 640, [736, 1280], 1280, 1920)  # 500 is rounded up
WEIGHTS = {
    "detect": ROOT / "example" / "best.pt",
    **{task: ROOT / "example" / "tasks" / f"{task}.pt" for task in ("segment", "pose", "obb", "classify")},
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog="python -m tests.golden.write_sizes", description="Write the golden results for other input sizes."
    )
    command.add_argument(
        "--version", action="version", version=f"%(prog)s {project_version()}", help="print the version and exit"
    )
    return command


def main(arguments: list[str]) -> int:
    """Write the golden results; return 0, or 2 for weights or images that cannot be used."""
    parser().parse_args(arguments)
    try:
        venv.enter("tests.golden.write_sizes", arguments)
        OUT.mkdir(exist_ok=True)
        for task in WEIGHTS:
            _write(task)
    except ExportError as error:
        sys.stderr.write(f"golden: {error}\n")
        return error.exit_code
    return 0


def _write(task: str) -> None:
    weights = WEIGHTS[task]
    yolo = load(weights)
    folder = ROOT / "example" / ("samples" if task == "detect" else f"tasks/samples/{task}")
    result = {
        "weights": weights.relative_to(ROOT).as_posix(),
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "versions": {name: version(name).split("+")[0] for name in PACKAGES},
        "conf": CONF,
        "iou": IOU,
        "results": [_result(yolo, path, side) for path in sorted(folder.glob("*.jpg"))[:IMAGES] for side in SIDES],
    }
    (OUT / f"{task}.json").write_text(json.dumps(result) + "\n")
    rows = sum(len(one.get("boxes", one.get("probabilities"))) for one in result["results"])
    sys.stdout.write(f"{task:<9} {len(result['results'])} results, {rows} rows\n")


def _result(yolo: Any, path: Path, side: int | list[int]) -> dict[str, Any]:
    (found,) = yolo.predict(str(path), imgsz=side, conf=CONF, iou=IOU, device="cpu", save=False, verbose=False)
    row = {"image": path.relative_to(ROOT).as_posix(), "imgsz": side, "used": list(yolo.predictor.imgsz)}
    if found.probs is not None:
        return row | {"probabilities": found.probs.data.tolist()}
    boxes = found.boxes if found.obb is None else found.obb
    numbers = boxes.xyxy if found.obb is None else boxes.xywhr
    return row | {
        "class_ids": [int(class_id) for class_id in boxes.cls.tolist()],
        "confidences": boxes.conf.tolist(),
        "boxes": numbers.tolist(),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
