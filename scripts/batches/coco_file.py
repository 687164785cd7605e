"""Results as one COCO file, written as a stream.

Every source has exactly one entry in `images`, also one without detections. An image with an error has the width and
height 0 and the type of its error in `error`: its size is not known.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

from scripts.batches.errors import BatchError
from scripts.batches.sorted_rows import SortedRows
from scripts.predictions import coco

WITHOUT_DETECTIONS = ("classify", "semantic", "depth")  # tasks


def require_detections(task: str) -> None:
    """Raise BatchError if the results of a task have no place in COCO."""
    if task in WITHOUT_DETECTIONS:
        raise BatchError(
            f"--format coco requires a model with detections, got a {task} model; use --format csv, parquet or jsonl"
        )


def write(results: SortedRows, path: Path) -> None:
    """Write the file; ids are numbers from 1 in the order of the sources.

    Raises:
        BatchError: the results have no detections.
    """
    for task in sorted(results.kinds.tasks):
        require_detections(task)
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{{"info":{json.dumps(coco.INFO)},"licenses":[],"images":[')
        for number, body in enumerate(results, 1):
            _item(file, number, _image(number, body))
        file.write('\n],"annotations":[')
        names, points = _annotations(file, results)
        file.write(f'\n],"categories":{json.dumps(coco.categories(names, points))}}}\n')


def _image(number: int, body: dict[str, Any]) -> dict[str, Any]:
    size = {"width": 0, "height": 0, "error": body.get("type", "")} if "error" in body else body["image_dimensions"]
    return {"id": number, "file_name": body["source"], **size}


def _annotations(file: TextIO, results: SortedRows) -> tuple[dict[int, str], int]:
    """Write the annotations; return the names of their classes, and the most keypoints of one."""
    names: dict[int, str] = {}
    count = points = 0
    for number, body in enumerate(results, 1):
        for row in body.get("detections", ()):
            count += 1
            names.setdefault(row["class_id"], row["class_name"])
            points = max(points, len(row.get("keypoints", ())))
            _item(file, count, {"id": count, "image_id": number, **coco.annotation(row)})
    return names, points


def _item(file: TextIO, number: int, value: dict[str, Any]) -> None:
    file.write(("\n" if number == 1 else ",\n") + json.dumps(value))
