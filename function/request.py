"""Requests as values: an image, its name and its options, checked for type and range but not against the model."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from function.errors import InvalidOption, kind, shown
from function.metadata import MAX_SIDE

MAX_DETECTIONS = 3000  # the response stays below the 1 MB of a load balancer; NMS takes seconds in the worst case
MASKS = ("polygons", "rle", "none")
MERGES = ("greedy_nmm", "nms")  # of the detections in tiles
TILE_SIZES = 32, 65_500  # px: the largest stride of most models, and the longest side of an image
TILE_OVERLAPS = 0, 0.9  # with the largest one, ten times as many tiles along each side as without overlap
NUMBER = r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*"  # float() also reads 1_0, inf and other digits
SHOWN = 100  # characters of a value in an error message: the response has a size limit
MAX_CLASSES = 10_000  # items of the option `classes`, more than a model has; a body of 6 MB has room for a million
MAX_POLYGONS = 100  # of the option `region`
MAX_COORDINATE = 1_000_000  # px of its points, more than an image has
MAX_POINTS = 1000  # of all polygons of the option `region`; each is compared with every detection
MAX_UNKNOWN = 1000  # fields in one place: each is compared with every option name
TYPO_LETTERS = 5  # a shorter name is one edit away from too many words


Polygons = tuple[tuple[tuple[float, float], ...], ...]  # points (x, y) of each polygon


class TileOption(NamedTuple):
    """Tiles of an image."""

    size: int  # of a side, pixels of the image
    overlap: float | None  # of neighboring tiles, as a share of the size; None: the default of `Settings`
    full: bool  # the whole image goes through the model too


class Options(NamedTuple):
    """Options of one request; None means the default of `Settings`."""

    conf: float | dict[str, float] | None = None  # 0..1; or of each class, "*" for all others
    iou: float | None = None  # 0..1
    max_det: int | None = None
    imgsz: tuple[int, int] | None = None  # (height, width) of the model input, pixels
    classes: tuple[int | str, ...] | None = None  # ids (int), and names or ids (str)
    agnostic: bool | None = None  # NMS across classes
    tile: TileOption | Literal[False] | None = None  # False: no tiles
    merge: str | None = None  # one of MERGES
    masks: str = "polygons"  # one of MASKS; "rle" adds COCO run lengths, "none" leaves out both
    annotate: bool | None = None  # also return the image with its detections drawn
    read: bool | None = None  # whether a second model reads the detections
    region: Polygons | None = None  # only detections whose center is inside
    normalized: bool | None = None  # the points of `region` are divided by the width and the height of the image


class ImageRef(NamedTuple):
    """Reference to an image: its bytes, or where they are; nothing is decoded or read yet."""

    kind: Literal["bytes", "base64", "url", "s3"]
    value: bytes | str  # the encoded image; base64 text; https://...; s3://bucket/key


class ImageRequest(NamedTuple):
    """Request for the prediction of one image."""

    ref: ImageRef
    image_name: str | None  # is returned in the response
    options: Options
    ignored: tuple[str, ...] = ()  # fields that the request has and nobody reads; returned in the response


class Option(NamedTuple):
    """Option of a request: one row of `OPTIONS`."""

    name: str  # field of `Options`
    parse: Callable[["Option", str, Any], Any]  # from the option, its written name and its value; raises InvalidOption
    schema: Mapping[str, Any]  # JSON Schema of the value; `parse` reads the range from it
    description: str
    aliases: tuple[str, ...] = ()  # names of the same option in other tools


def read_options(fields: Mapping[str, Any]) -> Options:
    """Read the options from a JSON object, a query string or a form; other fields are ignored.

    Args:
        fields: JSON values or text: `{"conf": 0.4}` and `{"conf": "0.4"}` mean the same.

    Raises:
        InvalidOption: a value of the wrong type or out of range, or two names of one option with different values.
    """
    return Options(**parse_options(fields))


def parse_options(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are set in one place, by their field of `Options`.

    The results for several places can be merged: `null` and an empty text mean "not set" and hide no other place.

    Raises:
        InvalidOption: as in `read_options`.
    """
    values: dict[str, Any] = {}
    written_as: dict[str, tuple[str, Any]] = {}
    for written, value in fields.items():
        option = BY_NAME.get(_without_brackets(written))
        if option is None or value is None or value == "":
            continue
        parsed = option.parse(option, written, value)
        if option.parse is _classes:  # `classes[0]` and `classes[1]`, as some clients write one list
            parsed = values.get(option.name, ()) + parsed
            if len(parsed) > MAX_CLASSES:
                raise InvalidOption(f"{option.name} must have at most {MAX_CLASSES} items, got {len(parsed)} or more")
        elif values.get(option.name, parsed) != parsed:
            other, earlier = written_as[option.name]
            raise InvalidOption(
                f"{other} and {written} are the same option and must be equal, "
                f"got {_shown(earlier)} and {_shown(value)}"
            )
        values[option.name], written_as[option.name] = parsed, (written, value)
    return values


def unknown_fields(names: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return the names that are neither known nor an option, in their order.

    Raises:
        InvalidOption: a name differs from that of an option in case or dashes, or is one edit away from one; or there
            are too many unknown names.
    """
    unknown = tuple(dict.fromkeys(name for name in names if name not in known and not is_option(name)))
    if len(unknown) > MAX_UNKNOWN:
        raise InvalidOption(f"a request must have at most {MAX_UNKNOWN} unknown fields, got {len(unknown)}")
    for name in unknown:
        meant = _meant(_without_brackets(name))
        if meant:
            raise InvalidOption(f"unknown option {_shown(name)}; did you mean {meant}?")
    return unknown


def is_misspelled(name: str, known: str) -> bool:
    """Return whether a name differs from a known one in case or dashes only, or is one edit away from it."""
    return name != known and (_plain(name) == _plain(known) or _is_one_edit(_plain(name), _plain(known)))


def is_option(name: str) -> bool:
    """Return whether a field is an option: its name or alias, also in the notation of arrays (`classes[]`)."""
    return _without_brackets(name) in BY_NAME


def _without_brackets(name: str) -> str:
    """Return the name of a list in the notation of forms: `classes` for `classes[]` and `classes[0]`."""
    stem, bracket, index = name.removesuffix("]").rpartition("[")
    return stem if bracket and name.endswith("]") and (not index or (index.isascii() and index.isdecimal())) else name


def _meant(name: str) -> str | None:
    """Return the option name that a wrong name stands for: another case or dash, or one edit away from it."""
    plain = _plain(name)
    if plain in PLAIN_NAMES:
        return PLAIN_NAMES[plain]
    long_names = (known for known in PLAIN_NAMES if len(known) >= TYPO_LETTERS)
    return next((PLAIN_NAMES[known] for known in long_names if _is_one_edit(plain, known)), None)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _is_one_edit(first: str, second: str) -> bool:
    """Return whether one letter is missing, added, replaced or swapped with its neighbor."""
    if abs(len(first) - len(second)) > 1:
        return False
    pairs = enumerate(zip(first, second, strict=False))
    start = next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))
    left, right = first[start:], second[start:]
    swapped = left[1:2] + left[:1] + left[2:]
    return right in (left[1:], swapped) or left == right[1:] or left[1:] == right[1:]


def _fraction(option: Option, name: str, value: Any) -> float:
    low, high = option.schema["minimum"], option.schema["maximum"]
    number = _number(value)
    if not low <= number <= high:
        raise InvalidOption(f"{name} must be between {low} and {high}, got {_shown(value)}")
    return number


def _conf(option: Option, name: str, value: Any) -> float | dict[str, float]:
    """Return one threshold, or the threshold of each class: a JSON object, or text such as `0.25,gauge:0.6`."""
    if not (isinstance(value, Mapping) or (isinstance(value, str) and any(mark in value for mark in ",:{"))):
        return _fraction(option, name, value)
    from function import option_values  # imported here: few requests have one

    return option_values.thresholds(name, value)


def _tile(_option: Option, name: str, value: Any) -> TileOption | Literal[False]:
    from function import tile_option  # imported here: few requests have one

    fields = tile_option.parse(name, value, TILE_SIZES, TILE_OVERLAPS)
    return TileOption(*fields) if fields else False


def _sides(option: Option, name: str, value: Any) -> tuple[int, int]:
    from function import option_values  # imported here: few requests have one

    return option_values.sides(name, value, option.schema["maximum"])


def _region(_option: Option, name: str, value: Any) -> Polygons:
    from function import option_values  # imported here: few requests have one

    return option_values.polygons(name, value, MAX_POLYGONS, MAX_POINTS, MAX_COORDINATE)


def _count(option: Option, name: str, value: Any) -> int:
    low, high = option.schema["minimum"], option.schema["maximum"]
    number = _number(value)
    if not (low <= number <= high and number == int(number)):
        raise InvalidOption(f"{name} must be an integer between {low} and {high}, got {_shown(value)}")
    return int(number)


def _flag(_option: Option, name: str, value: Any) -> bool:
    known = {"true": True, "1": True, "false": False, "0": False}
    text = str(value).lower()
    if not isinstance(value, bool | int | str) or text not in known:
        raise InvalidOption(f"{name} must be true or false, got {_shown(value)}")
    return known[text]


def _choice(option: Option, name: str, value: Any) -> str:
    choices = option.schema["enum"]
    if not isinstance(value, str) or value not in choices:
        raise InvalidOption(f"{name} must be {', '.join(choices[:-1])} or {choices[-1]}, got {_shown(value)}")
    return value


def _number(value: Any) -> float:
    """Return a number or the number in a text; NaN, which is in no range, for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    if isinstance(value, str) and not re.fullmatch(NUMBER, value, re.ASCII):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _classes(_option: Option, name: str, value: Any) -> tuple[int | str, ...]:
    items = _items(value) if isinstance(value, str) else [value] if isinstance(value, int) else value
    if not isinstance(items, list) or not items:
        raise InvalidOption(f"{name} must be a list of at least one class id or name, got {_shown(value)}")
    for item in items:
        if isinstance(item, bool) or not isinstance(item, int | str):
            raise InvalidOption(f"an item of {name} must be a class id (integer) or a name, got {_shown(item)}")
    return tuple(items)


def _items(text: str) -> list[Any]:
    """Return the items of a list as text: `0, gauge`, or JSON such as `[0, "gauge"]`, also several joined by commas."""
    if text.lstrip().startswith("["):
        try:
            values = json.loads(f"[{text}]")
        except (ValueError, RecursionError):
            pass  # names in brackets
        else:
            return [item for value in values for item in (value if isinstance(value, list) else [value])]
    return [item.strip() for item in text.split(",")]


def _shown(value: Any) -> str:
    """Return a value as a caller wrote it, cut after `SHOWN` characters, for error messages."""
    if isinstance(value, str):
        return shown(value)
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return kind(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


FRACTION: Mapping[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
CLASSES: Mapping[str, Any] = {"type": "array", "minItems": 1, "items": {"type": ["integer", "string"]}}
COORDINATE = {"type": "number", "minimum": -MAX_COORDINATE, "maximum": MAX_COORDINATE}
POINT = {"type": "array", "items": COORDINATE, "minItems": 2, "maxItems": 2}
POLYGON = {"type": "array", "items": POINT, "minItems": 3, "maxItems": MAX_POINTS}
REGION: Mapping[str, Any] = {
    "type": "array",
    "anyOf": [POLYGON, {"type": "array", "items": POLYGON, "minItems": 1, "maxItems": MAX_POLYGONS}],
}
OPTIONS = (  # the only list of options: a new one is a row here and a field of `Options`
    Option(
        "conf",
        _conf,
        FRACTION,
        "Confidence threshold. A detection must score higher than this. An object has a threshold for each class, by "
        "name or id, and with * for all others",
        ("confidence", "conf_thres", "score_threshold"),
    ),
    Option(
        "iou",
        _fraction,
        FRACTION,
        "IoU threshold of the non-maximum suppression (NMS)",
        ("iou_thres", "overlap"),
    ),
    Option(
        "max_det",
        _count,
        {"type": "integer", "minimum": 1, "maximum": MAX_DETECTIONS},
        "Maximum number of detections per image",
        ("max_detections",),
    ),
    Option(
        "imgsz",
        _sides,
        {"type": "integer", "minimum": 1, "maximum": MAX_SIDE},
        "Size of the model input in pixels, or [height, width], rounded up to a multiple of the stride. Another size "
        "than that of the model requires a dynamic model",
    ),
    Option("classes", _classes, CLASSES, "Return only these classes, by id or name"),
    Option(
        "agnostic",
        _flag,
        {"type": "boolean"},
        "NMS across classes: a box also suppresses boxes of other classes",
        ("agnostic_nms",),
    ),
    Option(
        "tile",
        _tile,
        {"type": "integer", "minimum": TILE_SIZES[0], "maximum": TILE_SIZES[1]},
        "Cut the image into overlapping tiles of this size in pixels, which go through the model one by one, and merge "
        "their detections. An object also has the overlap as a share of the size, and full: whether the whole image "
        "goes through the model too (default: true)",
    ),
    Option(
        "merge",
        _choice,
        {"type": "string", "enum": MERGES},
        "How detections of one object in several tiles are merged: one box around all of them (greedy_nmm), or the "
        "best one (nms)",
    ),
    Option(
        "masks",
        _choice,
        {"type": "string", "enum": MASKS},
        "Segment models only: polygons, polygons and COCO run lengths (rle), or boxes only (none)",
    ),
    Option(
        "annotate",
        _flag,
        {"type": "boolean"},
        "Also return the image with the result drawn on it",
    ),
    Option(
        "read",
        _flag,
        {"type": "boolean"},
        "Have the second model read the detections. Default: true with an API key or an authorizer of the front end; "
        "without one, true is refused",
    ),
    Option(
        "region",
        _region,
        REGION,
        "Return only detections whose center is inside this polygon, a list of points [x, y] in pixels, or inside one "
        "of several polygons",
    ),
    Option(
        "normalized",
        _flag,
        {"type": "boolean"},
        "The points of region are from 0 to 1, divided by the width and the height of the image",
    ),
)
BY_NAME = {name: option for option in OPTIONS for name in (option.name, *option.aliases)}
PLAIN_NAMES = {_plain(name): name for name in BY_NAME}
