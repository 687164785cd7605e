"""Systems other than this one: a simulated Mac builds the same zips, and its packages exist."""

import base64
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from scripts import environments, pythons
from scripts.local_lambda import other_system
from scripts.local_lambda.errors import InitFailed, NotRunnable
from scripts.server.pool import Pool
from tests.conftest import ROOT, encode, image_with_box
from tests.support import color_model, macos

SHELL_SCRIPTS = [*sorted((ROOT / "scripts").glob("*.sh")), ROOT / "scripts" / "check", ROOT / ".ci" / "run"]
NEW_IN_BASH_4 = re.compile(
    r"\b(mapfile|readarray|coproc|globstar|inherit_errexit|lastpipe|BASHPID|EPOCHSECONDS|EPOCHREALTIME|SRANDOM)\b"
    r"|(declare|local|typeset) -[a-zA-Z]*[Anlu]|wait -n|\[\[ -v |\|&|&>>|;;&|;&"
    r"|\$\{[^}]*(,|\^|@[A-Za-z])\}|printf '?%\(|\$\{\w+: -\d|\$\{\w+\[-\d"
)
EXPANSION = re.compile(r'"\$\{(\w+)\[@\]\}"')
DOCKER = """\
#!{python}
import json, os, subprocess, sys
arguments = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps(arguments) + "\\n")
if arguments[0] == "pull":
    sys.exit({pull_code})
if arguments[0] == "image":
    sys.exit(1)
if arguments[0] != "run":
    sys.exit(0)
mounts = [argument.rsplit(":", 2) for argument in arguments if argument.endswith(":ro")]
folders = {{target: source for source, target, _ in mounts}}
settings = json.loads(sys.stdin.readline())
text = json.dumps({{**settings, "path": [folders["/var/task"]]}})
worker = subprocess.Popen([{build!r}, folders["/worker.py"]], stdin=subprocess.PIPE, bufsize=0)
worker.stdin.write(text.encode() + b"\\n")
for line in sys.stdin:
    worker.stdin.write(line.encode())
worker.stdin.close()
sys.exit(worker.wait())
"""


class Build(NamedTuple):
    """A finished build: its folder and output."""

    out: Path
    output: str


@pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=lambda path: path.name)
def test_shell_scripts_need_no_bash_4(script: Path) -> None:
    lines = script.read_text("utf-8").splitlines()
    assert [line for line in lines if NEW_IN_BASH_4.search(line.partition(" # ")[0])] == []
    for number, line in enumerate(lines):
        for name in EXPANSION.findall(line):  # an error in bash 3.2 with `set -u` if the array is empty
            assert any(f"${{#{name}[@]}}" in earlier for earlier in lines[max(0, number - 3) : number + 1]), line


def test_the_patterns_find_what_bash_3_lacks() -> None:
    for line in ("mapfile -t a", "declare -A a", "x=${1,,}", "a |& b", "local -n x=y", 'wait -n "$pid"', "a &>> log"):
        assert NEW_IN_BASH_4.search(line), line


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return color_model.save(tmp_path_factory.mktemp("model") / "colors.onnx")


@pytest.fixture(scope="module")
def image_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "red.png"
    path.write_bytes(encode(image_with_box()))
    return path


def run_build(model: Path, out: Path, image: Path, **environ: str) -> Build:
    command = [str(ROOT / "scripts" / "build_zip.sh"), str(model), "--out", str(out), "--try", str(image)]
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Build(out, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def ready() -> Path:
    """The environment `build` of this project."""
    return environments.ensure("build").parent.parent


@pytest.fixture(scope="module")
def mac_environ(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment variables that make this machine a Mac without docker."""
    folder = tmp_path_factory.mktemp("a Mac")
    programs = macos.environment(ready, folder / "home")
    macos.write_tools(folder / "tools")
    path = f"{folder / 'tools'}:{programs}:/usr/bin:/bin"
    return {"PATH": path, "YOLO_LAMBDA_HOME": str(folder / "home")}


@pytest.fixture(scope="module")
def on_mac(
    mac_environ: dict[str, str], model_file: Path, image_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Build:
    return run_build(model_file, tmp_path_factory.mktemp("mac") / "dist", image_file, **mac_environ)


def image_event(path: Path) -> dict[str, str]:
    return {"image_data": base64.b64encode(path.read_bytes()).decode()}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.build
def test_a_mac_builds_the_zips_of_linux(
    on_mac: Build, model_file: Path, image_file: Path, tmp_path: Path, ready: Path
) -> None:
    here = run_build(model_file, tmp_path / "dist", image_file)
    for name in ("layer.zip", "function.zip"):
        assert digest(here.out / name) == digest(on_mac.out / name), name
    description, other = (json.loads((build.out / "build.json").read_text()) for build in (here, on_mac))
    assert description == other


@pytest.mark.build
def test_the_trial_on_a_mac_without_docker_runs_in_process_and_says_so(on_mac: Build) -> None:
    assert "isolation  in process (the code of function.zip with the packages of Darwin" in on_mac.output
    assert (on_mac.out / "try" / "red.jpg").read_bytes().startswith(b"\xff\xd8")


@pytest.mark.build
def test_the_trial_on_a_mac_gives_the_detections_of_linux(on_mac: Build, image_file: Path) -> None:
    tables = []
    for machine in ("Darwin", platform.system()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(platform, "system", lambda machine=machine: machine)
            patch.setattr(other_system, "_image", lambda described: "")
            with other_system.open_function(on_mac.out) as function:
                event = image_event(image_file)
                tables.append(json.loads(function.invoke(event).response["body"])["detections"])
    assert tables[0] == tables[1]
    assert len(tables[0]) == 1


def with_docker(folder: Path, ready: Path, pull_code: int = 0) -> Path:
    """Write a stand-in for docker that runs the worker on this machine, and return the log of its commands."""
    folder.mkdir()
    log = folder / "log"
    text = DOCKER.format(python=sys.executable, log=str(log), build=str(ready / "bin" / "python"), pull_code=pull_code)
    (folder / "docker").write_text(text)
    (folder / "docker").chmod(0o755)
    return log


@pytest.fixture
def mac_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Make this process believe that it runs on a Mac; docker comes from the folder that is returned."""
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setenv("PATH", f"{tmp_path / 'docker'}:{os.environ['PATH']}")
    return tmp_path / "docker"


@pytest.mark.build
def test_with_docker_the_zips_run_in_the_image_of_lambda(
    on_mac: Build, image_file: Path, mac_here: Path, ready: Path
) -> None:
    log = with_docker(mac_here, ready)
    with other_system.open_function(on_mac.out) as function:
        response = function.invoke(image_event(image_file))
        body = json.loads(response.response["body"])
        assert function.draw(image_file.read_bytes(), body, 10**6).startswith(b"\xff\xd8")
        assert function.isolation == "container"
    assert body["detection_count"] == 1
    version, pull, run = map(json.loads, log.read_text().splitlines())
    assert version[0] == "version"
    assert pull == ["pull", "--quiet", "--platform", "linux/amd64", "public.ecr.aws/lambda/python:3.13"]
    assert [run[0], *run[3:9]] == ["run", "--rm", "--interactive", "--platform", "linux/amd64", "--network", "none"]
    targets = [argument.split(":")[1] for argument in run if argument.endswith(":ro")]
    assert targets == ["/var/task", "/opt", "/worker.py"]
    assert run[-4:] == ["--entrypoint", "/var/lang/bin/python3", "public.ecr.aws/lambda/python:3.13", "/worker.py"]


@pytest.mark.build
def test_without_the_image_the_zips_run_in_process(on_mac: Build, mac_here: Path, ready: Path) -> None:
    with_docker(mac_here, ready, pull_code=1)
    with other_system.open_function(on_mac.out) as function:
        assert function.isolation == "in process"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Zips with a function of one file."""
    folder = tmp_path / "dist"
    folder.mkdir()
    source = (
        "import os, time\n"
        "if 'FAIL' in os.environ: raise KeyError(os.environ['FAIL'])\n"
        "def handle(event, context):\n"
        "    print('a line of the log')\n"
        "    if event == 'sleep': time.sleep(60)\n"
        "    if event == 'exit': os._exit(3)\n"
        "    if event == 'raise': raise ValueError('wrong')\n"
        "    return [event, context.get_remaining_time_in_millis() > 0, os.environ.get('SECRET')]\n"
    )
    for name, content in (("function", {"app.py": source}), ("layer", {"model.onnx": ""})):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            for path, text in content.items():
                archive.writestr(path, text)
    (folder / "build.json").write_text('{"arch": "x86_64", "python": "3.13"}')
    return folder


@pytest.fixture
def in_process(mac_here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_system, "_image", lambda described: "")
    monkeypatch.setattr(environments, "ensure", lambda name: Path(sys.executable))


@pytest.mark.usefixtures("in_process")
def test_worker_serves_events_without_the_variables_of_this_process(
    dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    with other_system.open_function(dist, handler="app.handle") as function:
        invocation = function.invoke({"a": "ü"})
        assert (invocation.response, invocation.error) == ([{"a": "ü"}, True, None], None)
        assert "a line of the log" in invocation.logs
        assert function.peak_rss_bytes > 10**6


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("event", "kind"), [("raise", "ValueError"), ("exit", "Runtime.ExitError"), ("sleep", "Sandbox.Timedout")]
)
def test_worker_after_an_error_serves_the_next_event(dist: Path, event: str, kind: str) -> None:
    with other_system.open_function(dist, handler="app.handle", timeout=2.0) as function:
        invocation = function.invoke(event)
        assert invocation.error is not None
        assert invocation.error["errorType"] == kind
        assert function.invoke(1).response == [1, True, None]


@pytest.mark.usefixtures("in_process")
def test_pool_of_the_server_invokes_workers_and_ends_a_running_one(dist: Path) -> None:
    pool = Pool(dist, 2, {"handler": "app.handle"})
    assert pool.start().isolation == "in process"
    assert pool.invoke(1).response == [1, True, None]
    with ThreadPoolExecutor(1) as executor:
        running = executor.submit(pool.invoke, "sleep")
        with pytest.raises(TimeoutError):
            running.result(0.5)
        pool.close()
        assert running.result(5).error is not None


@pytest.mark.usefixtures("in_process")
def test_worker_whose_handler_cannot_be_loaded_is_a_failed_init(dist: Path) -> None:
    with (
        pytest.raises(InitFailed, match="KeyError"),
        other_system.open_function(dist, handler="app.handle", env={"FAIL": "no"}),
    ):
        pass


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("setting", "option"),
    [({"snap_start": True}, "--snap-start"), ({"isolation": "namespace"}, "--isolation namespace")],
)
def test_an_option_that_needs_linux_is_a_usage_error(dist: Path, setting: dict[str, object], option: str) -> None:
    with pytest.raises(NotRunnable, match=f"^{option} must be left out on Darwin"):
        other_system.open_function(dist, **setting)


def test_a_mac_with_an_intel_processor_gets_one_line(tmp_path: Path) -> None:
    macos.write_module(tmp_path, "sitecustomize", "x86_64")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path), "YOLO_LAMBDA_HOME": str(tmp_path / "home")}
    command = [sys.executable, str(ROOT / "scripts" / "environments.py"), "build"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("environments: onnxruntime and torch have no wheels for a Mac with an Intel processor")
    assert "docker run" in line


@pytest.mark.long
@pytest.mark.parametrize(
    ("file", "version"),
    [(f"{part}/requirements.txt", version) for part in ("scripts", "export") for version in ("3.11", "3.13")],
)
def test_the_requirements_have_wheels_for_apple_silicon(file: str, version: str, tmp_path: Path) -> None:
    python = pythons.find(version)
    if not python:
        pytest.skip(f"Python {version} is not on this machine")
    subprocess.run([str(python), "-m", "venv", str(tmp_path / "venv")], check=True)
    macos.write_module(tmp_path, "sitecustomize")
    command = [str(tmp_path / "venv" / "bin" / "python"), "-m", "pip", "install", "--dry-run", "--quiet"]
    command += ["--only-binary=:all:", "--report", str(tmp_path / "report"), "-r", str(ROOT / file)]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = [item["download_info"]["url"] for item in json.loads((tmp_path / "report").read_text())["install"]]
    assert [name for name in names if not name.endswith(("any.whl", "arm64.whl", "universal2.whl"))] == []
    assert any(re.search(r"onnxruntime-[^/]*macosx_\d+_\d+_(arm64|universal2)\.whl", name) for name in names)
