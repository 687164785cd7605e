"""OpenAPI: requests of a YOLO model, built from the table of options that validates them."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from function import predictor
from function.api.openapi.endpoints import JSON, NOT_SET, error_reference, json_response, reference
from function.model import Model
from function.request import OPTIONS, TILE_OVERLAPS, Option, Options
from function.settings import Settings

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/avif", "image/bmp", "image/gif", "image/tiff")
IMAGE_SCHEMA = {"type": "string", "format": "binary"}
ERRORS = (400, 403, 404, 406, 413, 415, 422, 500, 502, 503)
ANNOTATED_TYPES = ("image/jpeg", "image/png")  # of a response, if the header Accept names one of them
REDUCED = {"schema": {"type": "string"}, "description": "Quality and scale of an annotated image, if they were lowered"}
SET_BY_OPERATOR = ("conf", "iou", "max_det", "agnostic", "tile")  # options whose default is a setting of the same name
FRACTION = r"(0|1|0?\.[0-9]+|[01]\.0*)"  # 0 to 1
FRACTION_TEXT = f"^{FRACTION}$"
POLYGON_TEXT = r"^(\[(\[[0-9]{1,5},[0-9]{1,5}\],){2,9}\[[0-9]{1,5},[0-9]{1,5}\]\])?$"  # an empty text: not set
TILE_TEXT = r'^([1-9][0-9]{2,3}|\{"size":[1-9][0-9]{2,3}(,"overlap":0\.[0-8])?(,"full":(true|false))?\}|false)?$'
BOOLEAN_TEXT = {"enum": ["true", "false", "1", "0"], "description": "The same as text"}
MAX_ENUM = 1000  # classes that are listed; a model with more has the range of its ids
GIF = "R0lGODdhAQABAIABAP8AAAAAACwAAAAAAQABAAACAkQBADs="  # one red pixel


def usable_options(served: Model, settings: Settings) -> tuple[Option, ...]:
    """Return the options that can change the result of this model; a request with another one is not refused."""
    unused = predictor.unused_options(served) | (set() if settings.reading else {"read"})
    if not served.metadata.rectangular:
        unused.add("imgsz")  # only the size of a static model is accepted
    usable = (option for option in OPTIONS if option.name not in unused)
    return tuple(_within(option, served, settings) if option.name == "imgsz" else option for option in usable)


def _within(option: Option, served: Model, settings: Settings) -> Option:
    """Return the option with the largest square that the function accepts as its maximum."""
    stride = served.metadata.stride
    side = max(math.isqrt(settings.max_imgsz_pixels) // stride * stride, min(served.metadata.imgsz_hw))
    return option._replace(schema={**option.schema, "maximum": min(side, option.schema["maximum"])})


def schemas(settings: Settings, options: Sequence[Option], names: Mapping[int, str]) -> dict[str, Any]:
    """Return the schemas of the requests.

    Args:
        settings: which references to images are allowed, and the defaults of the options.
        options: of the model.
        names: of the classes; empty: they are not listed.
    """
    item = _image_properties(settings) | _options(settings, options, names)
    refs = [{"required": [name], "properties": {name: {"type": "string"}}} for name in _refs(settings)]
    images = {
        "type": ["array", "null"],
        "minItems": 1,
        "maxItems": settings.max_images,
        "items": reference("Image"),
        "description": "Several images, each with its own name and options. The response is a list too",
    }
    return {
        "Image": {"type": "object", "properties": item, "oneOf": refs},
        "Request": {
            "type": "object",
            "properties": item | {"images": images},
            "oneOf": [*refs, {"required": ["images"], "properties": {"images": {"type": "array"}}}],
            "examples": [{"image_data": GIF, "image_name": "a.gif"}],
        },
        "Form": {
            "type": "object",
            "properties": {
                "image": {**IMAGE_SCHEMA, "description": "A file; several files are several images"},
                "image_name": {"type": "string"},
                **{option.name: _in_form(option, names) for option in options},
            },
            "required": ["image"],
        },
    }


def operation(settings: Settings, options: Sequence[Option], names: Mapping[int, str]) -> dict[str, Any]:
    """Return the operation that predicts."""
    text = {"image_name": {"schema": {"type": "string"}, "description": "Returned in the response"}}
    described = {
        option.name: {"schema": _plain(option, names) | _default(option, settings), "description": _described(option)}
        for option in options
    }
    parameters = [
        {"name": name, "in": "query", **({"explode": False} if name == "classes" else {}), **fields}
        for name, fields in (text | described).items()
    ]
    lists = {name: {"style": "form", "explode": False} for name in described if name == "classes"}
    form = {"schema": reference("Form"), "encoding": lists}
    return {
        "operationId": "predict",
        "summary": "Predict the objects or the class of one image or several",
        "description": "The options are in the query, in the form or in the JSON object, which has priority.",
        "parameters": parameters,
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": reference("Request")},
                "multipart/form-data": form,
                **{name: {"schema": IMAGE_SCHEMA} for name in IMAGE_TYPES},
            },
        },
        "responses": {
            "200": _success(),
            **{str(status): error_reference(status) for status in ERRORS},
        },
    }


def _success() -> dict[str, Any]:
    """Return the response with results, or with the annotated image that the caller accepts in place of JSON."""
    results = json_response(
        {"anyOf": [reference("Result"), reference("Results")]},
        "The result of one image, or the results of several in their order. An image if Accept names one before JSON",
    )
    images = {name: {"schema": IMAGE_SCHEMA} for name in ANNOTATED_TYPES}
    return {**results, "content": results["content"] | images, "headers": {"X-Image-Reduced": REDUCED}}


def _refs(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the references to an image that the settings allow, and their schemas."""
    text = {"type": ["string", "null"]}
    refs = {"image_data": {**text, "minLength": 1, "contentEncoding": "base64", "description": "The image"}}
    if settings.allowed_url_hosts:
        hosts = ", ".join(settings.allowed_url_hosts)
        refs["url"] = {**text, "pattern": "^https://", "description": f"The image, on a host of {hosts}"}
    if settings.allowed_buckets or settings.upload_bucket:
        refs["s3"] = {**text, "pattern": "^s3://[^/]+/.+", "description": "The image: s3://bucket/key"}
    return refs


def _image_properties(settings: Settings) -> dict[str, Any]:
    return {**_refs(settings), "image_name": {"type": ["string", "null"], "description": "Returned in the response"}}


def _options(settings: Settings, options: Sequence[Option], names: Mapping[int, str]) -> dict[str, Any]:
    return {
        option.name: {
            "description": _described(option),
            **_default(option, settings),
            "anyOf": [_schema(option, names), *_other_forms(option, names), NOT_SET],
        }
        for option in options
    }


def _schema(option: Option, names: Mapping[int, str]) -> dict[str, Any]:
    """Return the JSON Schema of an option, with the classes of the model."""
    schema = dict(option.schema)
    if option.name == "classes":
        schema["items"] = _class(names, with_ids=True)
    return schema | ({"enum": list(schema["enum"])} if "enum" in schema else {})


def _other_forms(option: Option, names: Mapping[int, str]) -> list[dict[str, Any]]:
    """Return the other forms in which JSON can have an option: text in place of a number, one class."""
    kind = option.schema["type"]
    if option.name == "classes":
        return [{**_class(names, with_ids=True), "description": "One class"}]
    if option.name == "imgsz":
        pair = {"type": "array", "items": _schema(option, names), "minItems": 1, "maxItems": 2}
        return [{**pair, "description": "Height and width, or one number for both"}, *_text_forms(option)]
    if option.name == "tile":
        return [_tiles(option), {"const": False, "description": "No tiles"}, _tile_text()]
    if option.name == "conf":
        return [_by_class(names), {"type": "string", "pattern": FRACTION_TEXT, "description": "The number as text"}]
    if kind == "boolean":
        return [BOOLEAN_TEXT, {"enum": [1, 0]}]
    return _text_forms(option)


def _tiles(option: Option) -> dict[str, Any]:
    """Return the schema of an object with the tiles of an image."""
    overlap = {"type": ["number", "null"], "minimum": TILE_OVERLAPS[0], "maximum": TILE_OVERLAPS[1]}
    full = {"type": ["boolean", "null"], "description": "The whole image goes through the model too. Default: true"}
    return {
        "type": "object",
        "properties": {"size": dict(option.schema), "overlap": overlap, "full": full},
        "required": ["size"],
        "additionalProperties": False,
    }


def _tile_text() -> dict[str, Any]:
    return {"type": "string", "pattern": TILE_TEXT, "description": "The same as text; an object as JSON"}


def _by_class(names: Mapping[int, str]) -> dict[str, Any]:
    """Return the schema of an object with a threshold for each class."""
    known = {"propertyNames": {"enum": ["*", *dict.fromkeys(names.values())]}} if 0 < len(names) <= MAX_ENUM else {}
    fraction = {"type": "number", "minimum": 0, "maximum": 1}
    described = "A threshold for each class; * stands for all classes that are not named"
    return {"type": "object", "minProperties": 1, **known, "additionalProperties": fraction, "description": described}


def _text_forms(option: Option) -> list[dict[str, Any]]:
    """Return the form of a number as text; none for other types."""
    kind = option.schema["type"]
    if kind not in ("number", "integer"):
        return []
    pattern = FRACTION_TEXT if kind == "number" else f"^({_whole_numbers(option.schema['maximum'])})$"
    return [{"type": "string", "pattern": pattern, "description": "The number as text"}]


def _whole_numbers(largest: int) -> str:
    """Return a regular expression of the numbers from 1 on: `[1-9][0-9]{0,2}|[1-2][0-9]{3}|3000` for 3000."""
    digits = str(largest)
    forms = [f"[1-9][0-9]{{0,{len(digits) - 2}}}"] if len(digits) > 1 else []
    for place, digit in enumerate(digits):
        lowest = 0 if place else 1
        if int(digit) > lowest:
            rest = f"[0-9]{{{len(digits) - place - 1}}}"
            forms.append(f"{digits[:place]}[{lowest}-{int(digit) - 1}]{rest}")
    return "|".join([*forms, digits])


def _plain(option: Option, names: Mapping[int, str]) -> dict[str, Any]:
    """Return the schema of an option in a query or a form, where a list is text with commas between its items."""
    if option.schema["type"] == "boolean":
        return {"anyOf": [dict(option.schema), BOOLEAN_TEXT]}
    if option.name == "conf" and (pattern := _class_text(names)):
        text = {"type": "string", "pattern": pattern, "description": "Thresholds of classes: 0.25,gauge:0.6; or JSON"}
        return {"anyOf": [_schema(option, names), text]}
    if option.name == "tile":
        return {"anyOf": [_schema(option, names), _tile_text()]}
    if option.name == "region":
        return {"type": "string", "pattern": POLYGON_TEXT, "description": "JSON: [[x,y],...], or a list of these"}
    if option.name != "classes":
        return _schema(option, names)
    return {"type": "array", "items": _class(names, with_ids=False)}  # an empty one is text without an item: not set


def _class_text(names: Mapping[int, str]) -> str:
    """Return a regular expression of the threshold of one class as text, after that of all others; "" without names.

    It also allows an empty text, which means "not set".
    """
    plain = _plain_names(names) if 0 < len(names) <= MAX_ENUM else []
    return f"^(({FRACTION},)?({'|'.join(map(re.escape, plain))}):{FRACTION})?$" if plain else ""


def _plain_names(names: Mapping[int, str]) -> list[str]:
    """Return the class names that text with commas can have."""
    usable = (name for name in names.values() if name and name == name.strip() and not set(name) & set(",["))
    return list(dict.fromkeys(usable))


def _in_form(option: Option, names: Mapping[int, str]) -> dict[str, Any]:
    """Return the schema of an option in a form, where one class may stand alone, also as a number."""
    schema = _plain(option, names)
    if option.name != "classes":
        return schema
    return {"anyOf": [schema, schema["items"], {"type": "integer", "minimum": 0, "maximum": max(names, default=0)}]}


def _class(names: Mapping[int, str], with_ids: bool) -> dict[str, Any]:
    """Return the schema of one class: a name or an id; in a query only names that text with commas can have."""
    if not 0 < len(names) <= MAX_ENUM:
        return {"type": ["integer", "string"]}
    if with_ids:
        return {"enum": [*names, *dict.fromkeys(names.values())]}
    return {"type": "string", "enum": list(dict.fromkeys([*map(str, names), *_plain_names(names)]))}


def _default(option: Option, settings: Settings) -> dict[str, Any]:
    if option.name == "conf" and settings.class_conf:
        return {}  # not one number; the classes are only for callers with a key
    value = getattr(settings if option.name in SET_BY_OPERATOR else Options(), option.name)
    return {} if value is None else {"default": value}


def _described(option: Option) -> str:
    aliases = f". Also: {', '.join(option.aliases)}" if option.aliases else ""
    return f"{option.description}{aliases}"
