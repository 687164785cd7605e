"""Virtual environments, made from a package index of this test: when they are made again, where torch comes from, and
what a failure says."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path

import pytest

from layer import pin
from scripts import environments, home, pythons
from scripts.environments import Environment, EnvironmentFailed

OWN = ".".join(map(str, sys.version_info[:2]))
CLOSED = "http://127.0.0.1:9"  # nothing listens on the port
RUN = environments._run


class Index(ThreadingHTTPServer):
    """Server of package indexes, each below a folder of its own; counts the requests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: list[str] = []
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"

    def add(self, index: str, package: str, version: str, requires: str = "") -> None:
        """Add a wheel whose module `origin_<package>` states its index and version."""
        folder = self.folder / index / package
        folder.mkdir(parents=True, exist_ok=True)
        info = f"{package}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        metadata += f"Requires-Dist: {requires}\n" if requires else ""
        files = {
            f"origin_{package}.py": f'ORIGIN = "{index} {version}"\n',
            f"{info}/METADATA": metadata,
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        with zipfile.ZipFile(folder / f"{package}-{version}-py3-none-any.whl", "w") as wheel:
            for name, text in files.items():
                wheel.writestr(name, text)
            wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]))


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Index)
        self.server.paths.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index(tmp_path / "indexes") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def base() -> Path:
    python = pythons.find(OWN)
    assert python
    return python


@pytest.fixture(scope="session")
def empty(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with nothing but pip."""
    folder = tmp_path_factory.mktemp("venv") / "empty"
    subprocess.run([str(base), "-m", "venv", str(folder)], check=True)
    return folder


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index, base: Path, empty: Path) -> None:
    """Use an own folder for the environments, and the index of the test as the ordinary one.

    A virtual environment is a copy of an empty one, because `python -m venv` takes seconds.
    """

    def run(command: list[str], log: Path) -> None:
        *words, folder = command
        if words == [str(base), "-m", "venv", "--clear"]:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(empty, folder, symlinks=True, copy_function=os.link)
        else:
            RUN(command, log)

    monkeypatch.setattr(environments, "_run", run)
    for name in [name for name in os.environ if name.startswith("PIP_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", index.url("ordinary"))
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "home of größe"))
    monkeypatch.setattr(pythons, "install", lambda version: None)


def define(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, has_torch: bool = False) -> Path:
    """Define the environment `small` with the requirements `text`; return its requirement file."""
    file = tmp_path / "small.txt"
    file.write_text(text)
    small = Environment((OWN,), (str(file),), "1 MB", has_torch=has_torch)
    monkeypatch.setitem(environments.ENVIRONMENTS, "small", small)
    return file


def origin(python: Path, package: str) -> str:
    """Return the index and version that an installed package came from."""
    program = f"import origin_{package}; print(origin_{package}.ORIGIN)"
    return subprocess.run([str(python), "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_an_environment_is_made_once_and_again_when_its_requirements_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environments, "_run", RUN)
    index.add("ordinary", "alpha", "1.0")
    index.add("ordinary", "alpha", "2.0")
    file = define(tmp_path, monkeypatch, "alpha==1.0\n")
    python = environments.ensure("small")
    assert python == home.environments() / "small" / "bin" / "python"
    assert origin(python, "alpha") == "ordinary 1.0"
    first, last = capsys.readouterr().err.splitlines()
    assert "about 1 MB (once)" in first
    assert re.fullmatch(r"small is ready after \d+ s", last)

    count = len(index.paths)
    assert environments.ensure("small") == python
    assert (len(index.paths), capsys.readouterr().err) == (count, "")

    # A better Python that appears later is no reason to make it again; a command without network goes on working.
    monkeypatch.setattr(pythons, "find", lambda version: Path("/opt/better/python"))
    assert environments.ensure("small") == python
    monkeypatch.undo()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", index.url("ordinary"))
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "home of größe"))
    define(tmp_path, monkeypatch, "alpha==2.0\n")
    assert file.read_text() == "alpha==2.0\n"
    assert origin(environments.ensure("small"), "alpha") == "ordinary 2.0"


def test_tests_and_headers_of_packages_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index
) -> None:
    index.add("ordinary", "alpha", "1.0")
    define(tmp_path, monkeypatch, "alpha==1.0\n")
    monkeypatch.setattr(environments, "UNUSED", ("pip/_vendor", "missing/tests"))
    python = environments.ensure("small")
    (packages,) = python.parent.parent.glob("lib/python*/site-packages")
    assert not (packages / "pip" / "_vendor").exists()
    assert (packages / "pip" / "__init__.py").is_file()
    assert origin(python, "alpha") == "ordinary 1.0"


def test_an_incomplete_environment_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index) -> None:
    index.add("ordinary", "alpha", "1.0")
    define(tmp_path, monkeypatch, "alpha==1.0\nmissing==1.0\n")
    with pytest.raises(EnvironmentFailed):
        environments.ensure("small")
    define(tmp_path, monkeypatch, "alpha==1.0\n")
    assert origin(environments.ensure("small"), "alpha") == "ordinary 1.0"


@pytest.mark.parametrize("is_ready", [True, False])
def test_a_second_user_with_a_read_only_folder_uses_an_environment_that_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index, is_ready: bool
) -> None:
    index.add("ordinary", "alpha", "1.0")
    define(tmp_path, monkeypatch, "alpha==1.0\n")
    python = environments.ensure("small")
    if not is_ready:
        define(tmp_path, monkeypatch, "alpha==1.0  # changed\n")
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)  # root may write to every folder
    if is_ready:
        assert environments.ensure("small") == python
    else:
        with pytest.raises(EnvironmentFailed, match=rf"is not writable: {home.VARIABLE} must name") as raised:
            environments.ensure("small")
        assert "\n" not in str(raised.value)


TORCH = "torch==2.13.0\ntorchvision==0.28.0\nother==1.0\n"


def add_torch(index: Index) -> None:
    """Add torch to both indexes, and `other` to the ordinary one."""
    for name, suffix in (("ordinary", ""), ("cpu", "+cpu")):
        index.add(name, "torch", f"2.13.0{suffix}")
        index.add(name, "torchvision", f"0.28.0{suffix}", "torch==2.13.0")
    index.add("ordinary", "other", "1.0")
    index.add("cpu", "other", "1.0")


def test_torch_comes_from_the_index_of_cpu_builds_and_the_rest_from_the_ordinary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index
) -> None:
    add_torch(index)
    monkeypatch.setenv(environments.TORCH_VARIABLE, index.url("cpu"))
    define(tmp_path, monkeypatch, TORCH, has_torch=True)
    python = environments.ensure("small")
    assert [origin(python, name) for name in ("torch", "torchvision", "other")] == [
        "cpu 2.13.0+cpu", "cpu 0.28.0+cpu", "ordinary 1.0",
    ]  # fmt: skip
    assert not [path for path in index.paths if path.startswith("/cpu/other")]


@pytest.mark.parametrize("url", [CLOSED, "http://no-such-host.invalid/cpu", ""], ids=["closed", "unknown", "empty"])
def test_without_the_index_of_cpu_builds_torch_comes_from_the_ordinary_one_within_seconds(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    add_torch(index)
    monkeypatch.setenv(environments.TORCH_VARIABLE, url)
    define(tmp_path, monkeypatch, TORCH, has_torch=True)
    calls: list[str] = []
    real = environments._is_reachable

    def timed(url: str) -> bool:
        started = time.monotonic()
        is_reachable = real(url)
        assert time.monotonic() - started < 2 * environments.REACH_TIMEOUT
        calls.append(url)
        return is_reachable

    monkeypatch.setattr(environments, "_is_reachable", timed)
    python = environments.ensure("small")
    assert [origin(python, name) for name in ("torch", "torchvision")] == ["ordinary 2.13.0", "ordinary 0.28.0"]
    note = f"{url} cannot be reached; torch is installed from the ordinary package index"
    assert (note in capsys.readouterr().err.splitlines()) == bool(url) == bool(calls)


def test_an_index_that_never_responds_is_given_up_after_seconds() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        assert not environments._is_reachable(f"http://127.0.0.1:{silent.getsockname()[1]}/cpu")
        assert time.monotonic() - started < 2 * environments.REACH_TIMEOUT


def test_an_index_without_these_versions_is_one_line_and_the_ordinary_one_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    add_torch(index)
    index.add("old", "torch", "1.0")
    monkeypatch.setenv(environments.TORCH_VARIABLE, index.url("old"))
    define(tmp_path, monkeypatch, TORCH, has_torch=True)
    assert origin(environments.ensure("small"), "torch") == "ordinary 2.13.0"
    note = f"{index.url('old')} has no torch==2.13.0 and torchvision==0.28.0; torch is installed from the ordinary"
    assert note in capsys.readouterr().err


def test_on_a_mac_torch_comes_from_the_ordinary_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index
) -> None:
    add_torch(index)
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    monkeypatch.setenv(environments.TORCH_VARIABLE, index.url("cpu"))
    define(tmp_path, monkeypatch, TORCH, has_torch=True)
    assert origin(environments.ensure("small"), "torch") == "ordinary 2.13.0"


def test_the_torch_of_the_export_is_taken_from_the_index_of_pytorch_alone() -> None:
    lines = (environments.ROOT / "export" / "requirements.txt").read_text().splitlines()
    assert sorted(line.split("==")[0] for line in lines if line.startswith(environments.TORCH_PACKAGES)) == [
        "torch", "torchvision",
    ]  # fmt: skip
    assert environments.TORCH_INDEX == "https://download.pytorch.org/whl/cpu"
    with_torch = {name: made for name, made in environments.ENVIRONMENTS.items() if made.has_torch}
    assert with_torch.keys() == {"export", "engines"}
    assert all("export/requirements.txt" in made.requirements for made in with_torch.values())


def failure(name: str = "small") -> str:
    """Return the message of an environment that cannot be made; it is one line and names an existing log."""
    with pytest.raises(EnvironmentFailed) as raised:
        environments.ensure(name)
    message = str(raised.value)
    assert "\n" not in message
    log = re.search(r" \(details: (.*)\)$", message)
    assert log and Path(log[1]).is_file()
    return message[: log.start()]


def test_without_network_the_message_names_proxy_and_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{CLOSED}/simple")
    define(tmp_path, monkeypatch, "alpha==1.0\n")
    assert failure() == ("the package index cannot be reached; HTTPS_PROXY sets a proxy, PIP_INDEX_URL another index")


def test_behind_a_proxy_that_is_down_the_message_names_proxy_and_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.invalid/simple")
    monkeypatch.setenv("HTTPS_PROXY", CLOSED)
    define(tmp_path, monkeypatch, "alpha==1.0\n")
    assert failure().startswith("the package index cannot be reached; HTTPS_PROXY ")


def test_another_failure_is_the_last_error_line_of_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index
) -> None:
    index.add("ordinary", "alpha", "1.0")
    define(tmp_path, monkeypatch, "alpha==9.0\n")
    assert failure() == "ERROR: No matching distribution found for alpha==9.0"


def test_a_python_without_venv_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python3.99"
    text = "The virtual environment was not created successfully because ensurepip is not\\navailable.  On Debian\\n"
    python.write_text(f"#!/bin/sh\nprintf '{text}\\nFailing command: x\\n'\nexit 1\n")
    python.chmod(0o755)
    define(tmp_path, monkeypatch, "alpha==1.0\n")
    monkeypatch.setattr(pythons, "find", lambda version: python)
    assert failure() == (
        f"{python} cannot make virtual environments; on Debian and Ubuntu, `apt install python3.99-venv` installs "
        "what is missing"
    )


def test_a_machine_without_a_suitable_python_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    define(tmp_path, monkeypatch, "alpha==1.0\n")
    monkeypatch.setattr(pythons, "find", lambda version: Path("/usr/bin/python3.9") if version == "3.9" else None)
    with pytest.raises(EnvironmentFailed, match=rf"must have one of Python {re.escape(OWN)}, got 3\.9; `uv python "):
        environments.ensure("small")


@pytest.mark.parametrize(
    ("present", "expected", "installs"),
    [
        (("3.11", "3.12", "3.13", "3.14"), "3.13", False),
        (("3.11", "3.12"), "3.12", False),
        (("3.11", "3.14"), "3.14", False),
        (("3.9", "3.11"), "3.11", True),
    ],
)
def test_the_build_environment_prefers_a_python_of_lambda_and_3_11_comes_last(
    present: tuple[str, ...], expected: str, installs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    monkeypatch.setattr(pythons, "find", lambda version: Path(version) if version in present else None)
    monkeypatch.setattr(pythons, "install", lambda version: tried.append(version))
    build = environments.ENVIRONMENTS["build"]
    assert environments._base_python("build", build) == Path(expected)
    assert tried == (["3.13"] if installs else [])


def test_a_python_that_was_installed_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pythons, "find", lambda version: Path("3.11") if version == "3.11" else None)
    monkeypatch.setattr(pythons, "install", lambda version: Path("installed") / version)
    assert environments._base_python("build", environments.ENVIRONMENTS["build"]) == Path("installed/3.13")


@pytest.mark.parametrize("is_environment", [True, False])
def test_the_folder_of_earlier_versions_is_named_when_an_environment_is_made(
    is_environment: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    index: Index,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "checkout" / ".venv" / "dev").mkdir(parents=True)
    if is_environment:  # of this project; a .venv of the user's own is not mentioned
        (tmp_path / "checkout" / ".venv" / "dev" / "stamp").touch()
    index.add("ordinary", "alpha", "1.0")
    define(tmp_path, monkeypatch, "alpha==1.0\n")
    monkeypatch.setattr(environments, "ROOT", tmp_path / "checkout")
    environments.ensure("small")
    old = tmp_path / "checkout" / ".venv"
    line = f"{old} of an earlier version is no longer needed: rm -r {old}"
    assert (line in capsys.readouterr().err.splitlines()) == is_environment


def test_an_interruption_is_one_line_and_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(name: str) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(environments, "ensure", interrupt)
    assert environments.main(["build"]) == environments.run_in("build", []) == 130
    line = "environments: interrupted; the next command makes the environment build again\n"
    assert capsys.readouterr().err == line * 2


def test_the_versions_of_the_build_are_those_of_the_layer() -> None:
    layer = pin.versions(pin.REQUIREMENTS.read_text())
    lines = (environments.ROOT / "scripts" / "requirements.txt").read_text().splitlines()
    parts = [line.partition("; ") for line in lines if line and not line.startswith("#")]
    pinned = {(*part.split("=="), marker) for part, _, marker in parts}
    new = 'python_version >= "3.12"'  # the Pythons of the layer
    assert {(name, version) for name, version, marker in pinned if marker in ("", new)} >= set(layer.items())
    assert {name for name, _, marker in pinned if marker not in ("", new)} == {"numpy"}
    assert {name for name, _, _ in pinned} == {*layer, "deflate", "onnx", "rich", "uvicorn"}


def installed(monkeypatch: pytest.MonkeyPatch, environment: str = "build", **changes: str | None) -> None:
    """Let this Python have the packages of the commands in the pinned versions, except these; None: not installed."""
    file = environments.ROOT / environments.ENVIRONMENTS[environment].requirements[0]
    versions = environments._pinned_versions(file) | changes

    def version(name: str) -> str:
        value = versions[name]
        if value is None:
            raise metadata.PackageNotFoundError(name)
        return value

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.parametrize(
    ("environment", "name"),
    [(environment, name) for environment, names in environments.COMMAND_PACKAGES.items() for name in names],
)
def test_a_python_with_another_version_of_a_package_is_not_used(
    environment: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, environment)
    assert environments.has_packages(environment)
    installed(monkeypatch, environment, **{name: "1.0"})
    assert not environments.has_packages(environment)
    installed(monkeypatch, environment, **{name: None})
    assert not environments.has_packages(environment)


def test_the_pinned_version_is_that_of_this_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text(
        '# b==0\nb==2.0; python_version >= "3.12"\nb==1.0; python_version < "3.12"\nc-d==0.0.1\n'
    )
    for minor, expected in ((11, "1.0"), (12, "2.0"), (13, "2.0")):
        monkeypatch.setattr(sys, "version_info", (3, minor, 0))
        assert environments._pinned_versions(tmp_path / "a.txt") == {"b": expected, "c-d": "0.0.1"}
    monkeypatch.undo()


def test_the_command_lists_the_pythons() -> None:
    done = subprocess.run(
        [sys.executable, str(environments.__file__), "pythons"], capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == [python.version for python in pythons.available()]


def test_the_project_version_is_that_of_pyproject() -> None:
    pyproject = tomllib.loads((environments.ROOT / "pyproject.toml").read_text())
    assert environments.project_version() == pyproject["project"]["version"]


def test_a_version_outside_of_the_project_table_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\n\n[tool.x]\nversion = "9"\n')
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    with pytest.raises(ValueError, match="must have a version"):
        environments.project_version()


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["dev", "export"]])
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert environments.main(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: ")
