"""The service that event sources call: predictions and inferences, with errors returned as values."""

import logging
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

from function import image_loading, predictor
from function.errors import BadRequest, DeadlineExceeded, FunctionError, InternalError, UnsupportedImage, one_line
from function.model import Model
from function.request import ImageRequest
from function.results import Classification, Inference, Prediction, Result
from function.settings import Settings

if TYPE_CHECKING:
    from function.tensors.model import TensorModel
    from function.tensors.signature import Signature

Value = TypeVar("Value")
Arguments = TypeVarTuple("Arguments")

logger = logging.getLogger(__name__)


class Service:
    """One invocation of the function: its model, settings and request id, and its results so far."""

    def __init__(self, model: "Model | TensorModel", settings: Settings, request_id: str) -> None:
        self.settings = settings
        self.request_id = request_id
        self.results: list[Result | Inference] = []  # predictions, inferences and errors, for the metrics
        self.started = monotonic()
        self.deadline: float | None = None  # by `monotonic`; no image is begun after it
        self.subject = ""  # of an error in the log: method and path, a message, or the URI of an object
        self._model = model

    @property
    def signature(self) -> "Signature | None":
        """The inputs and outputs of a generic ONNX model; None for a model that takes images."""
        return None if isinstance(self._model, Model) else self._model.signature

    def predict(self, request: ImageRequest | FunctionError) -> Result:
        """Load one image and run the model on it; return the error of a request that could not be parsed."""
        return self.guard(self._predict, request)

    def infer(self, fields: Any) -> Inference | FunctionError:
        """Run a generic ONNX model on the JSON object of a request."""
        return self.guard(self._infer, fields)

    def require_image_model(self) -> Model:
        """Return the model.

        Raises:
            UnsupportedImage: it is a generic ONNX model.
        """
        if isinstance(self._model, Model):
            return self._model
        from function.tensors import inference

        raise UnsupportedImage(
            f"this model takes tensors, not images; {inference.expected_body(self._model.signature)}"
        )

    def guard(self, function: Callable[[*Arguments], Value], *arguments: *Arguments) -> Value | FunctionError:
        """Call a function and return its value, or the error that it raised; the only place that catches errors.

        The log has the traceback of an unexpected error, the caller gets an InternalError.
        """
        error: FunctionError
        try:
            return function(*arguments)
        except FunctionError as expected:
            error = expected
        except Exception:
            logger.exception("request %s: unexpected error", self.request_id)
            error = InternalError(f"internal error; the log has the details under the request id {self.request_id}")
        self.record(error)
        # The frames of a traceback hold the decoded image, and the results of an invocation hold its errors.
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)

    def record(self, error: FunctionError) -> None:
        """Count an error in the metrics and write its line to the log, once."""
        if any(error is result for result in self.results):
            return
        self.results.append(error)
        subject = f" ({self.subject})" if self.subject else ""
        message = one_line(str(error))  # whatever names a caller sends
        logger.warning("request %s: %d %s%s: %s", self.request_id, error.status, type(error).__name__, subject, message)

    def _predict(self, request: ImageRequest | FunctionError) -> Prediction | Classification:
        if isinstance(request, FunctionError):
            raise request
        self._check_deadline()
        model = self.require_image_model()
        data = image_loading.load(request.ref, self.settings)
        prediction = predictor.predict(model, self.settings, data, request.options, request.image_name)
        if request.ignored:
            prediction = prediction._replace(ignored=request.ignored + prediction.ignored)
        self.results.append(prediction)
        return prediction

    def _check_deadline(self) -> None:
        now = monotonic()
        if self.deadline is not None and now >= self.deadline:
            limit, passed = self.deadline - self.started, now - self.started
            raise DeadlineExceeded(
                f"an image must be begun within {limit:g} s, before its front end gives up, got {passed:.1f} s: "
                "send fewer images in one request"
            )

    def _infer(self, fields: Any) -> Inference:
        if isinstance(self._model, Model):
            raise BadRequest("this model takes images, not tensors")
        self._check_deadline()
        from function.tensors import inference  # imported here: a start of a YOLO model does not load it

        result = inference.infer(self._model, self.settings, fields)
        self.results.append(result)
        return result
