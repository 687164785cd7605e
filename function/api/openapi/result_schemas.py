"""OpenAPI: results of a YOLO model of one task."""

from collections.abc import Mapping
from typing import Any

from function.api.openapi.endpoints import IGNORED, TEXT, VERSIONS, reference
from function.metadata import DENSE_TASKS, RGB_CHANNELS, ModelMetadata
from function.settings import Settings

NUMBER: dict[str, Any] = {"type": "number"}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
SIDE: dict[str, Any] = {"type": "integer", "minimum": 1}
FRACTION: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
MAX_ENUM = 1000  # class names that are listed
STEPS = ("read", "preprocess", "inference", "postprocess")


def objects(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object with these fields, all of them required."""
    return {"type": "object", "required": list(properties), "properties": properties}


def numbers(*names: str) -> dict[str, Any]:
    """Return the schema of an object of numbers."""
    return objects(**dict.fromkeys(names, NUMBER))


def schemas(
    metadata: ModelMetadata,
    settings: Settings,
    names: Mapping[int, str],
    with_names: bool,
    reader: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the schemas of the model, of a result and of a list of results.

    Args:
        metadata: of the model.
        settings: whether a second model reads the detections.
        names: of the classes; empty: they are not listed.
        with_names: False for a caller that may not read the class names.
        reader: `model` and `sha256` of the pose model that reads the detections; None: none.
    """
    checksum = {"const": metadata.sha256} if with_names else TEXT
    imgsz = {"const": list(metadata.imgsz_hw), "description": "Height and width of the model input in pixels"}
    sides = {"type": "array", "items": SIDE, "minItems": 2, "maxItems": 2, "description": imgsz["description"]}
    has_detections = metadata.task not in ("classify", *DENSE_TASKS)
    fields = _fields(metadata, names)
    result = objects(
        image_name={"type": ["string", "null"], "description": "From the request"},
        image_dimensions={**objects(width=SIDE, height=SIDE), "description": "Pixels of the upright image"},
        **fields,
        model=objects(
            task={"const": metadata.task},
            sha256=checksum,
            imgsz=sides if metadata.rectangular else imgsz,
            **_channels(metadata),
        ),
        timing_ms={**numbers(*STEPS), "description": "Milliseconds"},
    )
    result["properties"] |= {
        "annotated_image": _annotated_image(),
        "ignored": IGNORED,
    }
    if has_detections:
        result["properties"]["regions"] = _regions()
        result["properties"]["tiles"] = {**SIDE, "description": "Only with tile: runs of the model"}
    if settings.reading and has_detections:
        result["properties"]["message"] = {"type": "string", "description": "The texts of all readings"}
    rows = {"anyOf": [reference("Result"), reference("Error")]}
    return {
        "Model": _model(metadata, checksum, imgsz, _reader(reader, with_names)),
        "Result": result,
        "Results": objects(results={"type": "array", "items": rows}),
        **({} if not has_detections else {"Detection": _detection(metadata, settings, names)}),
    }


def _fields(metadata: ModelMetadata, names: Mapping[int, str]) -> dict[str, Any]:
    """Return the fields that the results of a task have."""
    if metadata.task in DENSE_TASKS:
        from function.api.openapi import map_schemas  # imported here, because other models do not need it

        return map_schemas.fields(metadata, names)
    return _classification(metadata, names) if metadata.task == "classify" else _detections()


def _reader(reader: Mapping[str, str] | None, with_names: bool) -> dict[str, Any]:
    """Return the field that names the pose model of the readings, if there is one."""
    if reader is None:
        return {}
    fields = {name: {"const": value} if with_names else TEXT for name, value in reader.items()}
    return {"reader": {**objects(**fields), "description": "The model that reads the detections"}}


def _model(
    metadata: ModelMetadata, checksum: dict[str, Any], imgsz: dict[str, Any], reader: dict[str, Any]
) -> dict[str, Any]:
    shape = {"kpt_shape": {"type": "array", "items": SIDE}} if metadata.kpt_shape else {}
    names = {"type": "array", "items": TEXT, "description": "Of the classes, by id"}
    task = {"const": metadata.task}
    shape = _channels(metadata) | shape
    return objects(task=task, names=names, imgsz=imgsz, **shape, sha256=checksum, **reader, versions=VERSIONS)


def _channels(metadata: ModelMetadata) -> dict[str, Any]:
    """Return the schema of the channels, for a model that takes no RGB images."""
    if metadata.channels == RGB_CHANNELS:
        return {}
    return {"channels": {"const": metadata.channels, "description": "1: gray images; else the bands of an image"}}


def _class(metadata: ModelMetadata, names: Mapping[int, str], field: str) -> dict[str, Any]:
    listed = {"enum": list(dict.fromkeys(names.values()))} if 0 < len(names) <= MAX_ENUM else TEXT
    identifier = COUNT | {"maximum": len(metadata.names) - 1}
    return {field: listed, "class_id": identifier, "confidence": FRACTION}


def _classification(metadata: ModelMetadata, names: Mapping[int, str]) -> dict[str, Any]:
    fields = _class(metadata, names, "class")
    top = {"type": "array", "minItems": 1, "items": objects(**fields), "description": "The best classes, best first"}
    return {**fields, "top": top}


def _detections() -> dict[str, Any]:
    rows = {"type": "array", "items": reference("Detection"), "description": "Best first"}
    return {"detections": rows, "detection_count": COUNT}


def _regions() -> dict[str, Any]:
    description = "Only with region: the detections inside of each polygon"
    return {"type": "array", "minItems": 1, "items": objects(count=COUNT), "description": description}


def _annotated_image() -> dict[str, Any]:
    image = objects(content_type=TEXT, width=SIDE, height=SIDE, data={"type": "string", "contentEncoding": "base64"})
    reduced = {"type": "object", "properties": {"quality": NUMBER, "scale": NUMBER}}
    image["properties"]["reduced"] = {**reduced, "description": "What was lowered to fit into the response"}
    failed = objects(error=TEXT, type=TEXT)
    return {"anyOf": [image, failed], "description": "Only with annotate: the image, or why there is none"}


def _reading() -> dict[str, Any]:
    read = objects(text=TEXT, model=TEXT, latency_ms=NUMBER)
    return {"anyOf": [read, objects(error=TEXT, type=TEXT)], "description": "Of the second model, or its error"}


def _detection(metadata: ModelMetadata, settings: Settings, names: Mapping[int, str]) -> dict[str, Any]:
    box = {**numbers("x_min", "y_min", "x_max", "y_max"), "description": "Pixels of the upright image"}
    normalized = {
        **numbers("x_center", "y_center", "width", "height"),
        "description": "Divided by the width and the height of the image",
    }
    detection = objects(**_class(metadata, names, "class_name"), box_2d=box, normalized_box=normalized)
    extra, required = _task_fields(metadata)
    if settings.reading:
        extra["reading"] = _reading()
    return {**detection, "required": detection["required"] + required, "properties": detection["properties"] | extra}


def _task_fields(metadata: ModelMetadata) -> tuple[dict[str, Any], list[str]]:
    """Return the fields that a task adds to each detection, and which of them are always there."""
    point = numbers("x", "y")
    if metadata.task == "segment":
        pair = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
        polygons = {"type": "array", "items": {"type": "array", "items": pair}, "description": "Not with masks=none"}
        size = {"type": "array", "items": SIDE, "minItems": 2, "maxItems": 2, "description": "Height and width"}
        mask = objects(size=size, counts=TEXT) | {"description": "COCO run lengths, only with masks=rle"}
        return {"segments": polygons, "mask": mask}, []
    if metadata.kpt_shape:
        count, values = metadata.kpt_shape
        keypoint = objects(x=NUMBER, y=NUMBER, confidence=FRACTION) if values > len(("x", "y")) else point
        return {"keypoints": {"type": "array", "items": keypoint, "minItems": count, "maxItems": count}}, ["keypoints"]
    if metadata.task == "obb":
        rotated = numbers("x_center", "y_center", "width", "height", "rotation")
        rotated |= {"description": "Pixels of the upright image; rotation in radians, clockwise"}
        corners = {"type": "array", "items": point, "minItems": 4, "maxItems": 4}
        return {"rotated_box": rotated, "corners": corners}, ["rotated_box", "corners"]
    return {}, []
