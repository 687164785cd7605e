"""What an answer about a picture looks like in a terminal: boxes with what their task adds, or the best classes.

Runs under any Python from 3.9 on, with the standard library alone.
"""

from __future__ import annotations

import json
import math
from typing import Any

EDGES = ("x_min", "y_min", "x_max", "y_max")
CLASS_WIDTH = 5  # characters at least: those of the heading
DETAILS = {"rotated_box": "rotation", "keypoints": "keypoints", "segments": "segments"}  # field -> heading


def lines(body: Any) -> list[str]:
    """A line with the picture's size and what was found, then the table; empty if it is no answer about a picture."""
    if not isinstance(body, dict):
        return []
    size = body.get("image_dimensions", {})
    start = f"{size.get('width')} x {size.get('height')}"
    if isinstance(body.get("detections"), list):
        found = body["detections"]
        return [f"{start}  {_count(len(found), 'box', 'boxes')}", *_boxes(found)]
    if isinstance(body.get("top"), list):
        return [f"{start}  top {len(body['top'])}", *_classes(body["top"])]
    return []


def times(body: dict[str, Any]) -> str:
    """What each step took, to stand at the end of the first line; empty if the answer does not say."""
    steps = "  ".join(f"{name} {value:.1f}" for name, value in body.get("timing_ms", {}).items())
    return f"  ({steps} ms)" if steps else ""


def results(body: Any, with_times: bool) -> list[str]:
    """The answers to many pictures, numbered and in their order; empty if the answer is not of that kind."""
    rows = body.get("results") if isinstance(body, dict) else None
    if not isinstance(rows, list):
        return []
    shown = [_count(len(rows), "result", "results")]
    for number, row in enumerate(rows, 1):
        shown += _result(number, row, with_times)
    return shown


def _result(number: int, row: Any, with_times: bool) -> list[str]:
    table = lines(row)
    if table:
        name = f"{row['image_name']}  " if row.get("image_name") else ""
        return [f"{number}  {name}{table[0]}{times(row) if with_times else ''}", *table[1:]]
    if isinstance(row, dict) and "error" in row:
        return [f"{number}  {row.get('type')}: {row['error']}"]
    return [f"{number}  {json.dumps(row, ensure_ascii=False)}"]


def _boxes(found: list[dict[str, Any]]) -> list[str]:
    if not found:
        return []
    width = max(CLASS_WIDTH, *(len(str(one["class_name"])) for one in found))
    field = next((name for name in DETAILS if name in found[0]), None)
    heading = f"  {DETAILS[field]:>11}" if field else ""
    shown = [f"{'class':{width}}  confidence     x_min     y_min     x_max     y_max{heading}"]
    for one in found:
        edges = "".join(f"{one['box_2d'][edge]:10.2f}" for edge in EDGES)
        detail = f"  {_detail(field, one[field]):>11}" if field else ""
        shown.append(f"{one['class_name']:{width}}  {one['confidence']:10.4f}{edges}{detail}")
    return shown


def _detail(field: str, value: Any) -> str:
    if field == "rotated_box":
        return f"{math.degrees(value['rotation']):.1f} deg"
    return _count(len(value), *(("point", "points") if field == "keypoints" else ("polygon", "polygons")))


def _classes(top: list[dict[str, Any]]) -> list[str]:
    width = max([CLASS_WIDTH, *(len(str(one["class"])) for one in top)])
    return [f"{'class':{width}}  confidence", *(f"{one['class']:{width}}  {one['confidence']:10.4f}" for one in top)]


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
