"""Results of the predictor and of generic ONNX models, before they become JSON."""

from typing import Any, NamedTuple

from function.arrays import Floats, Ints
from function.errors import FunctionError
from function.metadata import ModelMetadata
from function.postprocess.segment import Masks


class Timing(NamedTuple):
    """Milliseconds by step."""

    read: float
    preprocess: float
    inference: float
    postprocess: float


class Prediction(NamedTuple):
    """What was found in one picture, best first."""

    image_name: str | None
    size_wh: tuple[int, int]  # pixels of the upright picture
    boxes_xyxy: Floats  # (K, 4), pixels of the upright picture
    scores: Floats  # (K,), 0..1
    class_ids: Ints  # (K,)
    metadata: ModelMetadata
    timing: Timing
    masks: Masks | None = None  # of K instances
    keypoints: Floats | None = None  # (K, P, 2 or 3), pixels of the upright picture, confidence
    boxes_cxcywhr: Floats | None = None  # (K, 5), pixels of the upright picture, radians


class Classification(NamedTuple):
    """What a whole picture is, best first."""

    image_name: str | None
    size_wh: tuple[int, int]  # pixels of the upright picture
    scores: Floats  # (K,), 0..1
    class_ids: Ints  # (K,)
    metadata: ModelMetadata
    timing: Timing


UNTIMED = Timing(0, 0, 0, 0)


class InferenceTiming(NamedTuple):
    """Milliseconds by step."""

    read: float
    inference: float
    answer: float


class Inference(NamedTuple):
    """One answer, as the Open Inference Protocol has it."""

    body: dict[str, Any]  # JSON-ready
    timing: InferenceTiming


Result = Prediction | Classification | FunctionError
