"""Values of options that are objects or lists of lists: thresholds of classes, polygons. Loaded for these only."""

import json
from collections.abc import Mapping
from typing import Any

from function.errors import InvalidOption, described, shown

OTHERS = "*"  # key of all classes that are not named
SYNTAX = '0.25,gauge:0.6 or {"gauge": 0.6, "*": 0.25}'


def thresholds(name: str, value: Mapping[Any, Any] | str) -> dict[str, float]:
    """Return the threshold of each class that a value names, with `OTHERS` for all classes that it does not name.

    Args:
        name: of the option or the environment variable, for messages.
        value: an object, such an object as JSON text, or text such as `0.25,gauge:0.6`.

    Raises:
        InvalidOption: another type, a threshold that is not from 0 to 1, or one class with two thresholds.
    """
    pairs = _pairs(name, value) if isinstance(value, str) else list(value.items())
    if not pairs:
        raise InvalidOption(f"{name} must have at least one threshold, such as {SYNTAX}, got none")
    values: dict[str, float] = {}
    for key, threshold in pairs:
        label = str(key)
        if not (_is_number(threshold) and 0 <= threshold <= 1):
            raise InvalidOption(
                f"{name} must have a threshold between 0 and 1 for {shown(label)}, got {described(threshold)}"
            )
        if values.setdefault(label, float(threshold)) != threshold:
            raise InvalidOption(
                f"{name} must have one threshold for {shown(label)}, got {values[label]:g} and {threshold:g}"
            )
    return values


def _pairs(name: str, text: str) -> list[tuple[str, Any]]:
    if text.lstrip().startswith("{"):
        value = _load(name, text, SYNTAX)
        return list(value.items())
    pairs: list[tuple[str, Any]] = []
    for item in text.split(","):
        label, colon, number = item.rpartition(":")  # a name can have a colon, a number has none
        if not item.strip():
            continue
        pairs.append((label.strip() if colon else OTHERS, _threshold(name, number, text)))
    return pairs


def _threshold(name: str, number: str, text: str) -> float:
    try:
        if "_" in number or not number.isascii():  # float() reads 1_0 and other digits
            raise ValueError(number)
        return float(number)
    except ValueError:
        raise InvalidOption(f"{name} must be thresholds such as {SYNTAX}, got {shown(text)}") from None


def sides(name: str, value: Any, most: int) -> tuple[int, int]:
    """Return (height, width) in pixels.

    Args:
        name: of the option or the environment variable, for messages.
        value: one number for both, a list of two, or either of them as text: `736,1280`, `[736, 1280]`.
        most: the largest side.

    Raises:
        InvalidOption: another type, or a number that is not an integer from 1 to `most`.
    """
    items = _numbers(value) if isinstance(value, str) else value
    items = items if isinstance(items, list) else [items]
    wrong = [side for side in items if not (_is_number(side) and 1 <= side <= most and side % 1 == 0)]
    if wrong or len(items) not in (1, 2):
        got = described(wrong[0]) if wrong else f"{len(items)} numbers"
        got = shown(value) if isinstance(value, str) else got
        raise InvalidOption(f"{name} must be an integer between 1 and {most}, or [height, width], got {got}")
    return int(items[0]), int(items[-1])


def _numbers(text: str) -> Any:
    """Return the value of a JSON list, also without its brackets; None if it is none."""
    try:
        items = json.loads(f"[{text}]")
    except (ValueError, RecursionError):
        return None
    return items[0] if len(items) == 1 else items


def polygons(
    name: str, value: Any, max_polygons: int, max_points: int, max_coordinate: int
) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Return the points (x, y) of each polygon.

    Args:
        name: of the option, for messages.
        value: one polygon, a list of points [x, y]; or a list of polygons; or either of them as JSON text.
        max_polygons: in the value.
        max_points: of all polygons together.
        max_coordinate: largest absolute value of a coordinate.

    Raises:
        InvalidOption: another type, fewer than three points, too many, or a coordinate that is not a number.
    """
    if isinstance(value, str):
        value = _load(name, value, "[[x, y], ...]")
    if not isinstance(value, list) or not value:
        raise InvalidOption(f"{name} must be a polygon [[x, y], ...] or a list of polygons, got {described(value)}")
    is_one = not (isinstance(value[0], list) and value[0] and isinstance(value[0][0], list))
    several = [value] if is_one else value
    if len(several) > max_polygons:
        raise InvalidOption(f"{name} must have at most {max_polygons} polygons, got {len(several)}")
    for polygon in several:
        if not isinstance(polygon, list):
            raise InvalidOption(f"a polygon of {name} must be a list of points [x, y], got {described(polygon)}")
        if len(polygon) < 3:
            raise InvalidOption(f"a polygon of {name} must have at least 3 points, got {len(polygon)}")
    total = sum(map(len, several))
    if total > max_points:
        raise InvalidOption(f"{name} must have at most {max_points} points, got {total}")
    return tuple(tuple(_point(name, point, max_coordinate) for point in polygon) for polygon in several)


def _point(name: str, point: Any, most: int) -> tuple[float, float]:
    if not isinstance(point, list) or len(point) != 2:
        got = f"{len(point)} values" if isinstance(point, list) else described(point)
        raise InvalidOption(f"a point of {name} must be [x, y], got {got}")
    for value in point:
        if not (_is_number(value) and abs(value) <= most):
            raise InvalidOption(
                f"a coordinate of {name} must be a number from -{most} to {most}, got {described(value)}"
            )
    return float(point[0]), float(point[1])


def _kind(value: Any) -> str:
    return "an empty list" if value == [] else described(value)


def _load(name: str, text: str, expected: str) -> Any:
    """Return the value of a JSON text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidOption(f"{name} must be JSON such as {expected}, got {shown(text)}") from None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
