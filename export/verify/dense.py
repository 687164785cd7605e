"""Verification of models whose output is a map: semantic segmentation and depth.

The raw outputs of torch and onnxruntime are compared with torch's own rounding, as for other models; then the maps of
image files with those of `yolo predict`.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from export import console
from export.checkpoint import Checkpoint
from export.convert import Shape
from export.errors import VerificationError
from export.verify.inputs import model_inputs
from export.verify.raw_outputs import Array
from export.verify.runners import OnnxRunner, TorchRunner
from function import predictor
from function.model import Model
from function.request import Options
from function.results import Depth, Semantic
from function.settings import Settings

MAX_RATIO = 20.0  # of the difference to torch's own rounding, as for the other tasks
TOLERANCE = 1e-4  # of logits, and of a distance in relation to the largest one; smaller differences never count
MAX_OTHER_PIXELS = 0.001  # of a class map, as a share
MAX_DEPTH_DIFFERENCE = 0.001  # of a distance, relative
PREDICT = {"device": "cpu", "save": False, "verbose": False}


class MapComparison(NamedTuple):
    """The difference of two maps of one image."""

    name: str
    difference: float
    limit: float
    rounding: float = 0.0  # of torch in single from double precision

    @property
    def is_ok(self) -> bool:
        """True if the difference is within the limit; False for NaN."""
        return self.difference <= self.limit

    def as_json(self) -> dict[str, Any]:
        """Return the values that JSON can hold, for the file of `--json`."""
        return {**self._asdict(), "is_ok": self.is_ok}


def verify_outputs(checkpoint: Checkpoint, session: Any, shape: Shape) -> list[dict[str, Any]]:
    """Compare the raw outputs of torch and onnxruntime for every image, and print the table.

    Raises:
        VerificationError: an image is outside of the tolerance.
    """
    torch_runner, onnx_runner = TorchRunner(checkpoint, False), OnnxRunner(session, shape)
    comparisons = []
    for number, image in enumerate(model_inputs(shape, checkpoint), start=1):
        console.detail(image.name)
        single, double = (_enlarged(outputs.first, checkpoint, image.tensor) for outputs in torch_runner(image.tensor))
        actual = onnx_runner(image.tensor, number).first
        unit = max(1.0, float(np.abs(double).max())) if checkpoint.yolo.task == "depth" else 1.0
        rounding, difference = (float(np.abs(other - single).max()) / unit for other in (double, actual))
        comparisons.append(MapComparison(image.name, difference, max(MAX_RATIO * rounding, TOLERANCE), rounding))
    report = _report(comparisons, "the ONNX model differs from", checkpoint)
    console.verdict(f"verified on {len(comparisons)} images: same outputs")
    return report


def _enlarged(output: Array, checkpoint: Checkpoint, tensor: Array) -> Array:
    """Return the output of torch at the size at which it is exported: (C, H, W)."""
    if checkpoint.yolo.task == "semantic":
        return output
    import torch
    from torch.nn.functional import interpolate

    plane = torch.from_numpy(output[None])
    return np.asarray(interpolate(plane, tensor.shape[2:], mode="bilinear", align_corners=True)[0].numpy())


def verify_files(checkpoint: Checkpoint, loaded: Model, shape: Shape, paths: list[Path]) -> list[dict[str, Any]]:
    """Compare the maps of image files with those of `yolo predict`, and print the table.

    Raises:
        VerificationError: a map is outside of the tolerance.
    """
    comparisons = compare_files(checkpoint, loaded, shape, paths)
    report = _report(comparisons, "the function's results differ from those of predict with", checkpoint)
    console.verdict(f"the function's results are those of `yolo predict` for {len(paths)} image files")
    return report


def compare_files(checkpoint: Checkpoint, loaded: Model, shape: Shape, paths: list[Path]) -> list[MapComparison]:
    """Return the differences of the maps of image files from those of `yolo predict`."""
    from ultralytics import YOLO

    yolo = YOLO(str(checkpoint.copy), verbose=False)
    settings, comparisons = Settings.from_env({}), []
    for path in paths:
        (expected,) = yolo.predict(str(path), imgsz=[shape.height, shape.width], rect=not shape.static, **PREDICT)
        actual = predictor.predict(loaded, settings, path.read_bytes(), Options())
        comparisons.append(MapComparison(path.name, *difference(expected, actual)))
    return comparisons


def difference(expected: Any, actual: Any) -> tuple[float, float]:
    """Return the difference of a map from that of `predict`, and its limit.

    Args:
        expected: the result of ultralytics.
        actual: of the function: Semantic or Depth.

    Raises:
        TypeError: the result of the function is no map.
    """
    if isinstance(actual, Semantic):
        return float((expected.semantic_mask.data.numpy() != actual.ids).mean()), MAX_OTHER_PIXELS
    if not isinstance(actual, Depth):
        raise TypeError(f"the result must be a map, got {type(actual).__name__}")
    distances = actual.depth.steps * actual.depth.scale + actual.depth.offset
    depth = expected.depth.data.numpy()
    rounding = actual.depth.scale / 2 / float(depth.min())  # to 16 bits
    return float((np.abs(distances - depth) / depth).max()), max(MAX_DEPTH_DIFFERENCE, 1.1 * rounding)


def _report(comparisons: list[MapComparison], failure: str, checkpoint: Checkpoint) -> list[dict[str, Any]]:
    rows = [
        ("image", "difference", "limit", ""),
        *(
            (one.name, f"{one.difference:.1e}", f"{one.limit:.1e}", "ok" if one.is_ok else "DIFFERS")
            for one in comparisons
        ),
    ]
    report = [comparison.as_json() for comparison in comparisons]
    failed = [comparison.name for comparison in comparisons if not comparison.is_ok]
    if failed:
        console.table(rows)
        raise VerificationError(
            f"{failure} {checkpoint.path} ({', '.join(failed)}); nothing was written", {"images": report}
        )
    console.detail_table(rows)
    return report
