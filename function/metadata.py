"""Ultralytics metadata in an ONNX file; each value is stored as `str(value)`.

This module reads from an onnxruntime session. It opens no file and handles no array.
"""

import ast
from typing import Any, NamedTuple

from function.errors import UnusableModel

TASKS = ("detect", "segment", "pose", "obb", "classify")
DEFAULT_IMGSZ = (640, 640)  # px; for a dynamic model without imgsz: the YOLOv5 repository writes only stride and names
MAX_SIDE = 8192  # px; one run with a larger input needs tens of gigabytes
MIN_STRIDE = 32  # px; the least to which ultralytics 8.4.190 pads an image for a .pt, nn/backends/pytorch.py

YOLO_KEYS = ("task", "names", "stride")  # every export of ultralytics and of the YOLOv5 repository has at least two


class ModelMetadata(NamedTuple):
    """Properties of a YOLO model, as its file states them."""

    task: str
    names: dict[int, str]
    imgsz_hw: tuple[int, int]  # pixels
    stride: int  # pixels
    rectangular: bool  # any multiple of the stride is a valid side
    sha256: str
    end2end: bool = False  # the output needs no NMS
    kpt_shape: tuple[int, int] | None = None  # pose only: number of keypoints, 2 or 3 numbers for each
    batch: int = 1  # images of one run, exactly
    head: str = ""  # class name of the last module; "" if the file does not state it
    description: str = ""


def has_yolo_metadata(session: Any) -> bool:
    """Return whether the metadata has any YOLO key, so that an incomplete model gets an error that names the rest."""
    return any(key in session.get_modelmeta().custom_metadata_map for key in YOLO_KEYS)


def read(path: str, session: Any, sha256: str) -> ModelMetadata:
    """Return the metadata of a session's model.

    Args:
        path: origin of the model, for messages.
        session: an onnxruntime session.
        sha256: checksum of the file.

    Raises:
        UnusableModel: an entry is missing, is invalid, or describes a model that is not supported.
    """
    entries: dict[str, str] = session.get_modelmeta().custom_metadata_map
    missing = [key for key in ("names", "stride") if key not in entries]
    if missing:
        raise UnusableModel(
            f"{path} has no {', '.join(missing)} in its metadata; `python -m export best.pt` writes them"
        )
    task = entries.get("task", "detect")  # the YOLOv5 repository does not write it
    if task not in TASKS:
        raise UnusableModel(f"{path}: task must be one of {', '.join(TASKS)}, got {task!r}")
    fixed_hw = _fixed_sides(path, session.get_inputs())
    batch = session.get_inputs()[0].shape[0]
    return ModelMetadata(
        task=task,
        names=_names(path, entries),
        imgsz_hw=fixed_hw or _imgsz(path, entries),
        stride=max(_whole_number(path, entries, "stride"), MIN_STRIDE),
        rectangular=fixed_hw is None,
        sha256=sha256,
        end2end=entries.get("end2end") == "True" or _has_embedded_nms(path, entries),
        kpt_shape=_kpt_shape(path, entries) if task == "pose" else None,
        batch=batch if isinstance(batch, int) else 1,
        head=entries.get("head", ""),
        description=entries.get("description", ""),
    )


def _names(path: str, entries: dict[str, str]) -> dict[int, str]:
    value = _literal(path, entries, "names")
    names = dict(enumerate(value)) if isinstance(value, list) else value
    if not isinstance(names, dict) or not names or sorted(map(str, names)) != sorted(map(str, range(len(names)))):
        raise UnusableModel(f"{path}: names must be a name for every class id from 0, got {entries['names']:.200}")
    return {int(class_id): str(name) for class_id, name in names.items()}


def _has_embedded_nms(path: str, entries: dict[str, str]) -> bool:
    """Return whether the model was exported with nms=True."""
    arguments = _literal(path, entries, "args") if "args" in entries else {}
    return isinstance(arguments, dict) and arguments.get("nms") is True


def _kpt_shape(path: str, entries: dict[str, str]) -> tuple[int, int]:
    value = _literal(path, entries, "kpt_shape") if "kpt_shape" in entries else None
    if isinstance(value, list | tuple) and len(value) == 2:
        count, numbers = value
        if isinstance(count, int) and count > 0 and numbers in (2, 3):
            return count, numbers
    raise UnusableModel(f"{path}: kpt_shape must be [keypoints, 2 or 3], got {value!r:.200}")


def _imgsz(path: str, entries: dict[str, str]) -> tuple[int, int]:
    if "imgsz" not in entries:
        return DEFAULT_IMGSZ
    value = _literal(path, entries, "imgsz")
    sides = [value, value] if isinstance(value, int) else value
    if isinstance(sides, list | tuple) and len(sides) == 2:
        height, width = sides
        if (
            isinstance(height, int)
            and isinstance(width, int)
            and 0 < min(height, width) <= max(height, width) <= MAX_SIDE
        ):
            return height, width
    raise UnusableModel(
        f"{path}: imgsz must be [height, width] in pixels, each at most {MAX_SIDE}, got {entries['imgsz']!r:.200}"
    )


def _whole_number(path: str, entries: dict[str, str], key: str) -> int:
    value = _literal(path, entries, key)
    if not isinstance(value, int | float) or not 1 <= value <= MAX_SIDE or value != int(value):
        raise UnusableModel(f"{path}: {key} must be a whole number from 1 to {MAX_SIDE}, got {entries[key]!r:.200}")
    return int(value)


def _fixed_sides(path: str, inputs: list[Any]) -> tuple[int, int] | None:
    """Return (height, width) of a static model, None for a dynamic one."""
    declared = ", ".join(f"{tensor.name} {tensor.type} {tensor.shape}" for tensor in inputs)
    shape = inputs[0].shape
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(shape) != 4 or shape[1] != 3:
        raise UnusableModel(f"{path}: the input must be one float32 tensor (batch, 3, height, width), got {declared}")
    fixed = [side for side in shape[2:] if isinstance(side, int)]
    if len(fixed) == 1:
        raise UnusableModel(f"{path}: height and width must be both fixed or both dynamic, got {declared}")
    return (fixed[0], fixed[1]) if fixed else None


def _literal(path: str, entries: dict[str, str], key: str) -> Any:
    try:
        return ast.literal_eval(entries[key])
    except (ValueError, SyntaxError) as error:
        raise UnusableModel(f"{path}: {key} must be a Python literal, got {entries[key]!r:.200}") from error
