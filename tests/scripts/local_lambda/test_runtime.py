"""Local emulation with the real runtime client: view of the function, results for the caller, cleanup."""

import base64
import json
import os
import platform
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts import pythons
from scripts.aws.limits import EVENT_LIMIT
from scripts.local_lambda import artifacts, runtime_client
from scripts.local_lambda.emulator import LocalLambda
from scripts.local_lambda.errors import DrawFailed, InitFailed, NotRunnable, RequestTooLarge

ROOT = Path(__file__).resolve().parent.parent.parent.parent
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
if PYTHON not in ("3.12", "3.13", "3.14"):
    PYTHON = next((version for version in ("3.13", "3.12", "3.14") if pythons.find(version)), PYTHON)
ARCH = artifacts.ARCHITECTURES[platform.machine().lower()]
HANDLER = "handler.invoke"
# Evaluates the expression of the event, so that each test can look from inside; AT_INIT makes the import fail.
PROGRAM = """
import os, signal, sys, time
import layered
print("loading")
exec(os.environ.get("AT_INIT", ""))

def invoke(event, context):
    if "requestContext" in event:
        return {"statusCode": int(event["rawQueryString"] or 200), "headers": {}, "body": BODY}
    print("invoked")
    return eval(event["expression"])

BODY = '{"detections": [], "image_dimensions": {"width": 4, "height": 3}}'
"""
# Replaces the shipped drawing code: the image is bytes, and drawing appends to them.
IMAGE = """
def drawable(data, body, max_pixels):
    return data + b"|%d" % max_pixels
"""
DRAW = """
class Drawn:
    def __init__(self, data): self.data = data
    def save(self, file, kind, quality): file.write(self.data + b"|" + kind.encode())

def annotate(image, detections):
    return Drawn(image + b"|%d" % len(detections))
"""
LAMBDA_VARIABLES = {
    "LANG", "TZ", "PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_REGION",
    "AWS_DEFAULT_REGION", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING",
    "_HANDLER", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_RUNTIME_API", "_X_AMZN_TRACE_ID",
}  # fmt: skip

pytestmark = [
    pytest.mark.runtime,
    pytest.mark.skipif(not pythons.find(PYTHON), reason=f"no Python {PYTHON} on this machine"),
    pytest.mark.skipif(platform.system() != "Linux", reason="the zips are for Linux"),
]


def write_zip(path: Path, files: dict[str, str], mode: int = 0o100644) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, text)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    package = {"function/__init__.py": "", "function/preprocess/multiband.py": IMAGE, "function/draw.py": DRAW}
    write_zip(folder / "function.zip", {"handler.py": PROGRAM, **package})
    write_zip(folder / "layer.zip", {"python/layered.py": ""})
    (folder / "build.json").write_text(json.dumps({"arch": ARCH, "python": PYTHON}))
    return folder


def isolated(dist: Path, isolation: str = "namespace", **options: Any) -> LocalLambda:
    """Return a function with the isolation under test; skip if this machine does not support it."""
    try:
        return LocalLambda(dist, handler=HANDLER, isolation=isolation, **options)
    except NotRunnable as error:
        if isolation == "namespace":
            pytest.skip(str(error))
        raise


@pytest.fixture(scope="module", params=["namespace", "plain"])
def function(request: pytest.FixtureRequest, dist: Path) -> Iterator[LocalLambda]:
    """Yield a warm function for tests that do not break it, with both isolations."""
    with isolated(dist, request.param, memory=512, env={"USER_VARIABLE": "yes"}) as started:
        yield started


@pytest.fixture(scope="module")
def isolated_function(dist: Path) -> Iterator[LocalLambda]:
    """Yield a warm function in namespaces."""
    with isolated(dist) as started:
        yield started


@pytest.fixture
def fragile(dist: Path) -> Iterator[LocalLambda]:
    """Yield a function for one test, which may break it."""
    with LocalLambda(dist, handler=HANDLER) as started:
        yield started


def evaluate(function: LocalLambda, expression: str) -> Any:
    """Return the value of an expression inside the function."""
    done = function.invoke({"expression": expression})
    assert done.error is None, done.error
    return done.response


def failure(function: LocalLambda, expression: str) -> tuple[str, str]:
    """Return type and message of the error of an expression inside the function."""
    done = function.invoke({"expression": expression})
    assert done.error is not None, done.response
    return done.error["errorType"], done.error["errorMessage"]


def test_python_is_that_of_the_zips(function: LocalLambda) -> None:
    assert evaluate(function, "'%d.%d' % sys.version_info[:2]") == PYTHON
    assert function.python.startswith(PYTHON + ".")


def test_warm_environment_is_reused(function: LocalLambda) -> None:
    first, second = function.invoke({"expression": "os.getpid()"}), function.invoke({"expression": "os.getpid()"})
    assert first.response == second.response
    assert second.init_ms is None
    assert function.init_ms > 0


@pytest.mark.parametrize("module", ["pytest", "mypy", "onnxruntime", "numpy", "pip", "local_lambda", "tests", "export"])
def test_modules_of_the_host_cannot_be_imported(function: LocalLambda, module: str) -> None:
    assert failure(function, f"__import__({module!r})")[0] == "ModuleNotFoundError"


@pytest.mark.parametrize("module", ["layered", "function.draw", "boto3", "snapshot_restore_py", "simplejson"])
def test_modules_of_zips_and_runtime_can_be_imported(function: LocalLambda, module: str) -> None:
    assert evaluate(function, f"__import__({module!r}).__name__") == module.split(".", maxsplit=1)[0]


def test_boto3_knows_the_services_that_the_function_calls(function: LocalLambda) -> None:
    services = evaluate(function, "__import__('boto3').Session().get_available_services()")
    assert services == sorted(runtime_client.SERVICES)


def test_search_path_is_that_of_lambda(isolated_function: LocalLambda) -> None:
    library = f"/var/lang/lib/python{PYTHON}"
    assert evaluate(isolated_function, "sys.path") == [
        "/var/task", f"/opt/python/lib/python{PYTHON}/site-packages", "/opt/python", "/var/runtime",
        f"/var/lang/lib/python{PYTHON.replace('.', '')}.zip", library, f"{library}/lib-dynload",
    ]  # fmt: skip


def test_environment_has_variables_of_lambda_and_of_the_user_only(function: LocalLambda) -> None:
    own = {"USER_VARIABLE"} | ({"TMPDIR"} if function.isolation == "plain" else set())
    assert set(evaluate(function, "dict(os.environ)")) == LAMBDA_VARIABLES | own


def test_variables_have_the_values_of_lambda(isolated_function: LocalLambda) -> None:
    environ = evaluate(isolated_function, "dict(os.environ)")
    assert environ["LAMBDA_TASK_ROOT"] == "/var/task"
    assert environ["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{PYTHON}"
    assert environ["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert (environ["TZ"], environ["LANG"], environ["_HANDLER"]) == (":UTC", "en_US.UTF-8", HANDLER)


def test_context_has_the_fields_of_lambda(function: LocalLambda) -> None:
    expression = "[context.aws_request_id, context.memory_limit_in_mb, context.function_name]"
    done = function.invoke({"expression": expression})
    assert done.response == [done.request_id, "512", "local"]
    assert 25_000 < evaluate(function, "context.get_remaining_time_in_millis()") <= 30_000


def test_working_directory_is_task_root(function: LocalLambda) -> None:
    assert evaluate(function, "os.getcwd() == os.environ['LAMBDA_TASK_ROOT']") is True


@pytest.mark.parametrize("folder", ["os.environ['LAMBDA_TASK_ROOT']", "os.path.dirname(layered.__file__)"])
def test_code_is_read_only(function: LocalLambda, folder: str) -> None:
    if "runs as root" in function.isolation_note:
        pytest.skip("root can write to plain folders")
    assert failure(function, f"open({folder} + '/new', 'w')")[0] in ("PermissionError", "OSError")


def test_no_bytecode_is_written_next_to_the_code(function: LocalLambda) -> None:
    assert evaluate(function, "os.path.exists(os.environ['LAMBDA_TASK_ROOT'] + '/__pycache__')") is False


@pytest.mark.parametrize("folder", ["/", "/var", "/usr", "/etc", "/var/lang", "/var/runtime", "/dev", "/home"])
def test_host_folders_are_not_writable(isolated_function: LocalLambda, folder: str) -> None:
    kind, _ = failure(isolated_function, f"open({folder!r} + '/new', 'w')")
    assert kind in ("PermissionError", "OSError", "FileNotFoundError")


def test_tmp_is_writable_and_separate_from_the_host(function: LocalLambda) -> None:
    name = f"mark-{os.getpid()}"
    path = f"__import__('tempfile').gettempdir() + '/{name}'"
    assert evaluate(function, f"open({path}, 'w').write('here')") == 4
    assert evaluate(function, f"open({path}).read()") == "here"
    assert not Path("/tmp", name).exists()


def test_user_has_no_privileges(isolated_function: LocalLambda) -> None:
    assert evaluate(isolated_function, "[os.getuid(), os.getgid()]") == [993, 990]
    status = evaluate(isolated_function, "open('/proc/self/status').read()")
    assert "CapEff:\t0000000000000000\n" in status
    assert "NoNewPrivs:\t1\n" in status


def test_home_directory_does_not_exist(isolated_function: LocalLambda) -> None:
    assert evaluate(isolated_function, "os.path.expanduser('~')") == "/home/sbx_user1051"
    assert evaluate(isolated_function, "os.path.exists(os.path.expanduser('~'))") is False


def test_checkout_is_not_visible(isolated_function: LocalLambda) -> None:
    assert evaluate(isolated_function, f"os.path.exists({str(ROOT)!r})") is False


def test_network_is_not_available(isolated_function: LocalLambda) -> None:
    assert evaluate(isolated_function, "[name for _, name in __import__('socket').if_nameindex()]") == ["lo"]
    _, message = failure(isolated_function, "__import__('socket').create_connection(('192.0.2.1', 443), 5)")
    assert "unreachable" in message


def test_other_processes_are_not_visible(isolated_function: LocalLambda) -> None:
    processes = evaluate(isolated_function, "[int(name) for name in os.listdir('/proc') if name.isdigit()]")
    assert len(processes) == 2  # the sandbox and the function


def test_shared_memory_is_not_available(isolated_function: LocalLambda) -> None:
    assert evaluate(isolated_function, "os.path.exists('/dev/shm')") is False


def test_file_descriptors_are_limited_as_on_lambda(function: LocalLambda) -> None:
    assert evaluate(function, "__import__('resource').getrlimit(__import__('resource').RLIMIT_NOFILE)") == [1024, 1024]


def test_bytes_are_returned_as_bytes(function: LocalLambda) -> None:
    assert evaluate(function, "bytes(range(256)) * 1000") == bytes(range(256)) * 1000


def test_non_ascii_text_is_unchanged_in_event_and_response(function: LocalLambda) -> None:
    text = "é€ü☃😀"
    assert function.invoke({"expression": "event['text'] + 'ö'", "text": text}).response == text + "ö"


def test_logs_are_those_of_the_invocation(function: LocalLambda) -> None:
    function.invoke({"expression": "print('earlier')"})
    done = function.invoke({"expression": "print('late', file=sys.stderr) or os.system('echo child')"})
    assert done.logs == "invoked\nlate\nchild\n"


def test_end_of_environment_writes_nothing_to_the_log(dist: Path) -> None:
    lines: list[str] = []
    with LocalLambda(dist, handler=HANDLER, log=lines.append):
        pass
    assert lines == ["loading"]


def test_exception_becomes_error_document(function: LocalLambda) -> None:
    done = function.invoke({"expression": "1 / 0"})
    assert done.response is None and done.error is not None
    assert (done.error["errorType"], done.error["errorMessage"]) == ("ZeroDivisionError", "division by zero")
    assert "handler.py" in done.error["stackTrace"][0]
    assert "[ERROR] ZeroDivisionError" in done.logs


def test_response_without_json_form_is_an_error(function: LocalLambda) -> None:
    assert failure(function, "{1, 2}")[0] == "Runtime.MarshalError"


def test_nan_in_response_is_an_error(function: LocalLambda) -> None:
    assert failure(function, "[float('nan')]")[0] == "InvalidJSON"


def test_largest_event_is_delivered(function: LocalLambda) -> None:
    event = {"expression": "len(event['fill'])", "fill": ""}
    event["fill"] = "x" * (EVENT_LIMIT - len(json.dumps(event, separators=(",", ":"))))
    assert function.invoke(event).response == len(event["fill"])


def test_too_large_event_is_refused_before_it_is_sent(function: LocalLambda) -> None:
    with pytest.raises(RequestTooLarge, match="6,291,456"):
        function.invoke({"fill": "x" * EVENT_LIMIT})


def test_largest_response_is_returned(function: LocalLambda) -> None:
    assert len(evaluate(function, f"'x' * {EVENT_LIMIT - 2}")) == EVENT_LIMIT - 2


def test_too_large_response_is_an_error_and_next_invocation_works(fragile: LocalLambda) -> None:
    assert failure(fragile, "'x' * 7_000_000") == (
        "Function.ResponseSizeTooLarge", "the response must be at most 6,291,556 bytes, got 7,000,002",
    )  # fmt: skip
    assert evaluate(fragile, "1") == 1


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "signal: segmentation fault"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal: killed"),
        ("os._exit(3)", "exit status 3"),
        ("sys.exit(0)", "exit status 0"),
    ],
)
def test_ended_process_is_an_error_and_next_invocation_starts_a_new_one(
    fragile: LocalLambda, expression: str, text: str
) -> None:
    kind, message = failure(fragile, expression)
    assert kind == "Runtime.ExitError"
    assert text in message
    after = fragile.invoke({"expression": "1"})
    assert after.response == 1
    assert after.init_ms is not None


def test_invocation_is_ended_after_its_timeout(dist: Path) -> None:
    with LocalLambda(dist, handler=HANDLER, timeout=0.5) as function:
        evaluate(function, "open('/tmp/kept', 'w').close()") if function.isolation == "namespace" else None
        done = function.invoke({"expression": "time.sleep(60)"})
        assert done.error is not None
        assert done.error["errorType"] == "Sandbox.Timedout"
        assert "timed out after 0.50 seconds" in done.error["errorMessage"]
        assert 450 < done.invoke_ms < 5000
        after = function.invoke({"expression": "os.path.exists('/tmp/kept')"})
        assert after.init_ms is not None
        assert after.response is (function.isolation == "namespace")  # /tmp is kept, as on Lambda


@pytest.mark.parametrize(
    ("at_init", "kind", "text"),
    [
        ("import no_such_module", "Runtime.ImportModuleError", "No module named 'no_such_module'"),
        ("exec('a b')", "Runtime.UserCodeSyntaxError", "invalid syntax"),
        ("raise KeyError('model')", "KeyError", "model"),
        ("os._exit(5)", "Runtime.ExitError", "exit status 5"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "Runtime.ExitError", "segmentation fault"),
        ("os.abort()", "Runtime.ExitError", "aborted"),
    ],
)
def test_failed_init_has_error_type_message_and_log(dist: Path, at_init: str, kind: str, text: str) -> None:
    with pytest.raises(InitFailed) as caught, LocalLambda(dist, handler=HANDLER, env={"AT_INIT": at_init}):
        pass
    assert caught.value.kind == kind
    assert text in caught.value.message
    assert caught.value.logs.startswith("loading\n")


HOOKS = """
import snapshot_restore_py as hooks
hooks.register_before_snapshot(print, "before")
hooks.register_after_restore(print, "after")
"""


def test_snap_start_runs_hooks_and_sets_no_log_stream(dist: Path) -> None:
    lines: list[str] = []
    with LocalLambda(dist, handler=HANDLER, env={"AT_INIT": HOOKS}, snap_start=True, log=lines.append) as function:
        assert function.init_ms > 0 and function.restore_ms > 0
        assert evaluate(function, "os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']") == "snap-start"
        assert evaluate(function, "'AWS_LAMBDA_LOG_STREAM_NAME' in os.environ") is False
    assert lines[:3] == ["loading", "before", "after"]


@pytest.mark.parametrize("moment", ["before_snapshot", "after_restore"])
def test_failing_hook_fails_the_init(dist: Path, moment: str) -> None:
    at_init = f"import snapshot_restore_py as hooks; hooks.register_{moment}(lambda: {{}}['{moment}'])"
    with (
        pytest.raises(InitFailed, match=moment) as caught,
        LocalLambda(dist, handler=HANDLER, env={"AT_INIT": at_init}, snap_start=True),
    ):
        pass
    assert caught.value.kind == "KeyError"


def test_command_prints_time_of_restore_hook(dist: Path, tmp_path: Path) -> None:
    done = run(dist, "--snap-start", "--event", event(tmp_path, "1"))
    assert done.returncode == 0, done.stderr
    assert "\nrestore " in done.stdout


def test_closed_pipe_ends_command_without_traceback(dist: Path, tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "invoke_local.py", "--dist", dist, "--handler", HANDLER, "--quiet"]
    many = [part for _ in range(3) for part in ("--event", event(tmp_path, "'x' * 100_000"))]
    with subprocess.Popen([*command, *many], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tool:
        assert tool.stdout
        assert tool.stderr
        tool.stdout.readline()
        tool.stdout.close()
        errors = tool.stderr.read()
    assert (tool.returncode, errors) == (141, b"")


def test_init_is_ended_after_its_time_limit(dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.local_lambda.emulator.INIT_LIMIT", 1.0)
    with (
        pytest.raises(InitFailed, match=r"Sandbox\.Timedout"),
        LocalLambda(dist, handler=HANDLER, env={"AT_INIT": "time.sleep(60)"}),
    ):
        pass


def test_error_names_missing_handler(dist: Path) -> None:
    with pytest.raises(InitFailed, match="Handler 'nothing' missing"), LocalLambda(dist, handler="handler.nothing"):
        pass


def test_unreadable_file_fails_as_on_lambda(dist: Path, tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("the function can read the files of its own user; only root runs it as another user")
    write_zip(tmp_path / "function.zip", {"handler.py": PROGRAM}, mode=0o100600)
    for name in ("layer.zip", "build.json"):
        (tmp_path / name).write_bytes((dist / name).read_bytes())
    with pytest.raises(InitFailed, match="denied"), isolated(tmp_path):
        pass


def test_peak_memory_is_that_of_the_function(fragile: LocalLambda) -> None:
    before = fragile.peak_rss_bytes
    evaluate(fragile, "len(bytearray(os.urandom(1)) * 100_000_000)")
    grown = fragile.peak_rss_bytes
    assert 5e6 < before < 100e6
    assert 90e6 < grown - before < 130e6
    failure(fragile, "os._exit(0)")
    assert fragile.peak_rss_bytes >= grown


def test_draw_runs_the_shipped_code(function: LocalLambda) -> None:
    assert function.draw(b"image", {"a": 1, "b": 2}, 12) == b"image|12|2|JPEG"


def test_error_of_failed_drawing_has_its_cause(function: LocalLambda) -> None:
    with pytest.raises(DrawFailed, match="TypeError"):
        function.draw(b"image", 7, 12)  # type: ignore[arg-type]  # on purpose


def command(dist: Path, *arguments: str | Path, python: str | Path = sys.executable) -> list[str]:
    script = ROOT / "scripts" / "invoke_local.py"
    return [str(python), str(script), "--dist", str(dist), "--handler", HANDLER, *map(str, arguments)]


def run(dist: Path, *arguments: str | Path, python: str | Path = sys.executable) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(dist, *arguments, python=python), capture_output=True, text=True, check=False, timeout=120, cwd="/"
    )


def event(folder: Path, expression: str) -> Path:
    path = folder / "event.json"
    path.write_text(json.dumps({"expression": expression}))
    return path


def test_command_prints_json_document(dist: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"image")
    done = run(dist, "--json", "--event", event(tmp_path, "[1, 'a']"), tmp_path / "a.jpg")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert set(record) == {"init_ms", "invocations", "peak_rss_bytes", "isolation", "python"}
    first, second = record["invocations"]
    assert (first["response"], first["error"], first["name"]) == ([1, "a"], None, str(tmp_path / "event.json"))
    assert second["response"]["statusCode"] == 200
    assert first["invoke_ms"] > 0 and record["init_ms"] > 0 and record["peak_rss_bytes"] > 5e6
    assert "  | invoked" in done.stderr


@pytest.mark.parametrize(("query", "code"), [("200", 0), ("204", 0), ("415", 1), ("500", 1)])
def test_exit_code_is_0_if_every_response_is_2xx(dist: Path, tmp_path: Path, query: str, code: int) -> None:
    (tmp_path / "a.jpg").write_bytes(b"image")
    done = run(dist, "--query", query, tmp_path / "a.jpg")
    assert done.returncode == code
    assert f"  {query}  4 x 3  0 boxes" in done.stdout


def test_function_error_exits_with_1_after_all_events(dist: Path, tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text('{"expression": "6 * 7"}')
    done = run(dist, "--event", event(tmp_path, "os._exit(1)"), "--event", tmp_path / "b.json")
    assert done.returncode == 1
    assert "Runtime.ExitError" in done.stdout and "\n  42\n" in done.stdout


def test_failed_init_exits_with_1_without_traceback_of_the_command(dist: Path, tmp_path: Path) -> None:
    done = run(dist, "--env", "AT_INIT=import nothing_here", "--json", "--event", event(tmp_path, "1"))
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["errorType"] == "Runtime.ImportModuleError"
    assert "the function did not start: Runtime.ImportModuleError" in done.stderr
    assert "service.py" not in done.stderr


def test_annotated_images_are_saved(dist: Path, tmp_path: Path) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.jpg").write_bytes(folder.encode())
    done = run(dist, "--save", tmp_path / "out", tmp_path / "first" / "a.jpg", tmp_path / "second" / "a.jpg")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "a.jpg").read_bytes() == b"first|12|2|JPEG"
    assert (tmp_path / "out" / "a-2.jpg").read_bytes() == b"second|12|2|JPEG"
    assert f"saved      {tmp_path / 'out' / 'a-2.jpg'}" in done.stdout


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"])
def test_command_runs_on_every_python(dist: Path, tmp_path: Path, version: str) -> None:
    python = pythons.find(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    done = run(dist, "--event", event(tmp_path, "'%d.%d' % sys.version_info[:2]"), python=python)
    assert done.returncode == 0, done.stderr
    assert f'"{PYTHON}"' in done.stdout


@pytest.mark.parametrize("isolation", ["namespace", "plain"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_nothing_is_left_after_the_command_is_stopped(
    dist: Path, tmp_path: Path, isolation: str, number: signal.Signals, code: int
) -> None:
    isolated(dist, isolation).close()
    mark = f"mark-{base64.b32encode(os.urandom(10)).decode()}"
    sleeping = event(tmp_path, "os.system('sleep 600 &') or time.sleep(600)")
    environ = {**os.environ, "TMPDIR": str(tmp_path)}  # parent of the temporary folders of the command
    tool = subprocess.Popen(
        command(dist, "--isolation", isolation, "--event", sleeping, "--env", f"MARK={mark}"), env=environ,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # A background job ignores SIGINT, and its child processes inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert tool.stderr is not None
    while b"invoked" not in tool.stderr.readline():
        assert tool.poll() is None
    tool.send_signal(number)
    tool.communicate(timeout=30)
    assert tool.returncode == code
    deadline = time.monotonic() + 10
    while (alive(mark) or left(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive(mark) == []
    assert left(tmp_path) == []


def test_nothing_is_left_after_the_context_ends(dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for isolation in ("auto", "plain"):
        with LocalLambda(dist, handler=HANDLER, isolation=isolation) as function:
            evaluate(function, "os.mkdir(__import__('tempfile').gettempdir() + '/full') or 1")
        assert left(tmp_path) == []


def alive(mark: str) -> list[str]:
    """Return the ids of the processes with a mark in their environment."""
    processes = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"MARK={mark}".encode() in (process / "environ").read_bytes():
                processes.append(process.name)
        except OSError:  # it has just ended, or belongs to another user
            continue
    return processes


def left(folder: Path) -> list[str]:
    """Return the temporary folders of the emulation."""
    return [path.name for path in folder.glob("local-lambda-*")]


def test_frozen_environment_stops_and_continues_after_thaw(dist: Path) -> None:
    count = "import threading\nTURNS = []\ndef turn():\n    while True: TURNS.append(time.sleep(0.001))\n"
    start = "threading.Thread(target=turn, daemon=True).start()\n"
    with isolated(dist, env={"AT_INIT": count + start}) as function:
        first = evaluate(function, "len(TURNS)")
        function.freeze()
        time.sleep(0.5)
        function.thaw()
        frozen = evaluate(function, "len(TURNS)") - first
        time.sleep(0.5)
        free = evaluate(function, "len(TURNS)") - first - frozen
    assert frozen < free / 2


def test_frozen_environment_can_be_stopped(dist: Path) -> None:
    with isolated(dist) as function:
        function.freeze()
        function.stop()
        function.freeze()  # the process has ended
        function.thaw()
        assert evaluate(function, "1 + 1") == 2
