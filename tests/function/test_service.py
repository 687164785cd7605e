"""The service: one request at a time, errors as values, and the results that the metrics count."""

import logging
import time
from typing import Any

import pytest

from function import fetch, image_loading, predictor, storage, time_limit
from function.errors import BadRequest, DeadlineExceeded, Forbidden, InternalError, NotFound, UnsupportedImage
from function.model import Model
from function.request import ImageRef, ImageRequest, Options, read_options
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


def test_no_line_of_a_traceback_can_be_taken_for_another_record(
    service: Service, red_png: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    forged = ("[ERROR]\t2026-01-01T00:00:00.000Z\tforged", "REPORT RequestId: 1", "\x1b[2J", "\ud800")

    def fail(*_: Any) -> None:
        raise ValueError("a\n" + "\n".join(forged) + "\r\u2028START RequestId: 2")

    monkeypatch.setattr(predictor, "predict", fail)
    service.predict(request_for(red_png))
    record = next(record for record in caplog.records if record.exc_info)
    text = logging.Formatter("[%(levelname)s]\t%(message)s").format(record)  # as the runtime writes it, without JSON
    first, *lines = text.split("\n")
    assert first == "[ERROR]\trequest request-1: unexpected error"
    assert [line for line in lines if not (line.startswith("  ") and line.isprintable())] == []
    assert lines[0] == "  Traceback (most recent call last):"
    assert "  ValueError: a" in lines and "  START RequestId: 2" in lines
    assert f"  {forged[1]}" in lines and "  \\x1b[2J" in lines and "  \\ud800" in lines


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
        events.append(f"predict {arguments[4]}")
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


def at_seconds(service: Service, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the clock of the service show this time after the start."""
    monkeypatch.setattr("function.service.monotonic", lambda: service.started + seconds)


@pytest.mark.parametrize("seconds", [28.5, 28.6, 60])
def test_image_is_not_begun_after_the_deadline(
    service: Service, red_png: bytes, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.end_within(30, "the limit of the front end")
    at_seconds(service, monkeypatch, seconds)
    result = service.predict(request_for(red_png))
    assert isinstance(result, DeadlineExceeded)
    assert result.status == 503
    assert f"within 28.5 s, before the limit of the front end (30 s), got {seconds:.1f} s" in str(result)
    assert service.results == [result]


def test_error_of_parsing_is_returned_after_the_deadline_too(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.end_within(30, "the limit of the front end")
    at_seconds(service, monkeypatch, 31)
    error = BadRequest("a")
    assert service.predict(error) is error


def test_image_is_begun_before_the_deadline_and_without_one(
    service: Service, red_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_seconds(service, monkeypatch, 28.4)
    assert isinstance(service.predict(request_for(red_png)), Prediction)
    service.end_within(30, "the limit of the front end")
    assert isinstance(service.predict(request_for(red_png)), Prediction)


@pytest.mark.parametrize(("seconds", "deadline"), [(0.3, -0.2), (3, 2.5), (10, 9.5), (20, 19), (30, 28.5), (900, 855)])
def test_reserve_is_half_a_second_or_a_twentieth_of_the_time(
    seconds: float, deadline: float, served: Model, settings: Settings
) -> None:
    service = Service(served, settings, "request-1", lambda: int(1000 * seconds))
    assert service.deadline == pytest.approx(service.started + deadline)


@pytest.mark.parametrize("seconds", [(10, 30), (30, 10)])
def test_earliest_deadline_is_kept(service: Service, seconds: tuple[int, int]) -> None:
    for limit in seconds:
        service.end_within(limit, f"limit {limit}")
    assert service.deadline == pytest.approx(service.started + 9.5)


def share(service: Service, monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds that the service gives to a read."""
    given: list[float] = []
    monkeypatch.setattr(time_limit, "wait", lambda seconds, *_: given.append(seconds))
    service.read(len, b"")
    return given[0]


@pytest.mark.parametrize(("images", "begun_at", "expected"), [(10, 0, 0.95), (10, 5, 0.45), (1, 2, 7.5), (0, 2, 7.5)])
def test_share_is_the_time_that_is_left_by_the_images_that_are_left(
    images: int, begun_at: float, expected: float, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.end_within(10, "the limit")
    service.expect(range(images))
    at_seconds(service, monkeypatch, begun_at)
    service.begin()
    assert share(service, monkeypatch) == pytest.approx(expected)


def test_time_that_an_image_does_not_use_is_shared_by_the_others(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.end_within(10, "the limit")
    service.expect(range(2))
    at_seconds(service, monkeypatch, 0)
    service.begin()
    assert share(service, monkeypatch) == pytest.approx(4.75)
    service.begin()
    assert share(service, monkeypatch) == pytest.approx(9.5)


def test_two_reads_of_an_image_have_one_share(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.end_within(10, "the limit")
    service.expect(range(10))
    at_seconds(service, monkeypatch, 0)
    service.begin()
    at_seconds(service, monkeypatch, 0.9)
    assert share(service, monkeypatch) == pytest.approx(0.05)


@pytest.mark.parametrize(("seconds", "expected"), [(2, 7.5), (9.4, 0.25), (9.5, 0.25), (9.7, 0.05), (9.8, -0.05)])
def test_result_is_written_in_half_of_the_reserve_too(
    seconds: float, expected: float, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []
    monkeypatch.setattr(time_limit, "wait", lambda seconds, *_: given.append(seconds))
    service.end_within(10, "the limit")
    at_seconds(service, monkeypatch, seconds)
    service.write(len, b"")
    assert given == [pytest.approx(expected)]


def url_request(name: str) -> ImageRequest:
    return ImageRequest(ImageRef("url", f"https://images.example/{name}"), name, Options())


def test_url_that_does_not_respond_costs_only_its_share(
    served: Model, red_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def image(url: str, *_: Any) -> bytes:
        time.sleep(60 if url.endswith("slow") else 0)
        return red_png

    monkeypatch.setattr(fetch, "image", image)
    service = Service(served, Settings.from_env({"ALLOWED_URL_HOSTS": "*"}), "request-1", lambda: 2000)
    service.expect(range(3))
    results = [service.predict(url_request(name)) for name in ("slow", "a", "b")]
    assert [type(result) for result in results] == [DeadlineExceeded, Prediction, Prediction]
    assert 0.4 < time.monotonic() - service.started < 1.5
    assert "reading an image must take at most 0.5 s, its share" in str(results[0])


def test_computation_of_an_image_is_stopped_at_the_deadline(
    served: Model, settings: Settings, red_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict(*_: Any) -> None:
        while True:
            sum(range(1000))

    monkeypatch.setattr(predictor, "predict", predict)
    service = Service(served, settings, "request-1", lambda: 800)
    result = service.predict(request_for(red_png))
    assert isinstance(result, DeadlineExceeded)
    assert "an image must be done within 0.3 s, before the time-out of the function (0.8 s)" in str(result)
    assert time.monotonic() - service.started < 0.8


@pytest.mark.parametrize(
    ("slowest_s", "left_s", "watch"),
    [
        (0, 800, "run"),
        (0, 16, "run"),
        (0, 14, "compute"),
        (0.1, 16, None),
        (0.1, 14, "compute"),
        (4, 19, "compute"),
        (4, 21, None),
    ],
)
def test_image_is_watched_if_little_time_is_left_or_none_is_known(
    slowest_s: float,
    left_s: float,
    watch: str | None,
    service: Service,
    red_png: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched: list[tuple[str, float]] = []
    monkeypatch.setattr(Service, "slowest_s", slowest_s)
    for name in ("run", "compute"):
        monkeypatch.setattr(
            time_limit, name, lambda seconds, stop, function, *given, name=name: watched.append((name, seconds))
        )
    service.deadline = service.started + left_s
    at_seconds(service, monkeypatch, 0)
    service.compute(len, red_png)
    assert watched == ([(watch, pytest.approx(left_s))] if watch else [])


@pytest.mark.parametrize(
    ("options", "environ", "is_watched"),
    [
        ({}, {}, False),
        ({"tile": 320}, {}, True),
        ({}, {"TILE": "320"}, True),
        ({"tile": False}, {"TILE": "320"}, False),
        ({"imgsz": 320}, {}, True),
        ({"region": [[0, 0], [9, 0], [9, 9]]}, {}, True),
    ],
)
def test_merge_of_tiles_is_watched_however_much_time_is_left(
    options: dict[str, Any],
    environ: dict[str, str],
    is_watched: bool,
    served: Model,
    red_png: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched: list[str] = []
    watch = time_limit.compute
    monkeypatch.setattr(Service, "slowest_s", 0.1)
    monkeypatch.setattr(time_limit, "compute", lambda *given: (watched.append("whole"), watch(*given))[1])
    service = Service(served, Settings.from_env(environ), "request-1", lambda: 800_000)
    result = service.predict(request_for(red_png)._replace(options=read_options(options)))
    assert isinstance(result, Prediction)
    assert watched == ["whole"] * is_watched


@pytest.mark.parametrize(("seconds", "expected"), [(9.4, "up to 1.5 s when 0.1 s are left"), (9.5, "no time for it")])
def test_image_that_cannot_be_decoded_in_time_is_an_error_with_both_times(
    seconds: float, expected: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("function.preprocess.decode_time.uninterrupted_s", lambda *_: 1.5)
    service.end_within(10, "the limit")
    at_seconds(service, monkeypatch, seconds)
    with pytest.raises(DeadlineExceeded, match=f"within 9.5 s, before the limit .*{expected}"):
        service.check_time_to_decode(b"")


def test_time_of_the_slowest_image_is_kept(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Service, "slowest_s", 0.0)
    for seconds in (0.05, 0.0):
        service.compute(time.sleep, seconds)
    assert 0.05 <= Service.slowest_s < 0.5


def test_subject_with_a_line_break_stays_one_line_of_the_log(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.subject = "message m1\nforged\u2028line"
    service.predict(BadRequest("a"))
    (record,) = caplog.records
    assert r"(message m1\nforged\u2028line): a" in record.getMessage()


def test_run_of_a_generic_model_is_always_watched(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    watched: list[float] = []
    monkeypatch.setattr(Service, "slowest_s", 0.001)
    monkeypatch.setattr(time_limit, "compute", lambda seconds, *_: watched.append(seconds))
    Service(generic_model(), settings, "request-1", lambda: 800_000).infer({"inputs": []})
    assert watched == [pytest.approx(760, abs=1)]


def fail_late() -> None:
    time.sleep(0.05)
    raise UnsupportedImage("broken")


@pytest.mark.parametrize(("function", "remaining_ms"), [(fail_late, 60_000), (lambda: time.sleep(60), 600)])
def test_time_of_a_computation_that_failed_or_was_stopped_is_kept(
    function: Any, remaining_ms: int, served: Model, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Service, "slowest_s", 0.0)
    service = Service(served, settings, "request-1", lambda: remaining_ms)
    with pytest.raises((UnsupportedImage, DeadlineExceeded)):
        service.compute(function)
    assert Service.slowest_s >= 0.05


def times_to_write(service: Service, monkeypatch: pytest.MonkeyPatch, *seconds: float) -> list[float]:
    """Time that writes at these seconds of the invocation have."""
    given: list[float] = []
    monkeypatch.setattr(time_limit, "wait", lambda seconds, *_: given.append(seconds))
    for at in seconds:
        at_seconds(service, monkeypatch, at)
        service.write(len, b"")
    return given


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((0.5, 0.8), (0.45, 0.15)),  # of a share of 0.95 s
        ((0.9, 1.1, 1.2), (0.25, 0.05, -0.05)),  # the share is nearly used up: half of the reserve, once
        ((3, 3.2), (0.25, 0.05)),
    ],
)
def test_all_writes_of_an_image_have_one_share(
    seconds: tuple[float, ...], expected: tuple[float, ...], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.end_within(10, "the limit")
    service.expect(range(10))
    at_seconds(service, monkeypatch, 0)
    service.begin()
    assert times_to_write(service, monkeypatch, *seconds) == pytest.approx(list(expected))


def test_writes_of_the_next_image_have_its_share(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.end_within(10, "the limit")
    service.expect(range(10))
    for second, share_s in ((0, 0.95), (5, 0.5)):
        at_seconds(service, monkeypatch, second)
        service.begin()
        assert times_to_write(service, monkeypatch, second) == [pytest.approx(share_s)]


def test_boto3_is_loaded_before_the_share_of_an_image_in_s3_begins(
    served: Model, red_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []
    monkeypatch.setattr(storage, "prepare", lambda: time.sleep(0.4))
    monkeypatch.setattr(time_limit, "wait", lambda seconds, *_: given.append(seconds) or red_png)
    service = Service(served, Settings.from_env({"ALLOWED_BUCKETS": "photos"}), "request-1", lambda: 2500)
    service.expect(range(4))
    service.predict(ImageRequest(ImageRef("s3", "s3://photos/a.png"), "a.png", Options()))
    assert given == [pytest.approx(0.4, abs=0.05)]


def test_boto3_is_not_loaded_for_a_bucket_that_is_not_allowed(served: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "prepare", lambda: pytest.fail("loaded"))
    service = Service(served, Settings.from_env({"ALLOWED_BUCKETS": "photos"}), "request-1")
    result = service.predict(ImageRequest(ImageRef("s3", "s3://other/a.png"), "a.png", Options()))
    assert isinstance(result, Forbidden)
