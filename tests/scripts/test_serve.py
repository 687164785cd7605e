"""scripts/serve.py: its options, and small zips behind it under the real runtime client."""

import base64
import json
import platform
import re
import signal
import socket
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import httpx
import pytest
from botocore.config import Config

from scripts import pythons, serve
from scripts.local_lambda import artifacts
from tests.support import built_zips, served

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
if PYTHON not in ("3.12", "3.13", "3.14"):
    PYTHON = next((version for version in ("3.13", "3.12", "3.14") if pythons.find(version)), PYTHON)
ARCH = artifacts.ARCHITECTURES[platform.machine().lower()]
TIMEOUT_S = 30
# The path selects what the function does.
HANDLER = """
import json, os, time
print("loaded")
exec(os.environ.get("AT_INIT", ""))
COUNT = 0

def lambda_handler(event, context):
    global COUNT
    COUNT += 1
    if "rawPath" not in event:
        time.sleep(event.get("seconds", 0))
        return {"process": ID, "event": event, "name": context.invoked_function_arn}
    path = event["rawPath"]
    print("invoked", path)
    if path == "/crash":
        os._exit(3)
    if path == "/raise":
        raise ValueError("wrong")
    if path == "/large":
        return {"statusCode": 200, "headers": {}, "body": "x" * 6_300_000}
    time.sleep(float(event["rawQueryString"] or 0))
    body = json.dumps({"count": COUNT, "process": ID, "event": event, "a": os.environ.get("A")})
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body}

ID = os.urandom(8).hex()
"""

needs_runtime = [
    pytest.mark.runtime,
    pytest.mark.skipif(not pythons.find(PYTHON), reason=f"no Python {PYTHON} on this machine"),
    pytest.mark.skipif(platform.system() != "Linux", reason="the zips are for Linux"),
]


def runtime(test: object) -> object:
    for mark in needs_runtime:
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = built_zips.write(tmp_path_factory.mktemp("zips") / "dist", arch=ARCH, python=PYTHON)
    with zipfile.ZipFile(folder / "function.zip", "w") as archive:
        for name, text in (("function/__init__.py", ""), ("function/handler.py", HANDLER)):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, text)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "65536"],
        ["--port", "-1"],
        ["--concurrency", "0"],
        ["--memory", "64"],
        ["--timeout", "0"],
        ["--env", "A"],
        ["image.jpg"],
    ],
)
def test_wrong_option_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        serve.parse(arguments)
    assert error.value.code == 2
    assert capsys.readouterr().err


def test_defaults_are_documented_ones() -> None:
    options = serve.parse([])
    assert (options.dist, options.host, options.port, options.concurrency) == (Path("dist"), "127.0.0.1", 8000, 1)


def test_folder_without_zips_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serve.main(["--dist", str(tmp_path), "--port", "0"]) == 2
    assert "build_zip.sh" in capsys.readouterr().err


def test_port_in_use_is_a_usage_error(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert serve.main(["--dist", str(dist), "--port", str(port)]) == 2
    assert str(port) in capsys.readouterr().err


@runtime
def test_requests_are_events_of_one_warm_environment(dist: Path) -> None:
    with served.serve(dist, "--env", "A=b") as url:
        first = httpx.post(url + "/x", content=b"\xff\xd8", headers={"content-type": "image/jpeg"}, timeout=TIMEOUT_S)
        second = httpx.get(url, timeout=TIMEOUT_S)
    assert (first.status_code, first.json()["event"]["rawPath"], first.json()["a"]) == (200, "/x", "b")
    assert (first.json()["process"], [first.json()["count"], second.json()["count"]]) == (
        second.json()["process"],
        [1, 2],
    )


@runtime
def test_environments_run_at_once_up_to_the_concurrency(dist: Path) -> None:
    with served.serve(dist, "--concurrency", "2") as url, ThreadPoolExecutor(4) as executor:
        replies = list(executor.map(lambda _: httpx.get(f"{url}?1", timeout=TIMEOUT_S).json(), range(4)))
    assert len({reply["process"] for reply in replies}) == 2


@runtime
def test_boto3_invokes_the_zips_and_is_throttled_above_the_concurrency(
    dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def invoke(number: int) -> str:
        try:
            reply = client.invoke(FunctionName="yolo:live", LogType="Tail", Payload=b'{"seconds": 2}')
        except client.exceptions.TooManyRequestsException:
            return "throttled"
        assert re.search(r"Max Memory Used: [1-9]\d* MB", base64.b64decode(reply["LogResult"]).decode())
        return str(json.load(reply["Payload"])["process"])

    with served.serve(dist, "--concurrency", "2") as url, ThreadPoolExecutor(4) as executor:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-central-1")
        client = session.client("lambda", config=Config(retries={"total_max_attempts": 1}))
        results = sorted(executor.map(invoke, range(4)), key=lambda result: result == "throttled")
        client.close()
    assert (len(set(results[:2])), results[2:]) == (2, ["throttled", "throttled"])


@runtime
def test_errors_of_the_function_are_502_and_the_next_request_works(dist: Path) -> None:
    process = served.start(dist, "--timeout", "1.5", stderr=subprocess.PIPE)
    url = served.url_of(process)
    paths = ("/crash", "/raise", "/large", "/?5")
    replies = {path: httpx.get(url + path, timeout=TIMEOUT_S) for path in paths}
    assert {path: reply.status_code for path, reply in replies.items()} == dict.fromkeys(paths, 502)
    assert httpx.get(url, timeout=TIMEOUT_S).status_code == 200
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=TIMEOUT_S)
    kinds = re.findall(r"502, ([\w.]+)", errors)
    assert kinds == ["Runtime.ExitError", "ValueError", "Function.ResponseSizeTooLarge", "Sandbox.Timedout"]


@runtime
@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_server_without_a_trace(dist: Path, number: int, tmp_path: Path) -> None:
    process = served.start(dist, "--verbose", stderr=subprocess.PIPE)
    url = served.url_of(process)
    with ThreadPoolExecutor(1) as executor:
        reply = executor.submit(httpx.get, f"{url}/slow?0.5", timeout=TIMEOUT_S)
        assert process.stderr
        lines = iter(process.stderr.readline, "")
        assert any("invoked /slow" in line for line in lines)
        process.send_signal(number)
        assert reply.result().status_code == 200  # a running request ends first
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, output) == (130, "")
    assert "Traceback" not in errors


@runtime
@pytest.mark.alone
def test_signal_ends_a_long_invocation(dist: Path) -> None:
    process = served.start(dist, "--verbose", stderr=subprocess.PIPE)
    url = served.url_of(process)
    with ThreadPoolExecutor(1) as executor:
        reply = executor.submit(httpx.get, f"{url}/slow?25", timeout=TIMEOUT_S)
        assert process.stderr
        assert any("invoked /slow" in line for line in iter(process.stderr.readline, ""))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)
        assert reply.exception() or reply.result().status_code >= 500
    assert process.returncode == 130


@runtime
def test_log_of_the_function_is_printed_if_verbose(dist: Path) -> None:
    process = served.start(dist, "--verbose", stderr=subprocess.PIPE)
    served.url_of(process)
    process.send_signal(signal.SIGINT)
    assert "  | loaded\n" in process.communicate(timeout=TIMEOUT_S)[1]


@runtime
def test_function_that_does_not_start_is_a_failure(dist: Path) -> None:
    process = served.start(dist, "--env", "AT_INIT=raise ValueError('no model')", stderr=subprocess.PIPE)
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, output) == (1, "")
    (line,) = errors.splitlines()
    assert line.startswith("serve: the function did not start: ")
    assert line.endswith("no model; --verbose prints the log")


@runtime
def test_start_failure_names_the_mode_that_shows_a_model_file(dist: Path, tmp_path: Path) -> None:
    path = tmp_path / "dial.onnx"
    path.touch()
    failure = f"raise ValueError('no model file at {path} (the value of READ_MODEL_PATH)')"
    options = ("--env", f"AT_INIT={failure}", "--env", f"READ_MODEL_PATH={path}")
    process = served.start(dist, *options, stderr=subprocess.PIPE)
    assert "use --isolation plain" in process.communicate(timeout=TIMEOUT_S)[1]


@runtime
def test_reload_uses_the_sources_of_the_checkout(dist: Path) -> None:
    """The sources need the packages of the layer, which these zips do not have: the error names one of them."""
    process = served.start(dist, "--reload", stderr=subprocess.PIPE)
    errors = process.communicate(timeout=TIMEOUT_S)[1]
    assert process.returncode == 1
    assert re.search(r"No module named '(numpy|onnxruntime|PIL)'", errors), errors


def test_temporary_folder_of_reload_is_deleted_if_the_start_fails(
    dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "build.json").write_text(
        json.dumps({"arch": "arm64" if ARCH == "x86_64" else "x86_64", "python": PYTHON})
    )
    for name in ("layer.zip", "function.zip"):
        (tmp_path / name).write_bytes((dist / name).read_bytes())
    before = set(tmp_path.iterdir())
    assert serve.main(["--dist", str(tmp_path), "--port", "0", "--reload"]) == 2
    assert set(tmp_path.iterdir()) == before
