"""The service that event sources call: predictions and inferences, with errors returned as values."""

import logging
from collections.abc import Callable, Iterable
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

from function import errors, image_loading, predictor
from function.errors import (
    BadRequest,
    DeadlineExceeded,
    Forbidden,
    FunctionError,
    InternalError,
    UnsupportedImage,
    one_line,
)
from function.model import Model, stop_run
from function.request import ImageRequest
from function.results import Inference, Predicted, Prediction, Result
from function.settings import Settings

if TYPE_CHECKING:
    from function.readings.reader import Outcome, Reader
    from function.tensors.model import TensorModel
    from function.tensors.signature import Signature

Value = TypeVar("Value")
Arguments = TypeVarTuple("Arguments")

DRAW_SHARE, DRAW_S = 0.25, 5.0  # of the time of an image that its readings leave to draw it, at most this many s
MIN_RESERVE_S = 0.5  # for the response, and for an image that cannot be stopped at once
RESERVE_SHARE = 0.05  # of the time of the invocation
WATCHED_S = 15  # an image is watched if less time is left, or less than WATCHED_RUNS times the slowest image took
WATCHED_RUNS = 5
REMOTE = ("url", "s3")  # kinds of an `ImageRef` whose bytes come from a server

logger = logging.getLogger(__name__)
logger.addFilter(errors.escape_traceback)


class Service:
    """One invocation of the function: its model, settings and request id, its time limit, and its results so far.

    The time that is left is shared by the images that are not done: an image may wait for its bytes as long as its
    share, so that a slow server costs one image and not those behind it. Everything ends at the deadline, which leaves
    a reserve to send the response.
    """

    slowest_s = 0.0  # longest computation of one image in this execution environment

    def __init__(
        self,
        model: "Model | TensorModel",
        settings: Settings,
        request_id: str,
        remaining_ms: Callable[[], int] | None = None,
        init_ms: float | None = None,
        reader: "Reader | None" = None,
    ) -> None:
        """Set the deadline.

        Args:
            model: of the execution environment.
            settings: of the execution environment.
            request_id: of the invocation.
            remaining_ms: returns the milliseconds before Lambda ends the invocation; None: no limit.
            init_ms: milliseconds of the init phase before the first invocation; None for later ones.
            reader: of the detections; None: they are not read.
        """
        self.settings = settings
        self.request_id = request_id
        self.results: list[Result | Inference] = []  # predictions, inferences and errors, for the metrics
        self.started = monotonic()
        self.init_ms = init_ms
        self.reader = reader
        self.may_read = True  # the caller may have detections read, which can cost money
        self.deadline: float | None = None  # by `monotonic`
        self.steps_ms: dict[str, float] = {}  # beside those of the results: milliseconds of readings and of drawing
        self.subject = ""  # of an error in the log: method and path, a message, or the URI of an object
        self._model = model
        self._pending = 0  # images that are not begun
        self._share_ends: float | None = None  # of the image that is begun, for its waits
        self._writes_end: float | None = None  # of the image that is begun, for all its writes; None: none yet
        self._reserve = 0.0
        self._limit = ""  # what the deadline comes from, for messages
        if remaining_ms:
            self.end_within(remaining_ms() / 1000, "the time-out of the function")

    def end_within(self, seconds: float, limit: str) -> None:
        """Set the deadline so that a limit is kept, unless an earlier deadline is set.

        Args:
            seconds: from the start of the invocation to the limit.
            limit: its name, for messages.
        """
        reserve = max(MIN_RESERVE_S, RESERVE_SHARE * seconds)
        deadline = self.started + seconds - reserve
        if self.deadline is None or deadline < self.deadline:
            self.deadline, self._reserve, self._limit = deadline, reserve, f"{limit} ({seconds:.4g} s)"

    def expect(self, requests: Iterable[object], behind: int = 0) -> None:
        """Set which images are still to come; they share the time that is left.

        Args:
            requests: an error among them, of a request that could not be parsed, has no share.
            behind: images after these.
        """
        self._pending = behind + sum(not isinstance(request, FunctionError) for request in requests)

    def begin(self, prepare: Callable[[], None] | None = None) -> None:
        """Begin an image.

        Args:
            prepare: called before the share of the image begins; its errors are raised.

        Raises:
            DeadlineExceeded: no time is left.
        """
        waiting, self._pending = max(self._pending, 1), max(self._pending - 1, 0)
        self._share_ends = self._writes_end = None
        if prepare:
            prepare()
        if self.deadline is None:
            return
        now = monotonic()
        if now >= self.deadline:
            raise DeadlineExceeded(
                f"an image must be begun {self._before_limit()}, got {now - self.started:.1f} s: "
                "send fewer images at once"
            )
        self._share_ends = now + (self.deadline - now) / waiting

    def read(self, function: Callable[[*Arguments], Value], *arguments: *Arguments) -> Value:
        """Return the value of a call that reads the bytes of the image, within the share of the image.

        Raises:
            DeadlineExceeded: it took longer.
        """
        if self._share_ends is None:
            return function(*arguments)
        return self._wait(self._share_ends - monotonic(), "reading", function, *arguments)

    def write(self, function: Callable[[*Arguments], Value], *arguments: *Arguments) -> Value:
        """Return the value of a call that writes a result, within the share of the image.

        All writes of an image have half of the reserve, in all, if less than that is left of its share.

        Raises:
            DeadlineExceeded: it took longer.
        """
        if self.deadline is None:
            return function(*arguments)
        now = monotonic()
        if self._writes_end is None:
            share_ends = self.deadline if self._share_ends is None else self._share_ends
            self._writes_end = min(max(share_ends, now + self._reserve / 2), self.deadline + self._reserve / 2)
        return self._wait(self._writes_end - now, "writing the result of", function, *arguments)

    def check_time_to_decode(self, data: bytes) -> None:
        """Check that enough time is left for an image whose decoding cannot be stopped.

        Raises:
            DeadlineExceeded: it would end after the deadline.
            FunctionError: the image cannot be read.
        """
        left = inf if self.deadline is None else self.deadline - monotonic()
        if left > WATCHED_S:
            return
        from function.preprocess import decode_time  # imported here: few images need it

        channels = self.require_image_model().metadata.channels
        seconds = decode_time.uninterrupted_s(data, self.settings.max_image_pixels, self.settings.memory_mb, channels)
        if seconds > left:
            time = f"one that takes up to {seconds:.2g} s when {left:.2g} s are left" if left > 0 else "no time for it"
            raise DeadlineExceeded(
                f"an image must be decoded {self._before_limit()}, got {time}: "
                "send fewer or smaller images at once, or JPEG"
            )

    def compute(self, function: Callable[[*Arguments], Value], *arguments: *Arguments, is_usual: bool = True) -> Value:
        """Return the value of a call that computes, also with the model; the deadline ends it.

        The watch costs 0.1 ms. It is left out if much more time is left than any image has taken, but not for a generic
        ONNX model: its time depends on the values of the tensors. While no image was taken, only the run of the model
        can need that much time. A call that is not usual, such as one with tiles, is always watched as a whole.

        Raises:
            DeadlineExceeded: it did not end before the deadline.
        """
        began = monotonic()
        left = None if self.deadline is None else self.deadline - began
        is_ample = (
            is_usual
            and isinstance(self._model, Model)
            and (left is None or left > max(WATCHED_S, WATCHED_RUNS * Service.slowest_s))
        )
        try:
            if left is None or (is_ample and Service.slowest_s):
                return function(*arguments)
            return self._watched(left, is_ample, function, *arguments)
        finally:
            Service.slowest_s = max(Service.slowest_s, monotonic() - began)

    def draw(self, function: Callable[[*Arguments], Value], *arguments: *Arguments) -> Value:
        """Return the value of a call that draws; the deadline ends it however much time is left.

        How long it takes depends on the result: many large masks need much more time than any image so far.

        Raises:
            DeadlineExceeded: it did not end before the deadline.
        """
        began = monotonic()
        try:
            if self.deadline is None:
                return function(*arguments)
            return self._watched(self.deadline - began, False, function, *arguments)
        finally:
            self._add_step("annotate", began)

    def _add_step(self, name: str, began: float) -> None:
        self.steps_ms[name] = self.steps_ms.get(name, 0) + 1000 * (monotonic() - began)

    def _watched(
        self, seconds: float, is_ample: bool, function: Callable[[*Arguments], Value], *arguments: *Arguments
    ) -> Value:
        from function import time_limit  # imported here: few images need it

        watch = time_limit.run if is_ample else time_limit.compute
        try:
            return watch(seconds, stop_run, function, *arguments)
        except time_limit.TimeLimitExceeded:
            raise DeadlineExceeded(
                f"an image must be done {self._before_limit()}, and was stopped: send fewer or smaller images at once"
            ) from None

    def _wait(
        self, seconds: float, action: str, function: Callable[[*Arguments], Value], *arguments: *Arguments
    ) -> Value:
        from function import time_limit  # imported here: images in the event need no waiting

        try:
            return time_limit.wait(seconds, function, *arguments)
        except time_limit.TimeLimitExceeded:
            raise DeadlineExceeded(
                f"{action} an image must take at most {max(seconds, 0):.2g} s, its share of the time before "
                f"{self._limit}, and was stopped: send fewer images at once"
            ) from None

    def _before_limit(self) -> str:
        seconds = (self.deadline or self.started) - self.started
        return f"within {seconds:.4g} s, before {self._limit}"

    @property
    def signature(self) -> "Signature | None":
        """The inputs and outputs of a generic ONNX model; None for a model that takes images."""
        return None if isinstance(self._model, Model) else self._model.signature

    @property
    def model_sha256(self) -> str:
        """The checksum of the model file."""
        return self._model.metadata.sha256 if isinstance(self._model, Model) else self._model.sha256

    def predict(self, request: ImageRequest | FunctionError) -> Result:
        """Load one image and run the model on it; return the error of a request that could not be parsed."""
        return self.guard(self._predict, request)

    def predict_bytes(self, data: bytes, request: ImageRequest) -> Result:
        """Run the model on an image that is begun and loaded."""
        return self.guard(self._predict_bytes, data, request)

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
        text = one_line(f"{subject}: {error}")  # whatever names a caller sends
        logger.warning("request %s: %d %s%s", self.request_id, error.status, type(error).__name__, text)

    def _predict(self, request: ImageRequest | FunctionError) -> Predicted:
        if isinstance(request, FunctionError):
            raise request
        self.require_image_model()  # before the image is loaded
        if self.reader and request.options.read and not self.may_read:
            raise Forbidden("read must not be true without a valid API key or an authorizer of the front end")
        self.begin(lambda: image_loading.prepare(request.ref, self.settings))
        if request.ref.kind in REMOTE:
            data = self.read(image_loading.load, request.ref, self.settings)
        else:
            data = image_loading.load(request.ref, self.settings)
        prediction = self._predict_bytes(data, request)
        return prediction._replace(source=data) if request.options.annotate else prediction

    def _predict_bytes(self, data: bytes, request: ImageRequest) -> Predicted:
        model = self.require_image_model()
        self.check_time_to_decode(data)
        options = request.options
        arguments = (model, self.settings, data, options, request.image_name, self.deadline)
        # NMS or the merge of 30,000 boxes takes seconds.
        tile = self.settings.tile if options.tile is None else options.tile
        is_usual = options.imgsz is None and options.region is None and not tile
        prediction = self.compute(predictor.predict, *arguments, is_usual=is_usual)
        if request.ignored:
            prediction = prediction._replace(ignored=request.ignored + prediction.ignored)
        prediction = self._with_readings(data, prediction, request)
        self.results.append(prediction)
        return prediction

    def _with_readings(self, data: bytes, prediction: Predicted, request: ImageRequest) -> Predicted:
        """Return a prediction with the readings of its detections, if there is a reader and the caller may use it."""
        is_requested = request.options.read
        if self.reader is None or not isinstance(prediction, Prediction):
            return prediction._replace(ignored=(*prediction.ignored, "read")) if is_requested else prediction
        if is_requested is False or not self.may_read:
            return prediction
        began = monotonic()
        outcomes = self.guard(self._read_detections, self.reader, data, prediction, self._readings_end(request))
        self._add_step("read-detections", began)
        return self.reader.add(prediction, outcomes, self.request_id)

    def _readings_end(self, request: ImageRequest) -> float | None:
        """Return when the readings of an image end by `monotonic`: an annotated image also needs time to be drawn."""
        annotate = self.settings.annotate if request.options.annotate is None else request.options.annotate
        if self._share_ends is None or not annotate:
            return self._share_ends
        return self._share_ends - min(DRAW_S, DRAW_SHARE * max(self._share_ends - monotonic(), 0))

    def _read_detections(
        self, reader: "Reader", data: bytes, prediction: Prediction, ends: float | None
    ) -> "list[Outcome]":
        if not reader.rows(prediction):
            return []
        self.check_time_to_decode(data)
        crops = self.compute(reader.cut, data, prediction)
        # Bedrock keeps the share of the image by itself: its calls cannot be stopped.
        return self.compute(reader.read, crops, None) if reader.dial else reader.read(crops, ends)

    def _infer(self, fields: Any) -> Inference:
        if isinstance(self._model, Model):
            raise BadRequest("this model takes images, not tensors")
        self.begin()
        from function.tensors import inference  # imported here: a start of a YOLO model does not load it

        result = self.compute(inference.infer, self._model, self.settings, fields)
        self.results.append(result)
        return result
