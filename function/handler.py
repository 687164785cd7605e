"""The entry point: everything that is made once is made while this is imported, in the init phase.

The platform calls `lambda_handler`. This is the one place where errors become answers.
"""

import gc

# Importing makes hundreds of thousands of objects and no garbage: looking for some takes a tenth of all imports.
gc.disable()

from function import lazy_imports

lazy_imports.install()  # before what imports them

import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any

from function import STARTED, metrics, model, sources, storage
from function.api import response
from function.errors import FunctionError, InternalError, UnsupportedImage, UnusableModel
from function.model import Model
from function.predictor import predict
from function.request import Options, Request
from function.results import Classification, Inference, Prediction, Result
from function.service import Service, Tensors
from function.settings import LAYER_MODEL, MAX_IMAGE_PIXELS, TASK_MODEL, Settings

if TYPE_CHECKING:
    from function.tensors.model import TensorModel

MAX_MODEL_BYTES = 2 * 1024**3  # of a model from a bucket: what one ONNX file can hold

logger = logging.getLogger(__name__)

SETTINGS = Settings.from_env(os.environ)


def _load(settings: Settings) -> "Model | TensorModel":
    """The model of the settings: from a bucket straight into memory, or from a file."""
    path = settings.model_path
    terms = (settings.threads, settings.model_sha256, settings.model_name, settings.spinning)
    if path and path.startswith("s3://"):
        return model.load_bytes(path, _download(path), *terms)
    file = model.find(path, (TASK_MODEL, LAYER_MODEL))
    if path or settings.model_sha256:
        return model.load(file, *terms)
    return model.load_bundled(file, settings.threads, settings.model_name, settings.spinning)


def _download(address: str) -> bytes:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    if not (bucket and key):
        raise UnusableModel(f"MODEL_PATH is {address!r}; wanted s3://bucket/key or a file")
    try:
        return storage.read(bucket, key, None, MAX_MODEL_BYTES).data
    except FunctionError as error:
        raise UnusableModel(f"no model at {address} (as MODEL_PATH says): {error}") from error


def _tensors(served: "Model | TensorModel") -> Tensors | None:
    """What sources are told of a model of tensors; None of one that takes pictures."""
    if isinstance(served, Model):
        return None
    from function.tensors import inference, signature  # here, because a start that serves pictures goes without

    return Tensors(
        name=served.signature.name,
        version=served.signature.version,
        wanted=inference.wanted(served.signature),
        metadata=signature.metadata(served.signature),
        infer=lambda fields: inference.infer(served, SETTINGS, fields),
    )


MODEL = _load(SETTINGS)
TENSORS = _tensors(MODEL)
INIT_MS = iter([1000 * (perf_counter() - STARTED)])  # of this environment; its first invocation takes it


def lambda_handler(event: Any, context: Any) -> Any:
    """Answer one event.

    Args:
        event: from any of the sources, as the runtime parsed it.
        context: the runtime's context; its request id goes into error answers.

    Returns:
        What the event's source wants as an answer, JSON-ready. For a caller who waits every error is in the answer,
        with its status.

    Raises:
        TransientError: an event that nobody waits for met a fault that may pass; the platform delivers it again.
    """
    request_id = getattr(context, "aws_request_id", "")
    results: list[Result | Inference] = []
    attempt = partial(_attempt, request_id, results)
    service = Service(attempt, lambda request: attempt(lambda: _picture(request)), SETTINGS, request_id, TENSORS)
    source = sources.find(event)
    try:
        return source.respond(event, service)
    finally:
        if SETTINGS.metrics:
            _report(sources.name(source), results, context)


def _picture(request: Callable[[], Request]) -> Prediction | Classification:
    """The answer to one picture; with a model of tensors the picture is not even fetched."""
    if not isinstance(MODEL, Model):
        raise UnsupportedImage(f"this model takes no pictures; {TENSORS.wanted if TENSORS else ''}")
    return predict(MODEL, SETTINGS, request())


def _attempt(request_id: str, results: list[Result | Inference], call: Callable[[], Any]) -> Any:
    """What the call returns, or the error that it raised; predictions and errors are noted in `results`."""
    try:
        outcome = call()
    except FunctionError as error:
        outcome = error
    except Exception:
        logger.exception("request %s: unforeseen error", request_id)
        outcome = InternalError(f"internal error; the function's log has the details under request {request_id}")
    if isinstance(outcome, Prediction | Classification | Inference | FunctionError):
        results.append(outcome)
    return outcome


def _report(source: str, results: list[Result | Inference], context: Any) -> None:
    occasion = metrics.InvocationInfo(
        source=source,
        function_name=getattr(context, "function_name", ""),
        request_id=getattr(context, "aws_request_id", ""),
        init_ms=next(INIT_MS, None),
        now_ms=time_ns() // 1_000_000,
    )
    sys.stdout.write(metrics.line(occasion, results) + "\n")
    sys.stdout.flush()


def _warm_up(picture: bytes) -> None:
    """One picture to its answer, before a snapshot; whatever MAX_IMAGE_PIXELS says, and not counted in any metric."""
    if isinstance(MODEL, Model):  # one of tensors has had its first run when it was loaded
        settings = SETTINGS._replace(max_image_pixels=MAX_IMAGE_PIXELS)
        response.result_body(predict(MODEL, settings, Request(picture, None, Options())))


if SETTINGS.snap_start:
    from function import snapstart  # here: an ordinary start does not pay for it

    snapstart.register(_warm_up, lambda: next(INIT_MS, None))

gc.freeze()  # what is here now stays, so later collections need not walk it
gc.enable()
