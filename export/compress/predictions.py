"""Predictions of the function on images: its own preprocessing, decoders and NMS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from export.errors import UsageError
from export.model_info import ModelInfo
from function import predictor
from function.errors import FunctionError
from function.model import Model
from function.request import Options
from function.results import Classification
from function.settings import Settings

Array = np.ndarray[Any, Any]

WHOLE_IMAGE = (0.0, 0.0, 1.0, 1.0)  # the box of a class


class Predictions(NamedTuple):
    """Predictions in one image, best first."""

    boxes_xyxy: Array  # (N, 4), pixels of the image
    scores: Array  # (N,), 0..1
    class_ids: Array  # (N,)
    boxes_cxcywhr: Array | None  # (N, 5), of oriented boxes; pixels and radians
    keypoints: Array | None  # (N, K, 2), of poses; pixels
    masks: list[list[int]] | None  # N run lengths


class _RecordingSession:
    """A session that keeps the last input tensor."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.tensor: Array = np.zeros(0)

    def get_inputs(self) -> Any:
        return self.session.get_inputs()

    def run(self, names: Any, feed: dict[str, Array], options: Any) -> Any:
        (self.tensor,) = feed.values()
        return self.session.run(names, feed, options)


def require_image_model(info: ModelInfo) -> Model:
    """Return the loaded model.

    Raises:
        UsageError: it is a generic ONNX model, which the function does not run on images.
    """
    if not isinstance(info.loaded, Model):
        raise UsageError(f"{info.path} must have YOLO metadata to be compressed, got a generic ONNX model")
    return info.loaded


def predict(loaded: Model, paths: list[Path], conf: float) -> list[Predictions]:
    """Return the predictions for each image.

    Args:
        loaded: from `require_image_model`.
        paths: encoded images.
        conf: scores must be above this, 0..1.

    Raises:
        UsageError: a file that the function does not read as an image.
    """
    return [_to_predictions(_predict(loaded, path, conf)) for path in paths]


def tensors(loaded: Model, paths: list[Path]) -> Iterator[Array]:
    """Yield the input of the network for each image, (B, 3, H, W) float32; a larger batch is the same image B times.

    Raises:
        UsageError: a file that the function does not read as an image.
    """
    recorder = _RecordingSession(loaded.session)
    for path in paths:
        _predict(loaded._replace(session=recorder), path, 1.0)
        yield np.repeat(recorder.tensor[:1], len(recorder.tensor), axis=0)


def _predict(loaded: Model, path: Path, conf: float) -> Any:
    options = Options(conf=conf, masks="rle")
    try:
        return predictor.predict(loaded, Settings.from_env({}), path.read_bytes(), options)
    except FunctionError as error:
        raise UsageError(f"{path}: {error}") from error


def _to_predictions(result: Any) -> Predictions:
    if isinstance(result, Classification):
        return Predictions(np.array([WHOLE_IMAGE]), result.scores[:1], result.class_ids[:1], None, None, None)
    masks = result.masks.run_lengths if result.masks else None
    keypoints = None if result.keypoints is None else result.keypoints[..., :2]
    return Predictions(result.boxes_xyxy, result.scores, result.class_ids, result.boxes_cxcywhr, keypoints, masks)
