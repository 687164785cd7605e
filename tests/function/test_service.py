"""The service: one request at a time, errors as values, and the results that the metrics count."""

from typing import Any

import pytest

from function import fetch, image_loading, predictor
from function.errors import BadRequest, DeadlineExceeded, Forbidden, InternalError, NotFound, UnsupportedImage
from function.model import Model
from function.request import ImageRef, ImageRequest, Options
from function.results import Prediction
from function.service import Service
from function.settings import Settings


@pytest.fixture
def service(served: Model, settings: Settings) -> Service:
    return Service(served, settings, "request-1")


def request_for(data: bytes, name: str = "a.png") -> ImageRequest:
    return ImageRequest(ImageRef("bytes", data), name, Options())


def test_predict_returns_a_prediction_or_an_error_and_records_it(service: Service, red_png: bytes) -> None:
    results = [service.predict(request_for(red_png)), service.predict(request_for(b"no image"))]
    assert [type(result) for result in results] == [Prediction, UnsupportedImage]
    assert service.results == results


def test_unknown_fields_of_a_request_are_in_its_prediction(service: Service, red_png: bytes) -> None:
    request = request_for(red_png)._replace(options=Options(masks="none"), ignored=("foo",))
    prediction = service.predict(request)
    assert isinstance(prediction, Prediction)
    assert prediction.ignored == ("foo", "masks")


def test_error_of_parsing_is_returned_and_recorded(service: Service) -> None:
    error = BadRequest("a")
    assert service.predict(error) is error
    assert service.results == [error]


def test_unexpected_error_is_logged_and_returned_without_details(
    service: Service, red_png: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(predictor, "predict", fail)
    result = service.predict(request_for(red_png))
    assert isinstance(result, InternalError)
    assert "secret" not in str(result)
    assert "request-1" in str(result)
    assert "ZeroDivisionError: secret detail" in caplog.text
    assert service.results == [result]


def test_returned_error_holds_neither_frames_nor_other_errors(service: Service, red_png: bytes) -> None:
    for data in (red_png[: len(red_png) // 2], b"no image"):
        error = service.predict(request_for(data))
        assert isinstance(error, UnsupportedImage)
        assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)


def test_image_is_loaded_when_its_turn_comes(served: Model, red_png: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    def image(url: str, *_: Any) -> bytes:
        events.append(f"fetch {url}")
        return red_png

    def predict(*arguments: Any) -> None:
        events.append(f"predict {arguments[-1]}")
        raise NotFound("a")

    monkeypatch.setattr(fetch, "image", image)
    monkeypatch.setattr(predictor, "predict", predict)
    service = Service(served, Settings.from_env({"ALLOWED_URL_HOSTS": "*"}), "request-1")
    for name in ("1", "2"):
        service.predict(ImageRequest(ImageRef("url", f"https://images.example/{name}"), name, Options()))
    assert events == [
        "fetch https://images.example/1", "predict 1", "fetch https://images.example/2", "predict 2",
    ]  # fmt: skip


def test_predictor_does_not_run_if_loading_fails(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor, "predict", lambda *_: pytest.fail("the predictor ran"))
    assert isinstance(service.predict(ImageRequest(ImageRef("url", "https://a.example/"), None, Options())), Forbidden)


def test_image_is_not_loaded_for_a_generic_model(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_loading, "load", lambda *_: pytest.fail("the image was loaded"))
    service = Service(generic_model(), settings, "request-1")
    result = service.predict(request_for(b"anything"))
    assert isinstance(result, UnsupportedImage)
    assert service.signature is not None


def test_tensors_for_a_model_that_takes_images_are_a_bad_request(service: Service) -> None:
    assert service.signature is None
    assert isinstance(service.infer({"inputs": []}), BadRequest)


def generic_model() -> Any:
    """A generic ONNX model without a session: it must not run."""
    from function.tensors.model import TensorModel
    from function.tensors.signature import Signature

    return TensorModel(session=None, signature=Signature("m", None, (), ()), sha256="")


def test_error_is_one_line_of_the_log_with_status_type_subject_and_request_id(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.subject = "POST '/detect'"
    service.predict(NotFound("no such object\nforged line \ud800"))
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    expected = r"request request-1: 404 NotFound (POST '/detect'): no such object\nforged line \ud800"
    assert record.getMessage() == expected


def test_error_is_recorded_once(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    error = BadRequest("a")
    service.predict(error)
    service.record(error)
    assert service.results == [error]
    assert len(caplog.records) == 1


def at_seconds(service: Service, monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
    """Let the clock show these times after the start, one per question, then the last one."""
    times = [service.started + value for value in seconds]
    monkeypatch.setattr("function.service.monotonic", lambda: times.pop(0) if len(times) > 1 else times[0])


@pytest.mark.parametrize("seconds", [28.5, 28.6, 60])
def test_image_is_not_begun_after_the_deadline(
    service: Service, red_png: bytes, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.deadline = service.started + 28.5
    at_seconds(service, monkeypatch, seconds)
    result = service.predict(request_for(red_png))
    assert isinstance(result, DeadlineExceeded)
    assert result.status == 503
    assert f"within 28.5 s, before its front end gives up, got {seconds:.1f} s" in str(result)
    assert service.results == [result]


def test_error_of_parsing_is_returned_after_the_deadline_too(service: Service) -> None:
    service.deadline = service.started - 1
    error = BadRequest("a")
    assert service.predict(error) is error


def test_image_is_begun_before_the_deadline_and_without_one(
    service: Service, red_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_seconds(service, monkeypatch, 28.4)
    for deadline in (service.started + 28.5, None):
        service.deadline = deadline
        assert isinstance(service.predict(request_for(red_png)), Prediction)
