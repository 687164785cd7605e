"""The facts that a model's ONNX metadata states, and that it takes pictures at all; values there are `str(v)`.

It knows no array and no file: a session of onnxruntime is asked.
"""

import ast
from typing import Any, NamedTuple

from function.errors import UnusableModel
from function.tasks import detect

TASKS = ("detect",)
MIN_STRIDE = 32  # px; ultralytics 8.4.190 pads a picture for a .pt to this at least, nn/backends/pytorch.py


class Facts(NamedTuple):
    """What the file says of itself."""

    task: str
    names: dict[int, str]
    imgsz_hw: tuple[int, int]  # pixels
    stride: int  # pixels
    rectangular: bool  # any multiple of the stride is a valid side
    sha256: str


def read(path: str, session: Any, sha256: str) -> Facts:
    """What a session's model says of itself.

    Args:
        path: where it is from, for messages.
        session: onnxruntime's.
        sha256: of the file.

    Raises:
        UnusableModel: something is missing, is not what it should be, or is not served here.
    """
    metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
    missing = [key for key in ("task", "names", "stride", "imgsz") if key not in metadata]
    if missing:
        found = f"{path} has no {', '.join(missing)} in its metadata"
        raise UnusableModel(f"{found}; `python -m export best.pt` writes them")
    if metadata["task"] not in TASKS:
        raise UnusableModel(f"{path} is a {metadata['task']!r} model; the tasks served are {', '.join(TASKS)}")
    if metadata.get("end2end") == "True":
        shapes = ", ".join(str(tuple(output.shape)) for output in session.get_outputs())
        raise UnusableModel(f"{path} is an end-to-end model with output {shapes}; served is {detect.LAYOUT}")
    fixed_hw = _fixed_sides(path, session.get_inputs())
    return Facts(
        task=metadata["task"],
        names=_names(path, metadata),
        imgsz_hw=fixed_hw or _imgsz(path, metadata),
        stride=max(_whole(path, metadata, "stride"), MIN_STRIDE),
        rectangular=fixed_hw is None,
        sha256=sha256,
    )


def _names(path: str, metadata: dict[str, str]) -> dict[int, str]:
    found = _literal(path, metadata, "names")
    names = dict(enumerate(found)) if isinstance(found, list) else found
    if not isinstance(names, dict) or not names or sorted(map(str, names)) != sorted(map(str, range(len(names)))):
        raise UnusableModel(f"{path} says names is {metadata['names']:.200}; wanted a name for every id from 0 on")
    return {int(class_id): str(name) for class_id, name in names.items()}


def _imgsz(path: str, metadata: dict[str, str]) -> tuple[int, int]:
    found = _literal(path, metadata, "imgsz")
    sides = [found, found] if isinstance(found, int) else found
    if isinstance(sides, list | tuple) and len(sides) == 2:
        height, width = sides
        if isinstance(height, int) and isinstance(width, int) and min(height, width) > 0:
            return height, width
    raise UnusableModel(f"{path} says imgsz is {metadata['imgsz']!r:.200}; wanted [height, width] in pixels")


def _whole(path: str, metadata: dict[str, str], key: str) -> int:
    found = _literal(path, metadata, key)
    if not isinstance(found, int | float) or found < 1 or found != int(found):
        raise UnusableModel(f"{path} says {key} is {metadata[key]!r:.200}; wanted a whole number above 0")
    return int(found)


def _fixed_sides(path: str, inputs: list[Any]) -> tuple[int, int] | None:
    """(height, width) of a static model, None of a dynamic one."""
    found = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
    shape = inputs[0].shape
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(shape) != 4 or shape[1] != 3:
        raise UnusableModel(f"{path} takes {found}; wanted one float32 input (1, 3, height, width)")
    if isinstance(shape[0], int) and shape[0] != 1:
        raise UnusableModel(f"{path} takes {found}; wanted a batch of 1 or a dynamic one")
    fixed = [side for side in shape[2:] if isinstance(side, int)]
    if len(fixed) == 1:
        raise UnusableModel(f"{path} takes {found}; wanted both sides fixed or both dynamic")
    return (fixed[0], fixed[1]) if fixed else None


def _literal(path: str, metadata: dict[str, str], key: str) -> Any:
    try:
        return ast.literal_eval(metadata[key])
    except (ValueError, SyntaxError) as error:
        raise UnusableModel(f"{path} says {key} is {metadata[key]!r:.200}; wanted a Python literal") from error
