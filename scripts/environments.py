"""Virtual environments of the project, in `.envs/` or in the folder that YOLO_LAMBDA_HOME names.

    python3 scripts/environments.py build      make the environment `build` if needed; the last line is its Python
    python3 scripts/environments.py pythons    list the Pythons of this machine

This is the first program that runs on a machine: it runs under any Python from 3.9 on, with the standard library alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    sys.path[0] = str(ROOT)  # started as a file: the first entry is the folder of this file

from scripts import home, pythons  # noqa: E402

USAGE, INTERRUPTED = 2, 130  # exit codes

# Those with wheels of the layer's pins; the first is installed if none is there.
LAYER_PYTHONS = ("3.13", "3.12", "3.14")
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"  # torch without CUDA, which is 2.7 GB smaller
TORCH_VARIABLE = "YOLO_LAMBDA_TORCH_INDEX"  # another index with torch for CPUs; empty: the ordinary index
TORCH_PACKAGES = ("torch==", "torchvision==")
UNUSED = ("onnx/backend/test", "torch/include", "torch/test")  # tests and headers of packages, 160 MB
REACH_TIMEOUT = 5  # seconds; a network that drops packets must not delay the build
NETWORK_ERRORS = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|ConnectionResetError|"
    r"SSLError|Failed to establish a new connection|Network is unreachable|Connection refused"
)
WITHOUT_ONNXRUNTIME = ("aws", "cdk", "checkov", "docs")  # environments
COMMAND_PACKAGES = {  # environment -> packages that the Python commands import which it is for
    "build": ("numpy", "onnx", "pillow", "rich", "uvicorn"),  # predict.py, compare.py, serve.py
    "aws": ("boto3", "numpy", "pillow", "rich"),  # call.py, batch.py, tune.py
}
PINNED = re.compile(r'([\w.-]+)==([\w.+]+)(?:; python_version (>=|<) "3\.(\d+)")?')
NO_VENV = re.compile(r"ensurepip is not\s+available|No module named '?(ensurepip|venv)")


class Environment(NamedTuple):
    """A virtual environment.

    Attributes:
        pythons: the versions that can create it, best first.
        requirements: requirement files in the order of installation.
        size: approximate size on disk, for the first line of the output.
        has_torch: torch comes from an index of its own, without CUDA.
    """

    pythons: tuple[str, ...]
    requirements: tuple[str, ...]
    size: str
    has_torch: bool = False


ENVIRONMENTS = {
    "build": Environment((*LAYER_PYTHONS, "3.11"), ("scripts/requirements.txt",), "0.25 GB"),
    "aws": Environment((*LAYER_PYTHONS, "3.11"), ("scripts/requirements-aws.txt",), "0.2 GB"),
    "export": Environment(("3.11", "3.12", "3.13"), ("export/requirements.txt",), "1.6 GB", has_torch=True),
    "engines": Environment(
        ("3.11", "3.12", "3.13"),
        ("export/requirements.txt", "benchmarks/requirements-engines.txt"),
        "1.9 GB",
        has_torch=True,
    ),
    "wine": Environment(LAYER_PYTHONS, ("example/wine/requirements.txt",), "0.4 GB"),
    "cdk": Environment(LAYER_PYTHONS, ("example/cdk/requirements.txt",), "0.4 GB"),
    "checkov": Environment((*LAYER_PYTHONS, "3.11"), ("tests/requirements-checkov.txt",), "0.6 GB"),
    "docs": Environment((*LAYER_PYTHONS, "3.11"), ("docs/requirements.txt",), "0.2 GB"),
    "dev": Environment((*LAYER_PYTHONS, "3.11"), ("scripts/requirements.txt", "tests/requirements.txt"), "1 GB"),
}


class EnvironmentFailed(Exception):
    """An environment could not be made; the message gives the reason and a command that helps."""


def project_version() -> str:
    """Return the version of the project, which pyproject.toml states.

    Raises:
        ValueError: pyproject.toml has no `version = "..."` in its table `project`.
    """
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")  # tomllib is new in Python 3.11
    match = re.search(r'^\[project\]\n(?:(?!\[).*\n)*?version = "([^"\n]+)"$', text, re.MULTILINE)
    if not match:
        raise ValueError(f"{ROOT / 'pyproject.toml'} must have a version in [project]")
    return match[1]


def ensure(name: str) -> Path:
    """Return the Python of an environment. Make the environment if it is missing or its requirements changed.

    Raises:
        EnvironmentFailed: this machine has no suitable Python, the folder cannot be written, or an installation failed.
    """
    environment = ENVIRONMENTS[name]
    try:
        folder = home.make(home.environments()) / name
    except home.NotWritable as error:
        existing = home.environments() / name
        if _is_current(environment, existing):  # made before by a user who could write
            return existing / "bin" / "python"
        raise EnvironmentFailed(str(error)) from error
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two commands at once, one makes it and the other waits
        if not _is_current(environment, folder):
            _require_wheels(name)
            base = _base_python(name, environment)
            (folder / "stamp").unlink(missing_ok=True)
            _make(name, environment, folder, base)
            (folder / "stamp").write_text(_stamp(environment, base))
    return folder / "bin" / "python"


def has_packages(name: str = "build") -> bool:
    """Return whether this Python has what the commands import of an environment, in the same versions."""
    from importlib import metadata  # imported here: 20 ms

    if sys.version_info < (3, 11):
        return False
    versions = _pinned_versions(ROOT / ENVIRONMENTS[name].requirements[0])
    try:
        return all(metadata.version(package) == versions.get(package) for package in COMMAND_PACKAGES[name])
    except metadata.PackageNotFoundError:
        return False


def _pinned_versions(file: Path) -> dict[str, str]:
    """Return name and version of each `NAME==VERSION` in a requirement file that is for this Python."""
    versions = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        match = PINNED.fullmatch(line.strip())
        if match and not (match[3] and (sys.version_info[1] >= int(match[4])) != (match[3] == ">=")):
            versions[match[1]] = match[2]
    return versions


def run_in(name: str, arguments: list[str]) -> int:
    """Run a Python program with the Python of an environment in place of this one; return only if there is none."""
    try:
        python = ensure(name)
    except EnvironmentFailed as error:
        _print_progress(f"environments: {error}")
        return USAGE
    except KeyboardInterrupt:
        _print_progress(f"environments: interrupted; the next command makes the environment {name} again")
        return INTERRUPTED
    sys.stdout.flush()
    sys.stderr.flush()
    # In place of this process: `subprocess.run` kills the program 0.25 s after Ctrl-C, before its files are complete.
    return os.execv(python, [str(python), *arguments])  # noqa: S606


def _require_wheels(name: str) -> None:
    """Raise EnvironmentFailed on a Mac without Apple silicon, unless the environment has no onnxruntime."""
    if platform.system() == "Darwin" and platform.machine() == "x86_64" and name not in WITHOUT_ONNXRUNTIME:
        raise EnvironmentFailed(
            "onnxruntime and torch have no wheels for a Mac with an Intel processor, or for a Python that runs under "
            "Rosetta; run the commands in a Linux container: "
            'docker run --rm -it -v "$PWD:/project" -w /project python:3.13 bash'
        )


def _base_python(name: str, environment: Environment) -> Path:
    preferred = environment.pythons[: len(LAYER_PYTHONS)] if environment.pythons[0] == LAYER_PYTHONS[0] else ()
    for version in preferred or environment.pythons:
        python = pythons.find(version)
        if python:
            return python
    # Before an older Python is taken: the zips need the installed one too.
    python = pythons.install(LAYER_PYTHONS[0])
    if python:
        return python
    for version in environment.pythons:
        python = pythons.find(version)
        if python:
            return python
    present = ", ".join(candidate.version for candidate in pythons.available()) or "none"
    raise EnvironmentFailed(
        f"the environment {name} must have one of Python {', '.join(environment.pythons)}, got {present}; "
        "`uv python install 3.13` or `pyenv install 3.13` installs one"
    )


def _is_current(environment: Environment, folder: Path) -> bool:
    """Return whether an environment is complete, its requirements are the present ones, and its Python still exists.

    A better Python that was installed later does not count: the environment would be made again without need.
    """
    base = (folder / "bin" / "python").resolve()
    stamp = folder / "stamp"
    return base.exists() and stamp.is_file() and stamp.read_text() == _stamp(environment, base)


def _stamp(environment: Environment, base: Path) -> str:
    digest = hashlib.sha256(str(base).encode())
    for file in environment.requirements:
        digest.update((ROOT / file).read_bytes())
    return digest.hexdigest()


def _make(name: str, environment: Environment, folder: Path, base: Path) -> None:
    files = " and ".join(environment.requirements)
    _print_progress(f"setting up {folder} with {base} from {files}: about {environment.size} (once)")
    _mention_old_folder()
    started = time.monotonic()
    log = folder.with_suffix(".log")
    _run([str(base), "-m", "venv", "--clear", str(folder)], log)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    pip += ["--retries", "2", "--timeout", "15"]
    if environment.has_torch:
        _install_torch(pip, environment, log)
    if name == "build":
        pip.append("--no-compile")  # Python compiles the few modules that are used at their first import
    for file in environment.requirements:
        _run([*pip, "-r", str(ROOT / file)], log)
    for part in UNUSED:
        for path in folder.glob(f"lib/python*/site-packages/{part}"):
            shutil.rmtree(path)
    _print_progress(f"{name} is ready after {time.monotonic() - started:.0f} s")


def _install_torch(pip: list[str], environment: Environment, log: Path) -> None:
    """Install torch from the index of CPU builds, if it can be reached; otherwise the ordinary index has it.

    Only these packages come from there: with an additional index, any package could come from either one.
    """
    index = os.environ.get(TORCH_VARIABLE, TORCH_INDEX).strip()
    if not index or platform.system() == "Darwin":  # a Mac's ordinary torch has no CUDA
        return
    if not _is_reachable(index):
        _print_progress(f"{index} cannot be reached; torch is installed from the ordinary package index")
        return
    lines = (ROOT / environment.requirements[0]).read_text(encoding="utf-8").splitlines()
    packages = [line.split("#")[0].strip() for line in lines if line.startswith(TORCH_PACKAGES)]
    try:
        _run([*pip, "--index-url", index, *packages], log)
    except EnvironmentFailed:
        _print_progress(f"{index} has no {' and '.join(packages)}; torch is installed from the ordinary package index")


def _is_reachable(url: str) -> bool:
    import urllib.error  # imported here: only the export environment needs them
    import urllib.request

    try:
        with urllib.request.urlopen(f"{url}/", timeout=REACH_TIMEOUT):  # noqa: S310  (a constant, or of the user)
            return True
    except urllib.error.HTTPError:  # there is a server
        return True
    except (OSError, ValueError):
        return False


def _mention_old_folder() -> None:
    old = ROOT / ".venv"
    if (old / "dev" / "stamp").exists():
        _print_progress(f"{old} of an earlier version is no longer needed: rm -r {old}")


def _run(command: list[str], log: Path) -> None:
    """Run a command with its output in a log file.

    Raises:
        EnvironmentFailed: it failed; the message has its last line, or what to set if the network is the reason.
    """
    ignored = ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")
    variables = {name: value for name, value in os.environ.items() if name not in ignored}
    with log.open("w", encoding="utf-8") as output:
        output.write(f"{' '.join(command)}\n")
        output.flush()
        done = subprocess.run(command, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    if done.returncode == 0:
        return
    text = log.read_text(encoding="utf-8", errors="replace")
    if NO_VENV.search(text):
        raise EnvironmentFailed(
            f"{command[0]} cannot make virtual environments; on Debian and Ubuntu, "
            f"`apt install {Path(command[0]).name}-venv` installs what is missing (details: {log})"
        )
    if NETWORK_ERRORS.search(text):
        raise EnvironmentFailed(
            "the package index cannot be reached; HTTPS_PROXY sets a proxy, PIP_INDEX_URL another index "
            f"(details: {log})"
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR", "error", "Error"))]
    raise EnvironmentFailed(f"{(errors or lines)[-1]} (details: {log})")


def main(arguments: list[str]) -> int:
    """Print the Python of an environment or the Pythons of this machine.

    Exit codes: 0 success, 2 usage or environment error, 130 interrupted.
    """
    if arguments == ["pythons"]:
        for python in pythons.available():
            sys.stdout.write(f"{python.version}  {python.path}\n")
        return 0
    if len(arguments) != 1 or arguments[0] not in ENVIRONMENTS:
        _print_progress(f"usage: environments.py {'|'.join(ENVIRONMENTS)}|pythons")
        return USAGE
    try:
        sys.stdout.write(f"{ensure(arguments[0])}\n")
    except EnvironmentFailed as error:
        _print_progress(f"environments: {error}")
        return USAGE
    except KeyboardInterrupt:
        _print_progress(f"environments: interrupted; the next command makes the environment {arguments[0]} again")
        return INTERRUPTED
    return 0


def _print_progress(line: str) -> None:
    """Print to stderr: stdout carries the path of the Python, which shell scripts read."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
