"""What one caller asks: a picture and its options, checked for type and range but not yet against the model."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from function.errors import InvalidOption

MAX_DETECTIONS = 3000  # their answer stays under the 1 MB of a load balancer, their NMS takes seconds at the worst
MAX_ID_DIGITS = 10  # longer is no id of any model
MASKS = ("polygons", "rle", "none")
SHOWN = 100  # characters of a value in an error: an answer has its limit too


class Options(NamedTuple):
    """How to answer one picture; None means the function's own setting."""

    conf: float | None = None  # 0..1
    iou: float | None = None  # 0..1
    max_det: int | None = None
    classes: tuple[int | str, ...] | None = None  # ids or names
    agnostic: bool | None = None  # NMS across classes
    masks: str = "polygons"  # of MASKS; "rle" adds COCO's run lengths, "none" leaves both out


class Request(NamedTuple):
    """One picture as it came: its encoded bytes, its name for the answer, its options."""

    image: bytes
    image_name: str | None
    options: Options


def read_options(fields: Mapping[str, Any]) -> Options:
    """Options from a JSON object or from a query string; fields that are no option are left alone.

    Args:
        fields: values as JSON has them, or as text: `{"conf": 0.4}` and `{"conf": "0.4"}` mean the same.

    Raises:
        InvalidOption: a value of the wrong kind or out of range; the message says which and what was wanted.
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
        raise InvalidOption(f"{name} is {_shown(value)}; wanted a number from 0 to 1")
    return number


def _count(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    number = _number(value)
    if not (1 <= number <= MAX_DETECTIONS and number == int(number)):
        raise InvalidOption(f"{name} is {_shown(value)}; wanted a whole number from 1 to {MAX_DETECTIONS}")
    return int(number)


def _flag(fields: Mapping[str, Any], name: str) -> bool | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    known = {"true": True, "1": True, "false": False, "0": False}
    text = str(value).lower()
    if not isinstance(value, bool | int | str) or text not in known:
        raise InvalidOption(f"{name} is {_shown(value)}; wanted true or false")
    return known[text]


def _choice(fields: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    """One of the words, or the first of them."""
    value = fields.get(name)
    if value is None or value == "":
        return known[0]
    if not isinstance(value, str) or value not in known:
        raise InvalidOption(f"{name} is {_shown(value)}; wanted {', '.join(known)}")
    return value


def _number(value: Any) -> float:
    """The number that a value is or spells, or NaN, which is in no range."""
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
        raise InvalidOption(f"classes is {_shown(value)}; wanted a list of class ids or names, at least one of them")
    return tuple(_class(item) for item in items)


def _class(item: Any) -> int | str:
    if isinstance(item, str) and item.strip():
        text = item.strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < MAX_ID_DIGITS else text
    if isinstance(item, int) and not isinstance(item, bool):
        return item
    raise InvalidOption(f"classes holds {_shown(item)}; wanted class ids (whole numbers) or names")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
