"""Results as CSV: one row for each detection; an image without detections has one row with empty fields.

A row of semantic segmentation is a class of an image and its share, one of depth the least and the largest distance.
"""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from scripts.predictions.run import ImageResult

IMAGE = ("image", "width", "height")
CLASS = ("class_id", "class_name", "confidence")
BOX = ("x_min", "y_min", "x_max", "y_max")
TASK_FIELDS = {  # of a task -> columns behind those of every task; an array is JSON text
    "detect": (),
    "segment": ("segments", "mask"),
    "pose": ("keypoints",),
    "obb": ("x_center", "y_center", "box_width", "box_height", "rotation", "corners"),
    "classify": (),
    "semantic": ("share",),
    "depth": ("min", "max"),
}
READING = "reading"  # the last column, if detections are read: the text, empty for one without a reading


class CsvWriter:
    """Writer of one file."""

    def __init__(self, file: TextIO, task: str, has_readings: bool = False) -> None:
        """Write the line with the names of the columns.

        Args:
            file: open in text mode with `newline=""`.
            task: of the model.
            has_readings: a second model reads the detections.
        """
        self._writer = csv.writer(file, lineterminator="\n")
        self._columns = (*IMAGE, *CLASS, *BOX, *TASK_FIELDS[task], *((READING,) if has_readings else ()))
        self._writer.writerow(self._columns)

    def add(self, result: ImageResult) -> None:
        """Write the rows of an image; an image with an error has none."""
        body = result.body
        if body is None:
            return
        size = body["image_dimensions"]
        image = {"image": result.image.name, "width": size["width"], "height": size["height"]}
        for fields in rows(body) or [{}]:
            row = image | fields
            self._writer.writerow([row.get(name, "") for name in self._columns])


def rows(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the values of the columns for each detection, class or map of a response; a missing column is empty."""
    if "top" in body:
        return [
            {"class_id": row["class_id"], "class_name": row["class"], "confidence": row["confidence"]}
            for row in body["top"]
        ]
    if "semantic" in body:
        return list(body["semantic"]["classes"])
    if "depth" in body:
        return [{"min": body["depth"]["min"], "max": body["depth"]["max"]}]
    return [_detection(row) for row in body["detections"]]


def _detection(row: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {name: row[name] for name in CLASS} | row["box_2d"]
    rotated = row.get("rotated_box")
    if rotated:
        fields |= {"x_center": rotated["x_center"], "y_center": rotated["y_center"], "rotation": rotated["rotation"]}
        fields |= {"box_width": rotated["width"], "box_height": rotated["height"]}
    fields[READING] = row.get("reading", {}).get("text", "")
    arrays = ("segments", "mask", "keypoints", "corners")
    return fields | {name: json.dumps(row[name], separators=(",", ":")) for name in arrays if name in row}
