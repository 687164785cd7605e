"""Results of the predictor and of generic ONNX models, before they become JSON."""

from typing import TYPE_CHECKING, Any, NamedTuple

from function.arrays import Floats, Ints
from function.errors import FunctionError
from function.metadata import ModelMetadata
from function.postprocess.segment import Masks

if TYPE_CHECKING:  # few models need them
    from function.postprocess.depth import DepthMap
    from function.postprocess.semantic import ClassMap


class Timing(NamedTuple):
    """Milliseconds of each step of a prediction."""

    read: float
    preprocess: float
    inference: float
    postprocess: float


UNTIMED = Timing(0, 0, 0, 0)


class Reading(NamedTuple):
    """Text that a second model reads from a detection."""

    text: str
    model: str  # READ_MODEL_ID, or the name of the file in READ_MODEL_PATH
    latency_ms: float


class Prediction(NamedTuple):
    """Detections in one image, best first."""

    image_name: str | None
    size_wh: tuple[int, int]  # pixels of the upright image
    boxes_xyxy: Floats  # (K, 4), pixels of the upright image
    scores: Floats  # (K,), 0..1
    class_ids: Ints  # (K,)
    metadata: ModelMetadata
    timing: Timing
    masks: Masks | None = None  # of K instances
    keypoints: Floats | None = None  # (K, P, 2 or 3), pixels of the upright image, confidence 0..1
    boxes_cxcywhr: Floats | None = None  # (K, 5), pixels of the upright image, radians
    ignored: tuple[str, ...] = ()  # fields of the request without an effect
    readings: tuple[Reading | FunctionError | None, ...] | None = None  # of K detections; None: nothing is read
    source: bytes | None = None  # the encoded image, if the request wants it annotated
    regions: tuple[int, ...] | None = None  # detections in each polygon of the request; None: it has none
    tiles: int | None = None  # runs of the model, with the one for the whole image; None: without tiling


class Classification(NamedTuple):
    """Classes of one image, best first."""

    image_name: str | None
    size_wh: tuple[int, int]  # pixels of the upright image
    scores: Floats  # (K,), 0..1
    class_ids: Ints  # (K,)
    metadata: ModelMetadata
    timing: Timing
    ignored: tuple[str, ...] = ()  # fields of the request without an effect
    source: bytes | None = None  # the encoded image, if the request wants it annotated


class Semantic(NamedTuple):
    """Class of every pixel of one image."""

    image_name: str | None
    size_wh: tuple[int, int]  # pixels of the upright image
    ids: "ClassMap"  # (H, W), pixels of the upright image
    counts: list[tuple[int, int]]  # class id and its pixels, most pixels first
    metadata: ModelMetadata
    timing: Timing
    ignored: tuple[str, ...] = ()  # fields of the request without an effect
    source: bytes | None = None  # the encoded image, if the request wants it annotated


class Depth(NamedTuple):
    """Distance of every pixel of one image from the camera."""

    image_name: str | None
    size_wh: tuple[int, int]  # pixels of the upright image
    depth: "DepthMap"  # pixels of the upright image
    metadata: ModelMetadata
    timing: Timing
    ignored: tuple[str, ...] = ()  # fields of the request without an effect
    source: bytes | None = None  # the encoded image, if the request wants it annotated


class InferenceTiming(NamedTuple):
    """Milliseconds of each step of an inference."""

    read: float
    inference: float
    postprocess: float


class Inference(NamedTuple):
    """Response of a generic ONNX model in the form of the Open Inference Protocol."""

    body: dict[str, Any]  # JSON-ready
    timing: InferenceTiming


Predicted = Prediction | Classification | Semantic | Depth
Result = Predicted | FunctionError
