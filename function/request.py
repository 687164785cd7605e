"""Requests as values: an image, its name and its options, checked for type and range but not against the model."""

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from function.errors import InvalidOption

MAX_DETECTIONS = 3000  # the response stays below the 1 MB of a load balancer; NMS takes seconds in the worst case
MAX_ID_DIGITS = 10  # no model has a class id with more digits
MASKS = ("polygons", "rle", "none")
SHOWN = 100  # characters of a value in an error message: the response has a size limit


class Options(NamedTuple):
    """Options of one request; None means the default of `Settings`."""

    conf: float | None = None  # 0..1
    iou: float | None = None  # 0..1
    max_det: int | None = None
    classes: tuple[int | str, ...] | None = None  # ids or names
    agnostic: bool | None = None  # NMS across classes
    masks: str = "polygons"  # one of MASKS; "rle" adds COCO run lengths, "none" leaves out both


class ImageRef(NamedTuple):
    """Reference to an image: its bytes, or where they are; nothing is decoded or read yet."""

    kind: Literal["bytes", "base64", "url", "s3"]
    value: bytes | str  # the encoded image; base64 text; https://...; s3://bucket/key


class ImageRequest(NamedTuple):
    """Request for the prediction of one image."""

    ref: ImageRef
    image_name: str | None  # is returned in the response
    options: Options


def read_options(fields: Mapping[str, Any]) -> Options:
    """Read the options from a JSON object or a query string; other fields are ignored.

    Args:
        fields: JSON values or text: `{"conf": 0.4}` and `{"conf": "0.4"}` mean the same.

    Raises:
        InvalidOption: a value of the wrong type or out of range.
    """
    return Options(
        conf=_fraction(fields, "conf"),
        iou=_fraction(fields, "iou"),
        max_det=_count(fields, "max_det"),
        classes=_classes(fields.get("classes")),
        agnostic=_flag(fields, "agnostic"),
        masks=_choice(fields, "masks", MASKS),
    )


def _fraction(fields: Mapping[str, Any], name: str) -> float | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    number = _number(value)
    if not 0 <= number <= 1:
        raise InvalidOption(f"{name} must be between 0 and 1, got {_shown(value)}")
    return number


def _count(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    number = _number(value)
    if not (1 <= number <= MAX_DETECTIONS and number == int(number)):
        raise InvalidOption(f"{name} must be an integer between 1 and {MAX_DETECTIONS}, got {_shown(value)}")
    return int(number)


def _flag(fields: Mapping[str, Any], name: str) -> bool | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    known = {"true": True, "1": True, "false": False, "0": False}
    text = str(value).lower()
    if not isinstance(value, bool | int | str) or text not in known:
        raise InvalidOption(f"{name} must be true or false, got {_shown(value)}")
    return known[text]


def _choice(fields: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    """Return one of the choices; the first is the default."""
    value = fields.get(name)
    if value is None or value == "":
        return choices[0]
    if not isinstance(value, str) or value not in choices:
        raise InvalidOption(f"{name} must be {', '.join(choices[:-1])} or {choices[-1]}, got {_shown(value)}")
    return value


def _number(value: Any) -> float:
    """Return a number or the number in a text; NaN, which is in no range, for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _classes(value: Any) -> tuple[int | str, ...] | None:
    if value is None or value == "":
        return None
    items = value.split(",") if isinstance(value, str) else [value] if isinstance(value, int) else value
    if not isinstance(items, list) or not items:
        raise InvalidOption(f"classes must be a list of at least one class id or name, got {_shown(value)}")
    return tuple(_class(item) for item in items)


def _class(item: Any) -> int | str:
    if isinstance(item, str) and item.strip():
        text = item.strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < MAX_ID_DIGITS else text
    if isinstance(item, int) and not isinstance(item, bool):
        return item
    raise InvalidOption(f"an item of classes must be a class id (integer) or a name, got {_shown(item)}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
