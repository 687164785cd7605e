"""The local Lambda with the real runtime client: what a function sees, what its callers get, that nothing is left."""

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

from scripts import environments
from scripts.local_lambda import artifacts
from scripts.local_lambda.emulator import MAX_REQUEST, LocalLambda
from scripts.local_lambda.errors import DrawFailed, InitFailed, NotRunnable, RequestTooLarge

ROOT = Path(__file__).resolve().parent.parent.parent.parent
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
if PYTHON not in ("3.12", "3.13", "3.14"):
    PYTHON = next((one for one in ("3.13", "3.12", "3.14") if environments.find(one)), PYTHON)
ARCH = artifacts.ARCHITECTURES[platform.machine().lower()]
HANDLER = "handler.invoke"
# Evaluates what the event says, so that each test can look from within; a variable makes the import go wrong.
PROGRAM = """
import os, signal, sys, time
import layered
print("loading")
exec(os.environ.get("AT_INIT", ""))

def invoke(event, context):
    if "requestContext" in event:
        return {"statusCode": int(event["rawQueryString"] or 200), "headers": {}, "body": BODY}
    print("asked")
    return eval(event["ask"])

BODY = '{"detections": [], "image_dimensions": {"width": 4, "height": 3}}'
"""
# Stands for the shipped drawing code: the "picture" is bytes, drawing is appending.
IMAGE = """
def read(data, max_pixels):
    return data + b"|%d" % max_pixels
"""
DRAW = """
class Drawn:
    def __init__(self, data): self.data = data
    def save(self, file, kind, quality): file.write(self.data + b"|" + kind.encode())

def annotate(picture, detections):
    return Drawn(picture + b"|%d" % len(detections))
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
    pytest.mark.skipif(not environments.find(PYTHON), reason=f"no Python {PYTHON} on this machine"),
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
    package = {"function/__init__.py": "", "function/preprocess/image.py": IMAGE, "function/draw.py": DRAW}
    write_zip(folder / "function.zip", {"handler.py": PROGRAM, **package})
    write_zip(folder / "layer.zip", {"python/layered.py": ""})
    (folder / "build.json").write_text(json.dumps({"arch": ARCH, "python": PYTHON}))
    return folder


def isolated(dist: Path, isolation: str = "namespace", **options: Any) -> LocalLambda:
    """One in the isolation that a test is about; skips where this machine does not allow it."""
    try:
        return LocalLambda(dist, handler=HANDLER, isolation=isolation, **options)
    except NotRunnable as error:
        if isolation == "namespace":
            pytest.skip(str(error))
        raise


@pytest.fixture(scope="module", params=["namespace", "plain"])
def function(request: pytest.FixtureRequest, dist: Path) -> Iterator[LocalLambda]:
    """A warm one for the tests that do not break it, in both isolations."""
    with isolated(dist, request.param, memory=512, env={"GIVEN": "yes"}) as started:
        yield started


@pytest.fixture(scope="module")
def enclosed(dist: Path) -> Iterator[LocalLambda]:
    """A warm one in namespaces."""
    with isolated(dist) as started:
        yield started


@pytest.fixture
def fragile(dist: Path) -> Iterator[LocalLambda]:
    """One to break."""
    with LocalLambda(dist, handler=HANDLER) as started:
        yield started


def ask(function: LocalLambda, expression: str) -> Any:
    """The value of an expression within the function."""
    done = function.invoke({"ask": expression})
    assert done.error is None, done.error
    return done.response


def failure(function: LocalLambda, expression: str) -> tuple[str, str]:
    """Type and message of the error that an expression within the function brings."""
    done = function.invoke({"ask": expression})
    assert done.error is not None, done.response
    return done.error["errorType"], done.error["errorMessage"]


def test_the_version_is_the_one_that_the_zips_are_for(function: LocalLambda) -> None:
    assert ask(function, "'%d.%d' % sys.version_info[:2]") == PYTHON
    assert function.python.startswith(PYTHON + ".")


def test_a_warm_environment_is_used_again(function: LocalLambda) -> None:
    first, second = function.invoke({"ask": "os.getpid()"}), function.invoke({"ask": "os.getpid()"})
    assert first.response == second.response
    assert second.init_ms is None
    assert function.init_ms > 0


@pytest.mark.parametrize("module", ["pytest", "mypy", "onnxruntime", "numpy", "pip", "local_lambda", "tests", "export"])
def test_nothing_but_the_zips_and_the_runtime_can_be_imported(function: LocalLambda, module: str) -> None:
    assert failure(function, f"__import__({module!r})")[0] == "ModuleNotFoundError"


@pytest.mark.parametrize("module", ["layered", "function.draw", "boto3", "snapshot_restore_py", "simplejson"])
def test_the_zips_and_what_the_runtime_brings_can_be_imported(function: LocalLambda, module: str) -> None:
    assert ask(function, f"__import__({module!r}).__name__") == module.split(".", maxsplit=1)[0]


def test_the_search_path_is_lambdas(enclosed: LocalLambda) -> None:
    library = f"/var/lang/lib/python{PYTHON}"
    assert ask(enclosed, "sys.path") == [
        "/var/task", f"/opt/python/lib/python{PYTHON}/site-packages", "/opt/python", "/var/runtime",
        f"/var/lang/lib/python{PYTHON.replace('.', '')}.zip", library, f"{library}/lib-dynload",
    ]  # fmt: skip


def test_the_environment_variables_are_lambdas_and_the_users(function: LocalLambda) -> None:
    own = {"GIVEN"} | ({"TMPDIR"} if function.isolation == "plain" else set())
    assert set(ask(function, "dict(os.environ)")) == LAMBDA_VARIABLES | own


def test_the_values_of_the_variables_are_lambdas(enclosed: LocalLambda) -> None:
    environ = ask(enclosed, "dict(os.environ)")
    assert environ["LAMBDA_TASK_ROOT"] == "/var/task"
    assert environ["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{PYTHON}"
    assert environ["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert (environ["TZ"], environ["LANG"], environ["_HANDLER"]) == (":UTC", "en_US.UTF-8", HANDLER)


def test_the_context_says_what_lambdas_says(function: LocalLambda) -> None:
    done = function.invoke({"ask": "[context.aws_request_id, context.memory_limit_in_mb, context.function_name]"})
    assert done.response == [done.request_id, "512", "local"]
    assert 25_000 < ask(function, "context.get_remaining_time_in_millis()") <= 30_000


def test_the_working_folder_is_the_task_root(function: LocalLambda) -> None:
    assert ask(function, "os.getcwd() == os.environ['LAMBDA_TASK_ROOT']") is True


@pytest.mark.parametrize("place", ["os.environ['LAMBDA_TASK_ROOT']", "os.path.dirname(layered.__file__)"])
def test_the_code_is_read_only(function: LocalLambda, place: str) -> None:
    if "as root" in function.isolation_note:
        pytest.skip("plain folders cannot be closed to root")
    assert failure(function, f"open({place} + '/new', 'w')")[0] in ("PermissionError", "OSError")


def test_no_bytecode_is_written_beside_the_code(function: LocalLambda) -> None:
    assert ask(function, "os.path.exists(os.environ['LAMBDA_TASK_ROOT'] + '/__pycache__')") is False


@pytest.mark.parametrize("place", ["/", "/var", "/usr", "/etc", "/var/lang", "/var/runtime", "/dev", "/home"])
def test_nothing_else_is_writable(enclosed: LocalLambda, place: str) -> None:
    assert failure(enclosed, f"open({place!r} + '/new', 'w')")[0] in ("PermissionError", "OSError", "FileNotFoundError")


def test_tmp_is_writable_and_its_own(function: LocalLambda) -> None:
    name = f"mark-{os.getpid()}"
    path = f"__import__('tempfile').gettempdir() + '/{name}'"
    assert ask(function, f"open({path}, 'w').write('here')") == 4
    assert ask(function, f"open({path}).read()") == "here"
    assert not Path("/tmp", name).exists()


def test_the_user_has_no_rights(enclosed: LocalLambda) -> None:
    assert ask(enclosed, "[os.getuid(), os.getgid()]") == [993, 990]
    status = ask(enclosed, "open('/proc/self/status').read()")
    assert "CapEff:\t0000000000000000\n" in status
    assert "NoNewPrivs:\t1\n" in status


def test_there_is_no_home(enclosed: LocalLambda) -> None:
    assert ask(enclosed, "os.path.expanduser('~')") == "/home/sbx_user1051"
    assert ask(enclosed, "os.path.exists(os.path.expanduser('~'))") is False


def test_the_checkout_is_out_of_sight(enclosed: LocalLambda) -> None:
    assert ask(enclosed, f"os.path.exists({str(ROOT)!r})") is False


def test_there_is_no_network(enclosed: LocalLambda) -> None:
    assert ask(enclosed, "[name for _, name in __import__('socket').if_nameindex()]") == ["lo"]
    assert "unreachable" in failure(enclosed, "__import__('socket').create_connection(('192.0.2.1', 443), 5)")[1]


def test_other_processes_are_out_of_sight(enclosed: LocalLambda) -> None:
    processes = ask(enclosed, "[int(name) for name in os.listdir('/proc') if name.isdigit()]")
    assert len(processes) == 2  # the cell's own and the function


def test_there_is_no_shared_memory(enclosed: LocalLambda) -> None:
    assert ask(enclosed, "os.path.exists('/dev/shm')") is False


def test_file_handles_are_limited_as_on_lambda(function: LocalLambda) -> None:
    assert ask(function, "__import__('resource').getrlimit(__import__('resource').RLIMIT_NOFILE)") == [1024, 1024]


def test_bytes_come_back_as_bytes(function: LocalLambda) -> None:
    assert ask(function, "bytes(range(256)) * 1000") == bytes(range(256)) * 1000


def test_text_beyond_ascii_survives_both_ways(function: LocalLambda) -> None:
    text = "é€ü☃😀"
    assert function.invoke({"ask": "event['text'] + 'ö'", "text": text}).response == text + "ö"


def test_logs_are_those_of_the_invocation(function: LocalLambda) -> None:
    function.invoke({"ask": "print('earlier')"})
    done = function.invoke({"ask": "print('late', file=sys.stderr) or os.system('echo child')"})
    assert done.logs == "asked\nlate\nchild\n"


def test_the_end_of_the_environment_is_not_in_the_log(dist: Path) -> None:
    lines: list[str] = []
    with LocalLambda(dist, handler=HANDLER, log=lines.append):
        pass
    assert lines == ["loading"]


def test_an_exception_is_an_error_document(function: LocalLambda) -> None:
    done = function.invoke({"ask": "1 / 0"})
    assert done.response is None and done.error is not None
    assert (done.error["errorType"], done.error["errorMessage"]) == ("ZeroDivisionError", "division by zero")
    assert "handler.py" in done.error["stackTrace"][0]
    assert "[ERROR] ZeroDivisionError" in done.logs


def test_what_json_cannot_say_is_an_error(function: LocalLambda) -> None:
    assert failure(function, "{1, 2}")[0] == "Runtime.MarshalError"


def test_a_nan_that_the_client_lets_through_is_an_error(function: LocalLambda) -> None:
    assert failure(function, "[float('nan')]")[0] == "InvalidJSON"


def test_the_largest_event_goes_through(function: LocalLambda) -> None:
    event = {"ask": "len(event['fill'])", "fill": ""}
    event["fill"] = "x" * (MAX_REQUEST - len(json.dumps(event, separators=(",", ":"))))
    assert function.invoke(event).response == len(event["fill"])


def test_a_larger_event_is_refused_before_it_is_sent(function: LocalLambda) -> None:
    with pytest.raises(RequestTooLarge, match="6,291,456"):
        function.invoke({"fill": "x" * MAX_REQUEST})


def test_the_largest_response_goes_through(function: LocalLambda) -> None:
    assert len(ask(function, f"'x' * {MAX_REQUEST - 2}")) == MAX_REQUEST - 2


def test_a_larger_response_is_an_error_and_the_next_invocation_works(fragile: LocalLambda) -> None:
    assert failure(fragile, "'x' * 7_000_000") == (
        "Function.ResponseSizeTooLarge", "the response is 7,000,002 bytes; Lambda passes on 6,291,556",
    )  # fmt: skip
    assert ask(fragile, "1") == 1


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "signal: segmentation fault"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal: killed"),
        ("os._exit(3)", "exit status 3"),
        ("sys.exit(0)", "exit status 0"),
    ],
)
def test_a_process_that_ends_is_an_error_and_the_next_invocation_starts_anew(
    fragile: LocalLambda, expression: str, said: str
) -> None:
    kind, message = failure(fragile, expression)
    assert kind == "Runtime.ExitError"
    assert said in message
    after = fragile.invoke({"ask": "1"})
    assert after.response == 1
    assert after.init_ms is not None


def test_an_invocation_over_its_time_is_ended(dist: Path) -> None:
    with LocalLambda(dist, handler=HANDLER, timeout=0.5) as function:
        ask(function, "open('/tmp/kept', 'w').close()") if function.isolation == "namespace" else None
        done = function.invoke({"ask": "time.sleep(60)"})
        assert done.error is not None
        assert done.error["errorType"] == "Sandbox.Timedout"
        assert "timed out after 0.50 seconds" in done.error["errorMessage"]
        assert 450 < done.invoke_ms < 5000
        after = function.invoke({"ask": "os.path.exists('/tmp/kept')"})
        assert after.init_ms is not None
        assert after.response is (function.isolation == "namespace")  # /tmp survives, as on Lambda


@pytest.mark.parametrize(
    ("at_init", "kind", "said"),
    [
        ("import no_such_module", "Runtime.ImportModuleError", "No module named 'no_such_module'"),
        ("exec('a b')", "Runtime.UserCodeSyntaxError", "invalid syntax"),
        ("raise KeyError('model')", "KeyError", "model"),
        ("os._exit(5)", "Runtime.ExitError", "exit status 5"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "Runtime.ExitError", "segmentation fault"),
        ("os.abort()", "Runtime.ExitError", "aborted"),
    ],
)
def test_a_failing_init_says_what_and_shows_the_log(dist: Path, at_init: str, kind: str, said: str) -> None:
    with pytest.raises(InitFailed) as caught, LocalLambda(dist, handler=HANDLER, env={"AT_INIT": at_init}):
        pass
    assert caught.value.kind == kind
    assert said in caught.value.message
    assert caught.value.logs.startswith("loading\n")


HOOKS = """
import snapshot_restore_py as hooks
hooks.register_before_snapshot(print, "before")
hooks.register_after_restore(print, "after")
"""


def test_with_snap_start_the_hooks_run_and_no_log_stream_is_named(dist: Path) -> None:
    lines: list[str] = []
    with LocalLambda(dist, handler=HANDLER, env={"AT_INIT": HOOKS}, snap_start=True, log=lines.append) as function:
        assert function.init_ms > 0 and function.restore_ms > 0
        assert ask(function, "os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']") == "snap-start"
        assert ask(function, "'AWS_LAMBDA_LOG_STREAM_NAME' in os.environ") is False
    assert lines[:3] == ["loading", "before", "after"]


@pytest.mark.parametrize("moment", ["before_snapshot", "after_restore"])
def test_a_failing_hook_is_an_init_that_failed(dist: Path, moment: str) -> None:
    at_init = f"import snapshot_restore_py as hooks; hooks.register_{moment}(lambda: {{}}['{moment}'])"
    with (
        pytest.raises(InitFailed, match=moment) as caught,
        LocalLambda(dist, handler=HANDLER, env={"AT_INIT": at_init}, snap_start=True),
    ):
        pass
    assert caught.value.kind == "KeyError"


def test_the_command_tells_how_long_the_hook_after_the_snapshot_takes(dist: Path, tmp_path: Path) -> None:
    done = run(dist, "--snap-start", "--event", event(tmp_path, "1"))
    assert done.returncode == 0, done.stderr
    assert "\nrestore " in done.stdout


def test_who_stops_reading_gets_no_traceback(dist: Path, tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "invoke_local.py", "--dist", dist, "--handler", HANDLER, "--quiet"]
    many = [part for _ in range(3) for part in ("--event", event(tmp_path, "'x' * 100_000"))]
    with subprocess.Popen([*command, *many], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tool:
        assert tool.stdout
        assert tool.stderr
        tool.stdout.readline()
        tool.stdout.close()
        said = tool.stderr.read()
    assert (tool.returncode, said) == (141, b"")


def test_an_init_without_end_is_ended(dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.local_lambda.emulator.INIT_LIMIT", 1.0)
    with (
        pytest.raises(InitFailed, match=r"Sandbox\.Timedout"),
        LocalLambda(dist, handler=HANDLER, env={"AT_INIT": "time.sleep(60)"}),
    ):
        pass


def test_a_handler_that_is_not_there_is_named(dist: Path) -> None:
    with pytest.raises(InitFailed, match="Handler 'nothing' missing"), LocalLambda(dist, handler="handler.nothing"):
        pass


def test_a_file_that_others_may_not_read_fails_as_on_lambda(dist: Path, tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("the files belong to the user who runs them unless that is root")
    write_zip(tmp_path / "function.zip", {"handler.py": PROGRAM}, mode=0o100600)
    for name in ("layer.zip", "build.json"):
        (tmp_path / name).write_bytes((dist / name).read_bytes())
    with pytest.raises(InitFailed, match="denied"), isolated(tmp_path):
        pass


def test_peak_memory_is_the_functions(fragile: LocalLambda) -> None:
    before = fragile.peak_rss_bytes
    ask(fragile, "len(bytearray(os.urandom(1)) * 100_000_000)")
    grown = fragile.peak_rss_bytes
    assert 5e6 < before < 100e6
    assert 90e6 < grown - before < 130e6
    failure(fragile, "os._exit(0)")
    assert fragile.peak_rss_bytes >= grown


def test_drawing_runs_the_shipped_code(function: LocalLambda) -> None:
    assert function.draw(b"picture", {"a": 1, "b": 2}, 12) == b"picture|12|2|JPEG"


def test_drawing_that_fails_says_why(function: LocalLambda) -> None:
    with pytest.raises(DrawFailed, match="TypeError"):
        function.draw(b"picture", 7, 12)  # type: ignore[arg-type]  # on purpose


def command(dist: Path, *arguments: str | Path, python: str | Path = sys.executable) -> list[str]:
    script = ROOT / "scripts" / "invoke_local.py"
    return [str(python), str(script), "--dist", str(dist), "--handler", HANDLER, *map(str, arguments)]


def run(dist: Path, *arguments: str | Path, python: str | Path = sys.executable) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(dist, *arguments, python=python), capture_output=True, text=True, check=False, timeout=120, cwd="/"
    )


def event(folder: Path, expression: str) -> Path:
    path = folder / "event.json"
    path.write_text(json.dumps({"ask": expression}))
    return path


def test_the_command_answers_in_json(dist: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"picture")
    done = run(dist, "--json", "--event", event(tmp_path, "[1, 'a']"), tmp_path / "a.jpg")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert set(record) == {"init_ms", "invocations", "peak_rss_bytes", "isolation", "python"}
    first, second = record["invocations"]
    assert (first["response"], first["error"], first["name"]) == ([1, "a"], None, str(tmp_path / "event.json"))
    assert second["response"]["statusCode"] == 200
    assert first["invoke_ms"] > 0 and record["init_ms"] > 0 and record["peak_rss_bytes"] > 5e6
    assert "  | asked" in done.stderr


@pytest.mark.parametrize(("query", "code"), [("200", 0), ("204", 0), ("415", 1), ("500", 1)])
def test_the_exit_code_tells_whether_pictures_were_answered(dist: Path, tmp_path: Path, query: str, code: int) -> None:
    (tmp_path / "a.jpg").write_bytes(b"picture")
    done = run(dist, "--query", query, tmp_path / "a.jpg")
    assert done.returncode == code
    assert f"  {query}  4 x 3  0 boxes" in done.stdout


def test_a_function_error_is_exit_code_1_and_later_events_still_run(dist: Path, tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text('{"ask": "6 * 7"}')
    done = run(dist, "--event", event(tmp_path, "os._exit(1)"), "--event", tmp_path / "b.json")
    assert done.returncode == 1
    assert "Runtime.ExitError" in done.stdout and "\n  42\n" in done.stdout


def test_a_failing_init_is_exit_code_1_without_our_traceback(dist: Path, tmp_path: Path) -> None:
    done = run(dist, "--env", "AT_INIT=import nothing_here", "--json", "--event", event(tmp_path, "1"))
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["errorType"] == "Runtime.ImportModuleError"
    assert "the function did not start: Runtime.ImportModuleError" in done.stderr
    assert "service.py" not in done.stderr


def test_pictures_are_saved_with_their_boxes(dist: Path, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.jpg").write_bytes(folder.encode())
    done = run(dist, "--save", tmp_path / "out", tmp_path / "one" / "a.jpg", tmp_path / "two" / "a.jpg")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "a.jpg").read_bytes() == b"one|12|2|JPEG"
    assert (tmp_path / "out" / "a-2.jpg").read_bytes() == b"two|12|2|JPEG"
    assert f"saved      {tmp_path / 'out' / 'a-2.jpg'}" in done.stdout


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"])
def test_the_command_runs_under_any_python(dist: Path, tmp_path: Path, version: str) -> None:
    python = environments.find(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    done = run(dist, "--event", event(tmp_path, "'%d.%d' % sys.version_info[:2]"), python=python)
    assert done.returncode == 0, done.stderr
    assert f'"{PYTHON}"' in done.stdout


@pytest.mark.parametrize("isolation", ["namespace", "plain"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_nothing_is_left_when_the_tool_is_stopped(
    dist: Path, tmp_path: Path, isolation: str, number: signal.Signals, code: int
) -> None:
    isolated(dist, isolation).close()
    mark = f"mark-{base64.b32encode(os.urandom(10)).decode()}"
    asked = event(tmp_path, "os.system('sleep 600 &') or time.sleep(600)")
    environ = {**os.environ, "TMPDIR": str(tmp_path)}  # where the tool makes its folders
    tool = subprocess.Popen(
        command(dist, "--isolation", isolation, "--event", asked, "--env", f"MARK={mark}"), env=environ,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # A job in the background starts with SIGINT ignored and hands that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert tool.stderr is not None
    while b"asked" not in tool.stderr.readline():
        assert tool.poll() is None
    tool.send_signal(number)
    tool.communicate(timeout=30)
    assert tool.returncode == code
    deadline = time.monotonic() + 10
    while (alive(mark) or left(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive(mark) == []
    assert left(tmp_path) == []


def test_nothing_is_left_after_an_ordinary_end(dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for isolation in ("auto", "plain"):
        with LocalLambda(dist, handler=HANDLER, isolation=isolation) as function:
            ask(function, "os.mkdir(__import__('tempfile').gettempdir() + '/full') or 1")
        assert left(tmp_path) == []


def alive(mark: str) -> list[str]:
    """The processes that have a mark in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"MARK={mark}".encode() in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:  # it has just ended, or is another user's
            continue
    return found


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("local-lambda-*")]


def test_a_frozen_environment_stands_still_and_answers_when_it_is_thawed(dist: Path) -> None:
    count = "import threading\nTURNS = []\ndef turn():\n    while True: TURNS.append(time.sleep(0.001))\n"
    start = "threading.Thread(target=turn, daemon=True).start()\n"
    with isolated(dist, env={"AT_INIT": count + start}) as function:
        first = ask(function, "len(TURNS)")
        function.freeze()
        time.sleep(0.5)
        function.thaw()
        frozen = ask(function, "len(TURNS)") - first
        time.sleep(0.5)
        free = ask(function, "len(TURNS)") - first - frozen
    assert frozen < free / 2


def test_a_frozen_environment_can_be_ended(dist: Path) -> None:
    with isolated(dist) as function:
        function.freeze()
        function.stop()
        function.freeze()  # there is nothing left of it
        function.thaw()
        assert ask(function, "1 + 1") == 2
