"""Lambda entry point: loads the settings and the model at import (init phase), and routes events to their sources."""

import gc

# The imports create hundreds of thousands of objects and no garbage; the collector would take a tenth of their time.
gc.disable()

from function import lazy_imports

lazy_imports.install()  # before the modules that import the lazy ones

import logging
import os
import sys
from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any

from function import STARTED, metrics, model, predictor, sources, storage
from function.api import response
from function.errors import FunctionError, InvalidOption, InvalidSetting, UnusableModel, one_line
from function.model import Model
from function.request import Options
from function.results import Inference, Result
from function.service import Service
from function.settings import LAYER_MODEL, MAX_IMAGE_PIXELS, TASK_MODEL, Settings

if TYPE_CHECKING:
    from function.readings.reader import Reader
    from function.tensors.model import TensorModel

MAX_MODEL_BYTES = 2 * 1024**3  # of a model in S3: the largest size of one ONNX file

logger = logging.getLogger(__name__)

SETTINGS = Settings.from_env(os.environ)


def _load(settings: Settings) -> "Model | TensorModel":
    """Load the model that the settings name: from S3 into memory, or from a file."""
    path = settings.model_path
    options = (settings.threads, settings.model_sha256, settings.model_name, settings.spinning)
    if path and path.startswith("s3://"):
        return model.load_bytes(path, _download(path), *options)
    file = model.find(path, (TASK_MODEL, LAYER_MODEL))
    if path or settings.model_sha256:
        return model.load(file, *options)
    return model.load_bundled(file, settings.threads, settings.model_name, settings.spinning)


def _download(address: str) -> bytes:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    if not (bucket and key):
        raise UnusableModel(f"MODEL_PATH must be a file or s3://bucket/key, got {address!r}")
    try:
        return storage.read(bucket, key, None, MAX_MODEL_BYTES).data
    except FunctionError as error:
        raise UnusableModel(f"no model at {address} (MODEL_PATH): {error}") from error


def _sha256(loaded: "Model | TensorModel") -> str:
    return loaded.metadata.sha256 if isinstance(loaded, Model) else loaded.sha256


def _warn_of_unchecked(settings: Settings, loaded: "Model | TensorModel") -> None:
    """Warn of a model that nothing checks: Lambda checks the zips, but no other file and no object."""
    if settings.model_path and not settings.model_sha256:
        logger.warning("%s is not checked: set MODEL_SHA256 to %s", one_line(settings.model_path), _sha256(loaded))


def _load_reader(settings: Settings, loaded: "Model | TensorModel") -> "Reader | None":
    """Load what reads the detections, if the settings name it."""
    if settings.reading is None:
        return None
    from function.readings.reader import Reader  # imported here: few functions read detections

    return Reader.load(settings.reading, settings, loaded.metadata if isinstance(loaded, Model) else None)


def _with_settings(settings: Settings, loaded: "Model | TensorModel") -> "Model | TensorModel":
    """Return the model with the input size of the settings; check the classes that they name.

    Raises:
        InvalidSetting: the model has not that size, or not one of these classes.
    """
    if not isinstance(loaded, Model):
        return loaded
    name = "CONF_THRESHOLD"
    try:
        if settings.class_conf:
            from function import classes  # imported here: few functions have thresholds of classes

            classes.thresholds(settings.conf, settings.class_conf, {}, loaded.metadata.names)
        name = "TILE"
        predictor.check_tile(loaded, settings)
        name = "IMGSZ"
        if settings.imgsz:
            from function import input_size  # imported here: few functions have another size

            return input_size.resize(loaded, settings.imgsz, settings.max_imgsz_pixels, name)
    except InvalidOption as error:
        raise InvalidSetting(str(error) if name == "IMGSZ" else f"{name}: {error}") from error
    return loaded


MODEL = _with_settings(SETTINGS, _load(SETTINGS))
_warn_of_unchecked(SETTINGS, MODEL)
READER = _load_reader(SETTINGS, MODEL)
INIT_MS = iter([1000 * (perf_counter() - STARTED)])  # of this execution environment; its first invocation takes it


def lambda_handler(event: Any, context: Any) -> Any:
    """Return the response to one event.

    Args:
        event: of any source, as the runtime parsed it.
        context: of the runtime: the request id for error responses, and the time that is left. Without it there is no
            time limit.

    Returns:
        The JSON-ready response that the source of the event expects. If a caller waits for it, errors are in the
        response, with their status.

    Raises:
        FunctionError: for an event that no caller waits for; the platform delivers it again.
    """
    remaining_ms = getattr(context, "get_remaining_time_in_millis", None)
    init_ms = next(INIT_MS, None)
    service = Service(MODEL, SETTINGS, getattr(context, "aws_request_id", ""), remaining_ms, init_ms, READER)
    source = sources.find(event)
    try:
        return source.respond(event, service)
    except FunctionError as error:
        service.record(error)
        raise
    finally:
        if SETTINGS.metrics:
            _report(sources.name(source), service.results, context, init_ms)


def _report(source: str, results: list[Result | Inference], context: Any, init_ms: float | None) -> None:
    """Write the line of metrics."""
    invocation = metrics.InvocationInfo(
        source=source,
        function_name=getattr(context, "function_name", ""),
        request_id=getattr(context, "aws_request_id", ""),
        init_ms=init_ms,
        now_ms=time_ns() // 1_000_000,
        model_sha256=_sha256(MODEL),
        takes_images=isinstance(MODEL, Model),
        log_level=os.environ.get("AWS_LAMBDA_LOG_LEVEL", metrics.INFO),
    )
    sys.stdout.write(metrics.line(invocation, results, SETTINGS.class_metrics) + "\n")
    sys.stdout.flush()


def _warm_up(data: bytes) -> None:
    """Predict one image before a snapshot, with the default MAX_IMAGE_PIXELS and without metrics."""
    if isinstance(MODEL, Model):  # a generic ONNX model has run once when it was loaded
        settings = SETTINGS._replace(max_image_pixels=MAX_IMAGE_PIXELS)
        response.result_body(predictor.predict(MODEL, settings, data, Options()))


def _forget_init_ms() -> None:
    """Take the time of the init phase, so that no invocation after a snapshot reports it."""
    next(INIT_MS, None)


if SETTINGS.snap_start:
    from function import snapstart  # imported here: other starts do not need it

    snapstart.register(_warm_up, _forget_init_ms)

gc.freeze()  # later collections do not walk the objects of the imports
gc.enable()
