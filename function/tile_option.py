"""The option `tile` of a request. Loaded for requests that have it."""

import json
from collections.abc import Mapping
from typing import Any

from function.errors import InvalidOption, described, shown

FIELDS = ("size", "overlap", "full")
SYNTAX = 'a size such as 640, or {"size": 640, "overlap": 0.2, "full": true}, or false'

Range = tuple[float, float]


def parse(name: str, value: Any, sizes: Range, overlaps: Range) -> tuple[int, float | None, bool] | None:
    """Return the size of a tile in pixels, the overlap or None for the default, and whether the whole image runs too.

    Args:
        name: of the option, for messages.
        value: a number, an object, or false; or any of them as JSON text.
        sizes: the smallest and the largest size.
        overlaps: the smallest and the largest overlap.

    Returns:
        None for false: no tiles.

    Raises:
        InvalidOption: another type, an unknown field, or a number out of range.
    """
    parsed = _load(name, value) if isinstance(value, str) else value
    if parsed is False:
        return None
    if _is_number(parsed):
        return _size(name, parsed, sizes), None, True
    if not isinstance(parsed, Mapping):
        raise InvalidOption(f"{name} must be {SYNTAX}, got {'true' if value is True else described(value)}")
    unknown = next((key for key in parsed if key not in FIELDS), None)
    if unknown is not None:
        raise InvalidOption(f"unknown field {shown(str(unknown))} of {name}; available: {', '.join(FIELDS)}")
    full, overlap = parsed.get("full"), parsed.get("overlap")
    if not (full is None or isinstance(full, bool)):
        raise InvalidOption(f"full of {name} must be true or false, got {described(full)}")
    if overlap is not None and not (_is_number(overlap) and overlaps[0] <= overlap <= overlaps[1]):
        raise InvalidOption(
            f"overlap of {name} must be between {overlaps[0]} and {overlaps[1]}, got {described(overlap)}"
        )
    size = _size(f"size of {name}", parsed.get("size"), sizes)
    return size, None if overlap is None else float(overlap), full is not False


def _size(name: str, value: Any, sizes: Range) -> int:
    if not (_is_number(value) and sizes[0] <= value <= sizes[1] and value % 1 == 0):
        raise InvalidOption(f"{name} must be an integer between {sizes[0]} and {sizes[1]}, got {described(value)}")
    return int(value)


def _load(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidOption(f"{name} must be {SYNTAX}, got {shown(text)}") from None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
