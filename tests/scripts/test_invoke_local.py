"""Parts of the local emulation without a sandbox: artifacts, options, events, unpacking, report."""

import base64
import io
import json
import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from function.api import authentication
from scripts import invoke_local
from scripts.aws.limits import EVENT_LIMIT
from scripts.local_lambda import artifacts, env_vars, events, report, runtime_client
from scripts.local_lambda.env_vars import Settings, lambda_environ
from scripts.local_lambda.errors import InitFailed, NotRunnable, RequestTooLarge
from scripts.local_lambda.invocation import Invocation, describe_exit
from scripts.local_lambda.sandbox import ProcessExit, unpack

ROOT = Path(__file__).resolve().parent.parent.parent
ARCH = artifacts.ARCHITECTURES[platform.machine().lower()]
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
DOS_ARCHIVE = 0x20  # not 0, which zipfile replaces by a default mode
BOX = {
    "class_name": "gauge", "class_id": 0, "confidence": 0.9134,
    "box_2d": {"x_min": 12.25, "y_min": 40.5, "x_max": 210.0, "y_max": 240.75},
}  # fmt: skip


def dist(folder: Path, **fields: str) -> Path:
    (folder / "build.json").write_text(json.dumps({"arch": ARCH, "python": "3.13", **fields}))
    for name in ("layer.zip", "function.zip"):
        zipfile.ZipFile(folder / name, "w").close()
    return folder


def zipped(mode: int, name: str = "a.py", data: str = "x") -> io.BytesIO:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16 | DOS_ARCHIVE
        opened.writestr(entry, data)
    return archive


def invocation(response: Any, error: dict[str, Any] | None = None) -> Invocation:
    return Invocation(response, error, 12.34, None, "", "id")


def http_response(status: int, **body: Any) -> dict[str, Any]:
    return {"statusCode": status, "headers": {}, "body": json.dumps(body), "isBase64Encoded": False}


def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "scripts" / "invoke_local.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("missing", ["build.json", "layer.zip", "function.zip"])
def test_error_names_missing_file_of_the_build(tmp_path: Path, missing: str) -> None:
    (dist(tmp_path) / missing).unlink()
    with pytest.raises(NotRunnable, match=missing):
        artifacts.read(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"arch": "x86_64"}'])
def test_incomplete_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (dist(tmp_path) / "build.json").write_text(text)
    with pytest.raises(NotRunnable, match=r"build\.json"):
        artifacts.read(tmp_path)


def test_zips_of_other_architecture_exit_with_2_and_one_line(tmp_path: Path) -> None:
    other = {"x86_64": "arm64", "arm64": "x86_64"}[ARCH]
    (tmp_path / "e.json").write_text("{}")
    done = run("--dist", dist(tmp_path, arch=other), "--event", tmp_path / "e.json")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert other in done.stderr and ARCH in done.stderr


def test_missing_python_exits_with_2_and_lists_available_ones(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text("{}")
    done = run("--dist", dist(tmp_path, python="3.99"), "--event", tmp_path / "e.json")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "3.99" in done.stderr and "available: 3." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "an IMAGE, --event FILE or --request FILE is required"),
        (["--event", "e.json", "--save", "out"], "--save requires an IMAGE"),
        (["a.jpg", "--memory", "100"], "--memory must be between 128 and 10240 MB, got 100"),
        (["a.jpg", "--timeout", "901"], "--timeout must be more than 0 and at most 900 seconds, got 901"),
        (["a.jpg", "--env", "CONF"], "must be NAME=VALUE, got 'CONF'"),
        (["no-such.jpg"], "no-such.jpg: No such file"),
        (["--event", "no-such.json"], "no-such.json: No such file"),
        (["--event", __file__], "is not JSON"),
        (["--request", "no-such.json"], "no-such.json: No such file"),
        (["--request", __file__], "is not JSON"),
        (["--request", "a.json", "--path", "v2"], "--path must begin with a slash, got 'v2'"),
    ],
)
def test_usage_error_exits_with_2_without_traceback(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_image_is_raw_body_of_function_url_event(tmp_path: Path) -> None:
    path = tmp_path / "a.JPG"
    path.write_bytes(b"\xff\xd8image")
    event = events.from_image(path, "conf=0.4&classes=0,1").event
    assert base64.b64decode(event["body"]) == b"\xff\xd8image"
    assert event["isBase64Encoded"] is True
    assert (event["version"], event["requestContext"]["http"]["method"], event["rawPath"]) == ("2.0", "POST", "/")
    assert event["headers"]["content-type"] == "image/jpeg"
    assert event["rawQueryString"] == "conf=0.4&classes=0,1"
    assert event["queryStringParameters"] == {"conf": "0.4", "classes": "0,1"}


def test_request_is_text_body_of_function_url_event(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"id": "größe"}')
    item = events.from_request(path, "/v2/models/wine/infer")
    assert (json.loads(item.event["body"]), item.event["isBase64Encoded"]) == ({"id": "größe"}, False)
    assert item.event["rawPath"] == item.event["requestContext"]["http"]["path"] == "/v2/models/wine/infer"
    assert item.event["headers"]["content-type"] == "application/json"
    assert item.event["headers"]["content-length"] == str(len(item.event["body"].encode()))
    assert item.has_status


def test_events_are_signed_so_that_detections_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}")
    for item in (events.from_request(path, "/"), events.from_image(path, "")):
        assert authentication.is_authenticated({}, item.event["requestContext"], ())
    unsigned = events.function_url_event(b"", None)
    assert not authentication.is_authenticated({}, unsigned["requestContext"], ())


def test_models_in_a_layer_at_another_place_are_named(tmp_path: Path) -> None:
    task, opt = tmp_path / "task", tmp_path / "opt"
    for folder in (task, opt):
        folder.mkdir()
    for name in env_vars.MODELS:
        (opt / name).touch()
    detector = {"MODEL_PATH": "/x/model.onnx", "MODEL_SHA256": EMPTY_SHA256}
    reader = {"READ_MODEL_PATH": "/x/reader.onnx", "READ_MODEL_SHA256": EMPTY_SHA256}
    assert env_vars.layer_models(task, opt, "/x", {}) == detector | reader
    assert env_vars.layer_models(task, opt, "/x", {"MODEL_PATH": "/y"}) == reader
    assert env_vars.layer_models(task, opt, "/x", {"READ_MODEL_ID": "a.b"}) == detector
    stated = env_vars.layer_models(task, opt, "/x", {"READ_MODEL_SHA256": "ab" * 32})
    assert stated["READ_MODEL_SHA256"] == "ab" * 32  # of the user: the function refuses the model
    (task / "reader.onnx").touch()
    assert env_vars.layer_models(task, opt, "/x", {}) == detector


def test_request_too_large_for_an_event_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"inputs": ["x" * EVENT_LIMIT]}))
    with pytest.raises(RequestTooLarge, match=r"a\.json must be at most 6,287,360 bytes as a JSON string, got 6,"):
        events.from_request(path, "/")


def test_report_lists_tensors_by_name_with_first_values() -> None:
    tensor = {"name": "flavanoids", "shape": [30, 1], "datatype": "FP32", "data": [1.5] * 30}
    text = report.invocation("a.json", invocation(http_response(200, model_name="wine", outputs=[tensor])))
    assert "  200  wine\n" in text
    assert "  flavanoids  FP32 [30, 1]  1.5, 1.5," in text
    assert text.count("1.5") == 20
    assert "... (30 values)" in text


def test_image_with_unknown_suffix_is_sent_as_octet_stream(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_bytes(b"")
    assert events.from_image(path, "").event["headers"]["content-type"] == "application/octet-stream"


def test_error_of_too_large_image_suggests_scaling(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(bytes(EVENT_LIMIT // 4 * 3))
    with pytest.raises(RequestTooLarge, match="scale the image down"):
        events.from_image(path, "")


def test_largest_accepted_image_fits_into_an_event(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(bytes((EVENT_LIMIT - events.ENVELOPE) // 4 * 3))
    event = events.from_image(path, "conf=0.4&iou=0.5&max_det=300&classes=0,1,2").event
    assert len(json.dumps(event)) <= EVENT_LIMIT


@pytest.mark.parametrize(("mode", "expected"), [(0o100644, 0o644), (0o100600, 0o600), (0o100755, 0o755), (0, 0o644)])
def test_unpacking_keeps_file_modes(tmp_path: Path, mode: int, expected: int) -> None:
    unpack.unpack(zipped(mode), tmp_path / "task")
    assert (tmp_path / "task" / "a.py").stat().st_mode & 0o777 == expected


def test_unpacking_keeps_symbolic_links(tmp_path: Path) -> None:
    unpack.unpack(zipped(0o120777, "a", "b"), tmp_path / "task")
    assert (tmp_path / "task" / "a").readlink() == Path("b")


@pytest.mark.parametrize("name", ["../a", "/a", "b/../../a"])
def test_unpacking_refuses_entries_outside_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="outside"):
        unpack.unpack(zipped(0o100644, name), tmp_path / "task")


def test_user_cannot_set_reserved_variables() -> None:
    paths = {"task": "/var/task", "opt": "/opt", "lang": "/var/lang", "runtime": "/var/runtime"}
    user = {"_HANDLER": "other", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1", "TZ": "UTC", "CONF_THRESHOLD": "0.5"}
    environ = lambda_environ(Settings("a.b", 1769, user), "3.13", paths, 9001)
    assert (environ["_HANDLER"], environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) == ("a.b", "1769")
    assert (environ["TZ"], environ["CONF_THRESHOLD"]) == ("UTC", "0.5")


@pytest.mark.parametrize(
    ("user", "region", "default"),
    [
        ({}, "us-east-1", "us-east-1"),
        ({"AWS_REGION": "eu-central-1"}, "eu-central-1", "eu-central-1"),
        ({"AWS_DEFAULT_REGION": "eu-central-1"}, "eu-central-1", "eu-central-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-central-1"}, "eu-central-1", "eu-central-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-central-1"}, "eu-west-1", "eu-central-1"),
    ],
)
def test_either_variable_sets_the_region(user: dict[str, str], region: str, default: str) -> None:
    paths = {"task": "/var/task", "opt": "/opt", "lang": "/var/lang", "runtime": "/var/runtime"}
    environ = lambda_environ(Settings("a.b", 1769, user), "3.13", paths, 9001)
    assert (environ["AWS_REGION"], environ["AWS_DEFAULT_REGION"]) == (region, default)


@pytest.mark.parametrize(
    ("ended", "text"),
    [
        (ProcessExit(0, 0, ""), "exit status 0"),
        (ProcessExit(3 << 8, 0, ""), "exit status 3"),
        (ProcessExit(11, 0, ""), "signal: segmentation fault"),
        (ProcessExit(9, 0, ""), "signal: killed (the kernel sends it if memory runs out)"),
        (ProcessExit(127 << 8, 0, "no such file"), "no such file"),
    ],
)
def test_exit_of_process_is_described_in_words(ended: ProcessExit, text: str) -> None:
    assert describe_exit(ended) == text


def test_report_without_detections_has_no_table() -> None:
    body = {"detections": [], "image_dimensions": {"width": 8, "height": 6}}
    text = report.invocation("a.jpg", invocation(http_response(200, **body)))
    assert "200  8 x 6  0 boxes" in text
    assert "x_min" not in text


def test_report_has_table_of_boxes() -> None:
    body = {"detections": [BOX], "image_dimensions": {"width": 810, "height": 1080}, "timing_ms": {"read": 8.14}}
    lines = report.invocation("a.jpg", invocation(http_response(200, **body))).splitlines()
    assert lines[0].split() == ["invoke", "12.3", "ms", "a.jpg"]
    assert lines[1].split() == ["200", "810", "x", "1080", "1", "box", "(read", "8.1", "ms)"]
    assert lines[3].split() == ["gauge", "0.9134", "12.25", "40.50", "210.00", "240.75"]


def test_report_of_function_error_has_type_message_and_trace() -> None:
    error = {"errorType": "ValueError", "errorMessage": "bad", "stackTrace": ['  File "a.py", line 1\n    code\n']}
    text = report.invocation("a.jpg", invocation(None, error))
    assert "function error ValueError: bad" in text
    assert '    File "a.py", line 1\n      code\n' in text


def test_report_of_an_error_response_is_one_line() -> None:
    response = http_response(415, error="the image is broken", type="UnsupportedImage", request_id="1")
    lines = report.invocation("a.jpg", invocation(response)).splitlines()
    assert lines[1:] == ["  415 UnsupportedImage: the image is broken"]


def test_an_interruption_says_how_many_invocations_are_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Function:
        isolation, isolation_note, python, arch, init_ms = "plain", "test", "3.13", ARCH, 1.0
        invoked = 0

        def __init__(self, *_: Any, **__: Any) -> None: ...

        def __enter__(self) -> "Function":
            return self

        def __exit__(self, *_: object) -> None: ...

        def invoke(self, event: Any) -> Invocation:
            if self.invoked == 2:
                raise KeyboardInterrupt
            self.invoked += 1
            return invocation({"statusCode": 200})

    monkeypatch.setattr("scripts.local_lambda.other_system.open_function", Function)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    (tmp_path / "e.json").write_text("{}")
    assert invoke_local.main(["--event", str(tmp_path / "e.json")] * 5) == 130
    assert capsys.readouterr().err == "invoke_local: interrupted; 2 of 5 invocations are finished\n"


def test_a_second_user_with_a_read_only_folder_uses_a_runtime_client_that_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter = artifacts.Interpreter(Path(sys.prefix), Path(sys.executable), "3.13.0")
    monkeypatch.setenv("YOLO_LAMBDA_HOME", str(tmp_path))

    def install(interpreter: artifacts.Interpreter, arch: str, folder: Path) -> None:
        folder.mkdir()

    monkeypatch.setattr(runtime_client, "_install", install)
    ready = runtime_client.ensure(interpreter, ARCH)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write to every folder
    assert runtime_client.ensure(interpreter, ARCH) == ready
    with pytest.raises(NotRunnable, match="is not writable: YOLO_LAMBDA_HOME must name a folder"):
        runtime_client.ensure(interpreter._replace(version="3.13.1"), ARCH)


def test_report_of_failed_init_has_end_of_log_unless_it_was_printed() -> None:
    error = InitFailed("Runtime.ExitError", "signal: killed", [], "".join(f"line {i}\n" for i in range(100)))
    assert "line 99" in report.init_failure(error, log_was_shown=False)
    assert "line 10\n" not in report.init_failure(error, log_was_shown=False)
    assert report.init_failure(error, log_was_shown=True).count("\n") == 1


@pytest.mark.parametrize("name", ["MODEL_PATH", "READ_MODEL_PATH"])
def test_model_file_that_the_sandbox_hides_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "dial.onnx"
    error = InitFailed("UnusableModel", f"no model file at {path} (the value of {name})", [], "")
    assert report.hidden_file(error, {name: str(path)}) == ""
    path.touch()
    assert "--isolation plain" in report.hidden_file(error, {name: str(path)})
    assert report.hidden_file(error, {}) == ""
    assert report.hidden_file(InitFailed("UnusableModel", f"{path} is broken", [], ""), {name: str(path)}) == ""


@pytest.mark.parametrize(
    ("response", "error", "requires_2xx", "expected"),
    [
        (http_response(200), None, True, True),
        (http_response(415), None, True, False),
        (http_response(415), None, False, True),
        ({"no": "status"}, None, True, False),
        (None, None, False, True),
        (None, {"errorType": "E"}, False, False),
    ],
)
def test_success_is_2xx_for_images_and_no_error_for_events(
    response: Any, error: dict[str, Any] | None, requires_2xx: bool, expected: bool
) -> None:
    assert report.succeeded(invocation(response, error), requires_2xx) is expected


def test_report_marks_memory_above_the_memory_size() -> None:
    assert "exceeds the memory size" in report.memory(200 * 2**20, 128)
    assert "exceeds the memory size" not in report.memory(100 * 2**20, 128)


def test_report_marks_init_above_the_limit_of_lambda() -> None:
    assert "exceeds Lambda's limit of 10 s" in report.start("3.13.0", "plain", 10_001)
    assert "exceeds" not in report.start("3.13.0", "plain", 9_999)


def test_all_packages_of_the_runtime_are_pinned() -> None:
    lines = [line for line in runtime_client.REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]
    assert all(line.count("==") == 1 for line in lines)
    assert "awslambdaric==4.2.2" in lines
