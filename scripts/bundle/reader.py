"""The second model of a build, packed beside the first one: a pose model that reads the dials which that one finds.

The options of the export do not apply to it, because they are chosen for the model that sees the whole image.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scripts.bundle import checkpoint, model, optimize
from scripts.bundle.model import ModelRejected

if TYPE_CHECKING:
    from export.model_info import ModelInfo
    from scripts.bundle.optimize import Optimized

OPTION = "--read-model"
WITHOUT_DETECTIONS = ("classify", "semantic", "depth")  # tasks


def load(weights: Path, scratch: Path, output: str = "", report: Path | None = None) -> Optimized:
    """Return the model that reads, exported if it is a .pt, and optimized as the first model is.

    Args:
        weights: a .pt or .onnx file.
        scratch: a folder; the files of this model are in a folder below it.
        output: as for `model.load`.
        report: as for `model.load`.

    Raises:
        ModelRejected: as for `model.load`, or not a pose model with the four points of a dial.
        EnvironmentFailed: the export environment could not be made.
    """
    _require_dial_of_checkpoint(weights)
    folder = scratch / "reader"
    folder.mkdir()
    info = model.load(weights, folder, (), output, report)
    _require_dial(info, weights)
    return optimize.optimize(info, folder)


def require_detector(first: ModelInfo) -> None:
    """Raise ModelRejected unless the first model finds objects, whose crops the second one reads."""
    if first.is_generic or first.task in WITHOUT_DETECTIONS:
        got = "a generic ONNX model" if first.is_generic else f"a {first.task} model"
        raise ModelRejected(f"{OPTION} must be used with a model that detects objects, got {got}")


def require_detector_file(weights: Path) -> None:
    """Do the same for a file as far as it is known without an export, which takes long.

    Raises:
        ModelRejected: as `require_detector`; or an .onnx cannot be served.
    """
    if weights.suffix == ".onnx":
        require_detector(model.read(weights))
    elif (task := checkpoint.read(weights).task) in WITHOUT_DETECTIONS:
        raise ModelRejected(f"{OPTION} must be used with a model that detects objects, got a {task} model")


def _require_dial_of_checkpoint(weights: Path) -> None:
    """Raise ModelRejected for a .pt that names another task or another number of points, before its export."""
    from function.readings import scale

    declared = checkpoint.read(weights) if weights.suffix == ".pt" else checkpoint.Declared()
    if declared.task is None or (declared.task == "pose" and declared.points in (None, len(scale.POINTS))):
        return
    got = f"{declared.task} with {declared.points} points" if declared.points else declared.task
    expected = f"a pose model with the points {', '.join(scale.POINTS)}"
    raise ModelRejected(f"{OPTION} {weights} must be {expected}, got {got}")


def _require_dial(info: ModelInfo, weights: Path) -> None:
    """Raise ModelRejected unless the function takes this model for readings."""
    from function.errors import UnusableModel  # imported here: `function` sets variables of libraries
    from function.readings import dial

    try:
        dial.require(info.loaded, f"{OPTION} {weights}")
    except UnusableModel as error:
        raise ModelRejected(str(error)) from error
