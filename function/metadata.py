"""The facts that a model's ONNX metadata states, and that it takes pictures at all; values there are `str(v)`.

It knows no array and no file: a session of onnxruntime is asked.
"""

import ast
from typing import Any, NamedTuple

from function.errors import UnusableModel

TASKS = ("detect", "segment", "pose", "obb", "classify")
DEFAULT_IMGSZ = (640, 640)  # px; of a dynamic model that does not say: the YOLOv5 repository writes stride and names
MAX_SIDE = 8192  # px; one run of a network at more takes tens of gigabytes
MIN_STRIDE = 32  # px; ultralytics 8.4.190 pads a picture for a .pt to this at least, nn/backends/pytorch.py

YOLO_KEYS = ("task", "names", "stride")  # of these, every export by ultralytics and YOLOv5's own has two at least


class ModelMetadata(NamedTuple):
    """What the file says of itself."""

    task: str
    names: dict[int, str]
    imgsz_hw: tuple[int, int]  # pixels
    stride: int  # pixels
    rectangular: bool  # any multiple of the stride is a valid side
    sha256: str
    end2end: bool = False  # its output is finished: no NMS follows
    kpt_shape: tuple[int, int] | None = None  # of poses: keypoints, and 2 or 3 numbers for each
    batch: int = 1  # pictures that one run takes, no fewer
    head: str = ""  # class of the last module, where it is said
    description: str = ""


def has_yolo_metadata(session: Any) -> bool:
    """Whether the metadata says that the model takes pictures; a part of it is enough to be told what is missing."""
    return any(key in session.get_modelmeta().custom_metadata_map for key in YOLO_KEYS)


def read(path: str, session: Any, sha256: str) -> ModelMetadata:
    """What a session's model says of itself.

    Args:
        path: where it is from, for messages.
        session: onnxruntime's.
        sha256: of the file.

    Raises:
        UnusableModel: something is missing, is not what it should be, or is not served here.
    """
    metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
    missing = [key for key in ("names", "stride") if key not in metadata]
    if missing:
        found = f"{path} has no {', '.join(missing)} in its metadata"
        raise UnusableModel(f"{found}; `python -m export best.pt` writes them")
    task = metadata.get("task", "detect")  # the YOLOv5 repository does not write it
    if task not in TASKS:
        raise UnusableModel(f"{path} is a {task!r} model; the tasks served are {', '.join(TASKS)}")
    fixed_hw = _fixed_sides(path, session.get_inputs())
    batch = session.get_inputs()[0].shape[0]
    return ModelMetadata(
        task=task,
        names=_names(path, metadata),
        imgsz_hw=fixed_hw or _imgsz(path, metadata),
        stride=max(_whole(path, metadata, "stride"), MIN_STRIDE),
        rectangular=fixed_hw is None,
        sha256=sha256,
        end2end=metadata.get("end2end") == "True" or _nms_inside(path, metadata),
        kpt_shape=_kpt_shape(path, metadata) if task == "pose" else None,
        batch=batch if isinstance(batch, int) else 1,
        head=metadata.get("head", ""),
        description=metadata.get("description", ""),
    )


def _names(path: str, metadata: dict[str, str]) -> dict[int, str]:
    found = _literal(path, metadata, "names")
    names = dict(enumerate(found)) if isinstance(found, list) else found
    if not isinstance(names, dict) or not names or sorted(map(str, names)) != sorted(map(str, range(len(names)))):
        raise UnusableModel(f"{path} says names is {metadata['names']:.200}; wanted a name for every id from 0 on")
    return {int(class_id): str(name) for class_id, name in names.items()}


def _nms_inside(path: str, metadata: dict[str, str]) -> bool:
    """Whether it was exported with nms=True."""
    arguments = _literal(path, metadata, "args") if "args" in metadata else {}
    return isinstance(arguments, dict) and arguments.get("nms") is True


def _kpt_shape(path: str, metadata: dict[str, str]) -> tuple[int, int]:
    found = _literal(path, metadata, "kpt_shape") if "kpt_shape" in metadata else None
    if isinstance(found, list | tuple) and len(found) == 2:
        count, numbers = found
        if isinstance(count, int) and count > 0 and numbers in (2, 3):
            return count, numbers
    raise UnusableModel(f"{path} says kpt_shape is {found!r:.200}; wanted [keypoints, 2 or 3]")


def _imgsz(path: str, metadata: dict[str, str]) -> tuple[int, int]:
    if "imgsz" not in metadata:
        return DEFAULT_IMGSZ
    found = _literal(path, metadata, "imgsz")
    sides = [found, found] if isinstance(found, int) else found
    if isinstance(sides, list | tuple) and len(sides) == 2:
        height, width = sides
        if (
            isinstance(height, int)
            and isinstance(width, int)
            and 0 < min(height, width) <= max(height, width) <= MAX_SIDE
        ):
            return height, width
    found = f"{path} says imgsz is {metadata['imgsz']!r:.200}"
    raise UnusableModel(f"{found}; wanted [height, width] in pixels, {MAX_SIDE} at most")


def _whole(path: str, metadata: dict[str, str], key: str) -> int:
    found = _literal(path, metadata, key)
    if not isinstance(found, int | float) or not 1 <= found <= MAX_SIDE or found != int(found):
        raise UnusableModel(f"{path} says {key} is {metadata[key]!r:.200}; wanted a whole number from 1 to {MAX_SIDE}")
    return int(found)


def _fixed_sides(path: str, inputs: list[Any]) -> tuple[int, int] | None:
    """(height, width) of a static model, None of a dynamic one."""
    found = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
    shape = inputs[0].shape
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(shape) != 4 or shape[1] != 3:
        raise UnusableModel(f"{path} takes {found}; wanted one float32 input (batch, 3, height, width)")
    fixed = [side for side in shape[2:] if isinstance(side, int)]
    if len(fixed) == 1:
        raise UnusableModel(f"{path} takes {found}; wanted both sides fixed or both dynamic")
    return (fixed[0], fixed[1]) if fixed else None


def _literal(path: str, metadata: dict[str, str], key: str) -> Any:
    try:
        return ast.literal_eval(metadata[key])
    except (ValueError, SyntaxError) as error:
        raise UnusableModel(f"{path} says {key} is {metadata[key]!r:.200}; wanted a Python literal") from error
