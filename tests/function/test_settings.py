"""Settings from environment variables: defaults, values and errors."""

import os

import pytest

from function.errors import InvalidSetting
from function.settings import Settings


def test_empty_environment_gives_the_defaults_of_yolo_predict() -> None:
    settings = Settings.from_env({})
    assert (settings.conf, settings.iou, settings.max_det) == (0.25, 0.7, 300)
    assert settings.model_path is None
    assert settings.threads >= 1


def test_variables_are_read() -> None:
    environ = {"MODEL_PATH": "/opt/m.onnx", "CONF_THRESHOLD": "0.5", "IOU_THRESHOLD": "0.6", "MAX_DETECTIONS": "7"}
    settings = Settings.from_env(environ | {"MAX_IMAGE_PIXELS": "1000"})
    assert (settings.model_path, settings.conf, settings.iou) == ("/opt/m.onnx", 0.5, 0.6)
    assert (settings.max_det, settings.max_image_pixels) == (7, 1000)


def test_confidence_threshold_is_another_name_with_lower_priority() -> None:
    assert Settings.from_env({"CONFIDENCE_THRESHOLD": "0.5"}).conf == 0.5
    assert Settings.from_env({"CONFIDENCE_THRESHOLD": "0.5", "CONF_THRESHOLD": "0.6"}).conf == 0.6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONF_THRESHOLD", "1.5"),
        ("CONFIDENCE_THRESHOLD", "high"),
        ("IOU_THRESHOLD", "nan"),
        ("MAX_DETECTIONS", "0"),
        ("MAX_IMAGE_PIXELS", "-1"),
        ("MAX_IMAGE_PIXELS", "1e6"),
        ("MAX_IMAGES", "0"),
        ("METRICS", "2"),
        ("METRICS", "Classes,sources"),
        ("MODEL_SHA256", "abc"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much"),
    ],
)
def test_error_for_an_invalid_value_has_variable_and_value(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^{name} must be .*, got '{value}'$"):
        Settings.from_env({name: value})


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", (True, False)), ("0", (False, False)), ("1", (True, False)), (" classes", (True, True))],
)
def test_metrics_are_on_without_classes_by_default(value: str, expected: tuple[bool, bool]) -> None:
    settings = Settings.from_env({"METRICS": value})
    assert (settings.metrics, settings.class_metrics) == expected


@pytest.mark.parametrize("watched", ["results/in/", "results/", "resu"])
def test_results_under_the_watched_prefix_need_another_bucket(watched: str) -> None:
    with pytest.raises(InvalidSetting, match="WATCHED_PREFIX"):
        Settings.from_env({"WATCHED_PREFIX": watched})
    assert Settings.from_env({"WATCHED_PREFIX": watched, "RESULT_BUCKET": "other"}).result_bucket == "other"


def test_white_space_around_a_value_is_ignored() -> None:
    settings = Settings.from_env({"CONF_THRESHOLD": " 0.5 ", "MAX_DETECTIONS": " 5", "MODEL_PATH": " /opt/m.onnx\n"})
    assert (settings.conf, settings.max_det, settings.model_path) == (0.5, 5, "/opt/m.onnx")


def test_threads_follow_the_memory() -> None:
    def threads(memory: int) -> int:
        return Settings.from_env({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory)}).threads

    assert threads(128) == threads(1769) == 1
    assert threads(10240) >= threads(3538) >= 1


def test_threads_spin_only_with_a_whole_cpu_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    def spins(memory: int) -> bool:
        return Settings.from_env({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory)}).spinning

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    assert [spins(memory) for memory in (512, 1769, 2700, 3008, 3537, 3538, 4422, 5307, 10240)] == [
        False, False, False, False, False, True, True, True, False,
    ]  # fmt: skip
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert not spins(10240)


def test_result_prefix_is_results_by_default() -> None:
    assert Settings.from_env({}).result_prefix == "results/"
    assert Settings.from_env({"RESULT_BUCKET": "detections", "RESULT_PREFIX": ""}).result_prefix == ""


@pytest.mark.parametrize(
    "environ",
    [
        {"RESULT_PREFIX": ""},
        {"RESULT_PREFIX": "", "RESULT_BUCKET": "b", "WATCHED_BUCKET": "b"},
        {"WATCHED_PREFIX": "results/"},
        {"WATCHED_PREFIX": "in/", "RESULT_PREFIX": "in/results/"},
        {"WATCHED_PREFIX": "in/", "RESULT_PREFIX": "in/results/", "RESULT_BUCKET": "b", "WATCHED_BUCKET": "b"},
    ],
)
def test_results_that_would_trigger_the_function_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(InvalidSetting, match=r"^RESULT_PREFIX must "):
        Settings.from_env(environ)


@pytest.mark.parametrize(
    "environ",
    [
        {"WATCHED_PREFIX": "in/"},
        {"WATCHED_PREFIX": "in/", "RESULT_PREFIX": "in/results/", "RESULT_BUCKET": "b", "WATCHED_BUCKET": "a"},
    ],
)
def test_results_outside_the_watched_objects_are_allowed(environ: dict[str, str]) -> None:
    assert Settings.from_env(environ).result_prefix


def test_model_name_is_optional_and_has_no_slash() -> None:
    assert Settings.from_env({}).model_name is None
    assert Settings.from_env({"MODEL_NAME": " wine "}).model_name == "wine"
    with pytest.raises(InvalidSetting, match=r"^MODEL_NAME must not contain a slash .*, got 'a/b'$"):
        Settings.from_env({"MODEL_NAME": "a/b"})


def test_values_of_a_request_have_a_limit() -> None:
    assert Settings.from_env({}).max_tensor_elements >= 640 * 640 * 3
    assert Settings.from_env({"MAX_TENSOR_ELEMENTS": "10"}).max_tensor_elements == 10
    with pytest.raises(InvalidSetting, match=r"^MAX_TENSOR_ELEMENTS must be .*, got '0'$"):
        Settings.from_env({"MAX_TENSOR_ELEMENTS": "0"})


def test_cors_origins_are_a_list_in_lower_case() -> None:
    assert Settings.from_env({}).cors_origins == ()
    origins = Settings.from_env({"CORS_ORIGINS": " https://A.example,http://localhost:8080, *"}).cors_origins
    assert origins == ("https://a.example", "http://localhost:8080", "*")


@pytest.mark.parametrize(
    "origin",
    [
        "https://*.a.example",
        "http://localhost:*",
        "http://[::1]:8080",
        "chrome-extension://abc",
        "null",
        "https://a_b.c",
    ],
)
def test_cors_origin_that_a_browser_sends_is_accepted(origin: str) -> None:
    assert Settings.from_env({"CORS_ORIGINS": origin}).cors_origins == (origin,)


BAD_ORIGINS = [
    "a.example", "https://a.example/", "https://a.example/page", "://a", "https://", "https://a b", "https://a?b",
    "https://a#b", "https://u@a.example", "https://a:port", "https://*.*.a.example", "https://\u00e4.example",
    "'https://a.example'", "https:// a.example", "*://*", "https://a.example;https://b.example",
]  # fmt: skip


@pytest.mark.parametrize("origin", BAD_ORIGINS)
def test_cors_origin_that_no_browser_sends_is_refused(origin: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^CORS_ORIGINS must be origins such as https://a.example, or \*, got "):
        Settings.from_env({"CORS_ORIGINS": origin})


@pytest.mark.parametrize("value", ["", " ", "a" * 64, f" {'A' * 64} , {'b' * 64},"])
def test_digests_of_keys_are_a_list(value: str) -> None:
    expected = tuple(item.strip().lower() for item in value.split(",") if item.strip())
    assert Settings.from_env({"API_KEY_SHA256": value}).api_key_sha256 == expected


@pytest.mark.parametrize("value", ["my-secret-key", "a" * 63, "g" * 64, f"{'a' * 64} {'b' * 64}", f"{'a' * 64},x", ","])
def test_value_that_is_no_digest_stops_the_start_and_is_not_repeated(value: str) -> None:
    with pytest.raises(
        InvalidSetting, match=r"^API_KEY_SHA256 must be SHA-256 digests of 64 hexadecimal digits"
    ) as error:
        Settings.from_env({"API_KEY_SHA256": value})
    assert value == "," or value not in str(error.value)


@pytest.mark.parametrize("prefix", ["", "u", "uploads/", "uploads/new/"])
def test_upload_bucket_whose_uploads_would_be_events_is_refused(prefix: str) -> None:
    environ = {"UPLOAD_BUCKET": "photos", "WATCHED_BUCKET": "photos", "WATCHED_PREFIX": prefix}
    with pytest.raises(InvalidSetting, match="UPLOAD_BUCKET"):
        Settings.from_env(environ)
    assert Settings.from_env(environ | {"UPLOAD_BUCKET": "uploads"}).upload_bucket == "uploads"
    assert Settings.from_env(environ | {"WATCHED_PREFIX": "in/"}).upload_bucket == "photos"


@pytest.mark.parametrize(
    ("text", "conf", "class_conf"),
    [
        ("0.25,gauge:0.6,clock:0.3", 0.25, {"gauge": 0.6, "clock": 0.3}),
        ("gauge:0.6", 0.25, {"gauge": 0.6}),
        ('{"gauge": 0.6, "*": 0.4}', 0.4, {"gauge": 0.6}),
        ("0.3", 0.3, {}),
    ],
)
@pytest.mark.parametrize("name", ["CONF_THRESHOLD", "CONFIDENCE_THRESHOLD"])
def test_threshold_can_have_values_of_classes(name: str, text: str, conf: float, class_conf: dict[str, float]) -> None:
    settings = Settings.from_env({name: text})
    assert (settings.conf, settings.class_conf) == (conf, class_conf)


@pytest.mark.parametrize("text", ["0.25,gauge", "gauge:2", "a:0.1,a:0.2", "{"])
def test_wrong_thresholds_of_classes_are_refused_by_the_name_of_the_variable(text: str) -> None:
    with pytest.raises(InvalidSetting, match="CONF_THRESHOLD must "):
        Settings.from_env({"CONF_THRESHOLD": text})


@pytest.mark.parametrize("text", ["0", "a", "1,2,3", "9000"])
def test_wrong_size_is_refused_by_the_name_of_the_variable(text: str) -> None:
    with pytest.raises(InvalidSetting, match="IMGSZ must be an integer between 1 and 8192"):
        Settings.from_env({"IMGSZ": text})
