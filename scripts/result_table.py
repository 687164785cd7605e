"""Tables of the function's results for a terminal: detections with the values of their task, or the top classes.

Runs under any Python from 3.9 on, with the standard library alone.
"""

from __future__ import annotations

import json
import math
from typing import Any

EDGES = ("x_min", "y_min", "x_max", "y_max")
CLASS_WIDTH = 5  # least width of the column in characters: that of its heading
DETAILS = {"rotated_box": "rotation", "keypoints": "keypoints", "segments": "segments"}  # field -> heading


def lines(body: Any) -> list[str]:
    """Return a line with the size of the image and the number of results, then a table.

    Args:
        body: decoded body of a response.

    Returns:
        The lines; empty if `body` is not the result of one image.
    """
    if not isinstance(body, dict):
        return []
    size = body.get("image_dimensions", {})
    start = f"{size.get('width')} x {size.get('height')}"
    if isinstance(body.get("detections"), list):
        detections = body["detections"]
        return [f"{start}  {_count(len(detections), 'box', 'boxes')}", *_boxes(detections)]
    if isinstance(body.get("top"), list):
        return [f"{start}  top {len(body['top'])}", *_classes(body["top"])]
    if isinstance(body.get("semantic"), dict) or isinstance(body.get("depth"), dict):
        return [f"{start}  {describe_map(body)}"]
    return []


def describe_map(body: dict[str, Any]) -> str:
    """Return the classes of a map with their shares, or its distances, in a few words."""
    if "depth" in body:
        return f"depth {body['depth']['min']:.4g} to {body['depth']['max']:.4g}"
    shares = [f"{100 * row['share']:.1f} % {row['class_name']}" for row in body["semantic"]["classes"]]
    return ", ".join(shares) or "no class"


def times(body: dict[str, Any]) -> str:
    """Return the time of each step, for the end of the first line; empty if the response has no times."""
    steps = "  ".join(f"{name} {value:.1f}" for name, value in body.get("timing_ms", {}).items())
    return f"  ({steps} ms)" if steps else ""


def error(status: Any, body: Any) -> str:
    """Return an error of the function, or of Lambda's API, as one line; "" if `body` is none.

    Args:
        status: HTTP status.
        body: decoded body of a response.
    """
    if not isinstance(body, dict):
        return ""
    message = next((body[name] for name in ("error", "errorMessage", "Message", "message") if name in body), None)
    if not isinstance(message, str):
        return ""
    kind = body.get("type") or body.get("errorType")
    return " ".join(f"{status} {f'{kind}: ' if isinstance(kind, str) else ''}{message}".split())


def results(body: Any, with_times: bool) -> list[str]:
    """Return the results of several images, numbered, in their order; empty if `body` has no list of results."""
    rows = body.get("results") if isinstance(body, dict) else None
    if not isinstance(rows, list):
        return []
    output = [_count(len(rows), "result", "results")]
    for number, row in enumerate(rows, 1):
        output += _result(number, row, with_times)
    return output


def _result(number: int, row: Any, with_times: bool) -> list[str]:
    table = lines(row)
    if table:
        name = f"{row['image_name']}  " if row.get("image_name") else ""
        return [f"{number}  {name}{table[0]}{times(row) if with_times else ''}", *table[1:]]
    if isinstance(row, dict) and "error" in row:
        return [f"{number}  {row.get('type')}: {row['error']}"]
    return [f"{number}  {json.dumps(row, ensure_ascii=False)}"]


def _boxes(detections: list[dict[str, Any]]) -> list[str]:
    """Return the table of detections, with a column of readings if one of them has one."""
    if not detections:
        return []
    width = max(CLASS_WIDTH, *(len(str(detection["class_name"])) for detection in detections))
    field = next((name for name in DETAILS if name in detections[0]), None)
    heading = f"  {DETAILS[field]:>11}" if field else ""
    heading += "  reading" if any(detection.get("reading") for detection in detections) else ""
    output = [f"{'class':{width}}  confidence     x_min     y_min     x_max     y_max{heading}"]
    for detection in detections:
        edges = "".join(f"{detection['box_2d'][edge]:10.2f}" for edge in EDGES)
        detail = f"  {_detail(field, detection[field]):>11}" if field else ""
        output.append(
            f"{detection['class_name']:{width}}  {detection['confidence']:10.4f}{edges}{detail}{_reading(detection)}"
        )
    return output


def _reading(detection: dict[str, Any]) -> str:
    """Return the column of the reading: its text, or the type of its error; "" if the detection was not read."""
    reading = detection.get("reading")
    return f"  {' '.join(str(reading.get('text') or reading.get('type')).split())}" if reading else ""


def _detail(field: str, value: Any) -> str:
    if field == "rotated_box":
        return f"{math.degrees(value['rotation']):.1f} deg"
    return _count(len(value), *(("point", "points") if field == "keypoints" else ("polygon", "polygons")))


def _classes(top: list[dict[str, Any]]) -> list[str]:
    width = max([CLASS_WIDTH, *(len(str(row["class"])) for row in top)])
    return [f"{'class':{width}}  confidence", *(f"{row['class']:{width}}  {row['confidence']:10.4f}" for row in top)]


def _count(number: int, singular: str, plural: str) -> str:
    return f"{number} {singular if number == 1 else plural}"
