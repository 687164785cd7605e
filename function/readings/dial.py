"""Readings by a pose model in ONNX: four points of a dial, whose angles give the value."""

import hashlib
import logging
from time import perf_counter
from typing import TYPE_CHECKING

from PIL import Image

from function import model, predictor, storage
from function.errors import FunctionError, ReadingFailed, UnusableModel, one_line
from function.model import Model
from function.reading_settings import ReadingSettings
from function.readings import crops, point_names, scale
from function.request import Options
from function.results import Prediction, Reading
from function.settings import Settings

if TYPE_CHECKING:
    from function.tensors.model import TensorModel

MAX_BYTES = 2 * 1024**3  # the largest size of one ONNX file
BEST = Options(conf=0.05, max_det=1)  # a crop has one dial: the confidence of its points decides

logger = logging.getLogger(__name__)


def load(reading: ReadingSettings, settings: Settings) -> Model:
    """Load the pose model.

    Raises:
        UnusableModel: no such file or object, another checksum, or not a pose model with the four points.
    """
    path = str(reading.model_path)
    if reading.is_packed and reading.model_sha256 is None:  # Lambda checks the zips
        return require(model.load_bundled(path, settings.threads, spinning=settings.spinning), reading.origin)
    content = _content(path)
    checksum = hashlib.sha256(content).hexdigest()
    if reading.model_sha256 not in (None, checksum):
        raise UnusableModel(f"the sha256 of {path} must be {reading.model_sha256} (READ_MODEL_SHA256), got {checksum}")
    if reading.model_sha256 is None:
        logger.warning("%s is not checked: set READ_MODEL_SHA256 to %s", one_line(path), checksum)
    return require(model.load_bytes(path, content, settings.threads, spinning=settings.spinning), reading.origin)


def require(loaded: "Model | TensorModel", name: str) -> Model:
    """Return a model that can read a dial.

    Args:
        loaded: any model.
        name: of the model, for messages.

    Raises:
        UnusableModel: not a pose model with the four points. Without names of its points only their number is checked.
    """
    points = loaded.metadata.kpt_shape if isinstance(loaded, Model) else None
    if isinstance(loaded, Model) and points and points[0] == len(scale.POINTS):
        point_names.require(loaded, name)
        return loaded
    got = loaded.metadata.task if isinstance(loaded, Model) else "a generic ONNX model"
    points_got = f" with {points[0]} points" if points else ""
    raise UnusableModel(f"{name} must be a pose model with the points {', '.join(scale.POINTS)}, got {got}{points_got}")


def read(
    dial: Model, images: list[Image.Image], reading: ReadingSettings, settings: Settings
) -> list[Reading | FunctionError]:
    """Return the reading or the error of each crop.

    Args:
        dial: from `load`.
        images: crops, RGB.
        reading: the scale.
        settings: defaults of the prediction.
    """
    return [_read_one(dial, crop, reading, settings) for crop in images]


def _read_one(dial: Model, crop: Image.Image, reading: ReadingSettings, settings: Settings) -> Reading | FunctionError:
    started = perf_counter()
    try:
        found = predictor.predict(dial, settings, crops.to_bmp(crop), BEST)
        if not isinstance(found, Prediction) or found.keypoints is None or not len(found.keypoints):
            raise ReadingFailed("the crop must show a dial, got none")
        text = scale.read(found.keypoints[0], reading.scale)
    except FunctionError as error:
        return error
    return Reading(text, reading.file_name, 1000 * (perf_counter() - started))


def _content(path: str) -> bytes:
    if path.startswith("s3://"):
        bucket, _, key = path.removeprefix("s3://").partition("/")
        if not (bucket and key):
            raise UnusableModel(f"READ_MODEL_PATH must be a file or s3://bucket/key, got {path!r}")
        try:
            return storage.read(bucket, key, None, MAX_BYTES).data
        except FunctionError as error:
            raise UnusableModel(f"no model at {path} (READ_MODEL_PATH): {error}") from error
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UnusableModel(f"no model file at {path} (the value of READ_MODEL_PATH): {error.strerror}") from error
