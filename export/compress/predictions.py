"""What the function finds when it is asked about pictures: its own pixels, its own decoders, its own NMS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from export.errors import UsageError
from function import model, predictor
from function.errors import FunctionError
from function.model import Model
from function.request import Options, Request
from function.results import Classification
from function.settings import Settings

Array = np.ndarray[Any, Any]

WHOLE = (0.0, 0.0, 1.0, 1.0)  # the box of a class: all of the picture


class Predictions(NamedTuple):
    """In one picture, best first."""

    boxes_xyxy: Array  # (N, 4), pixels of the picture
    scores: Array  # (N,), 0..1
    class_ids: Array  # (N,)
    turned: Array | None  # (N, 5), of oriented boxes: cx, cy, w, h, radians
    points: Array | None  # (N, P, 2), of poses
    masks: list[list[int]] | None  # N run lengths


class _RecordingSession:
    """A session that keeps the last tensor it was given."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.tensor: Array = np.zeros(0)

    def get_inputs(self) -> Any:
        return self.session.get_inputs()

    def run(self, names: Any, feed: dict[str, Array]) -> Any:
        (self.tensor,) = feed.values()
        return self.session.run(names, feed)


def load(name: str, content: bytes) -> Model:
    """The function's model, on one thread.

    Raises:
        UsageError: a model that the function asks for tensors and not about pictures.
    """
    served = model.load_bytes(name, content, threads=1)
    if not isinstance(served, Model):
        raise UsageError(
            f"{name} is served as tensors; only of a model that sees pictures can a smaller file be judged"
        )
    return served


def find(served: Model, paths: list[Path], conf: float) -> list[Predictions]:
    """What is in pictures.

    Args:
        served: from `load`.
        paths: encoded pictures.
        conf: scores must be above this, 0..1.

    Raises:
        UsageError: a file that the function does not read as a picture.
    """
    return [_found(_ask(served, path, conf)) for path in paths]


def tensors(served: Model, paths: list[Path]) -> Iterator[Array]:
    """What the network is given for each picture, (B, 3, H, W) float32; a larger batch is the same picture B times.

    Raises:
        UsageError: a file that the function does not read as a picture.
    """
    watched = _RecordingSession(served.session)
    for path in paths:
        _ask(served._replace(session=watched), path, 1.0)
        yield np.repeat(watched.tensor[:1], len(watched.tensor), axis=0)


def _ask(served: Model, path: Path, conf: float) -> Any:
    request = Request(path.read_bytes(), path.name, Options(conf=conf, masks="rle"))
    try:
        return predictor.predict(served, Settings.from_env({}), request)
    except FunctionError as error:
        raise UsageError(f"{path}: {error}") from error


def _found(result: Any) -> Predictions:
    if isinstance(result, Classification):
        return Predictions(np.array([WHOLE]), result.scores[:1], result.class_ids[:1], None, None, None)
    masks = result.masks.run_lengths if result.masks else None
    points = None if result.keypoints is None else result.keypoints[..., :2]
    return Predictions(result.boxes_xyxy, result.scores, result.class_ids, result.boxes_cxcywhr, points, masks)
