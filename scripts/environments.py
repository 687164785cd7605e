"""Virtual environments of the project, the Pythons of this machine, and the version of the project.

    python3 scripts/environments.py dev        make the environment `dev` if needed; the last line is its Python
    python3 scripts/environments.py pythons    list the Pythons of this machine

This is the first program that runs on a machine: it runs under any Python from 3.9 on, with the standard library alone.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
USAGE = 2  # exit code

LAYER_PYTHONS = ("3.13", "3.12", "3.14")  # those with wheels of the layer's pins


class Environment(NamedTuple):
    """A virtual environment.

    Attributes:
        pythons: the versions that can create it, best first.
        requirements: options of pip and then a requirement file, in the order of installation.
    """

    pythons: tuple[str, ...]
    requirements: tuple[tuple[str, ...], ...]


ENVIRONMENTS = {
    "export": Environment(("3.11", "3.12", "3.13"), (("export/requirements.txt",),)),
    "wine": Environment(LAYER_PYTHONS, (("example/wine/requirements.txt",),)),
    "cdk": Environment(LAYER_PYTHONS, (("example/cdk/requirements.txt",),)),
    "docs": Environment((*LAYER_PYTHONS, "3.11"), (("docs/requirements.txt",),)),
    "dev": Environment(
        (*LAYER_PYTHONS, "3.11"), (("--no-deps", "layer/requirements.txt"), ("tests/requirements.txt",))
    ),
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
        EnvironmentFailed: this machine has no suitable Python, or an installation failed.
    """
    environment = ENVIRONMENTS[name]
    folder = ROOT / ".venv" / name
    base = _base_python(name, environment)
    stamp = _stamp(environment, base)
    stamp_file = folder / "stamp"
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two commands at once, one makes it and the other waits
        if not (stamp_file.exists() and stamp_file.read_text() == stamp):
            _make(name, environment, folder, base)
            stamp_file.write_text(stamp)
    return folder / "bin" / "python"


def _base_python(name: str, environment: Environment) -> Path:
    for version in environment.pythons:
        python = find(version)
        if python:
            return Path(python)
    raise EnvironmentFailed(
        f"the environment {name} needs one of Python {', '.join(environment.pythons)}, and this machine has none of "
        "them; `uv python install 3.13` or `pyenv install 3.13` installs one"
    )


def _stamp(environment: Environment, base: Path) -> str:
    digest = hashlib.sha256(str(base).encode())
    for arguments in environment.requirements:
        digest.update((ROOT / arguments[-1]).read_bytes())
    return digest.hexdigest()


def _make(name: str, environment: Environment, folder: Path, base: Path) -> None:
    files = " and ".join(arguments[-1] for arguments in environment.requirements)
    _print_progress(f"setting up {folder.relative_to(ROOT)} with {base} from {files} (once)")
    if name == "export":
        _print_progress("this environment holds torch and ultralytics: the installation takes one to several minutes")
    _run([str(base), "-m", "venv", "--clear", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-warn-conflicts"]  # the layer leaves out packages that onnxruntime requires and does not use
    for *options, file in _installable(environment, folder / "bin" / "python"):
        _run([*pip, *options, "-r", str(ROOT / file)])


def _installable(environment: Environment, python: Path) -> list[tuple[str, ...]]:
    """Return the requirement files that fit this Python: the layer's pins have no wheels below 3.12."""
    old = subprocess.run([str(python), "-c", "import sys; sys.exit(sys.version_info < (3, 12))"]).returncode
    return [files for files in environment.requirements if not (old and files[-1] == "layer/requirements.txt")]


def _run(command: list[str]) -> None:
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")}
    result = subprocess.run(command, env=variables, stdout=sys.stderr)
    if result.returncode:
        raise EnvironmentFailed(f"`{' '.join(command)}` failed with exit code {result.returncode}; its output is above")


MINORS = tuple(range(9, 16))  # 3.9 to 3.15: the versions that `available` looks for
PROBE_TIMEOUT = 20  # seconds; a shim that waits for a network must not block the build

# A candidate prints its version and its executable. A pre-release has its own bytecode format and a free-threaded build
# its own extension modules: neither can replace Lambda's Python. For a virtual environment, its base Python is taken.
PROBE = """
import os, sys
v = sys.version_info
fit = sys.implementation.name == "cpython" and v.releaselevel == "final" and not getattr(sys, "abiflags", "")
print("%d.%d" % v[:2] if fit else "unfit")
print(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))
"""


class Interpreter(NamedTuple):
    """A Python of this machine: its version as Lambda writes it ("3.13") and its executable."""

    version: str
    path: Path


@functools.lru_cache(maxsize=None)
def find(version: str) -> Path | None:
    """Return the executable of CPython `version` ("3.13"), or None if this machine has none."""
    for candidate in _candidates(version):
        base = _probe(candidate, version)
        if base:
            return base
    return None


def available() -> list[Interpreter]:
    """Return every CPython from 3.9 to 3.15 on this machine, oldest first; empty if there is none."""
    paths: dict[str, Path | None] = {version: find(version) for version in (f"3.{minor}" for minor in MINORS)}
    return [Interpreter(version, path) for version, path in paths.items() if path]


def _candidates(version: str) -> Iterator[Path]:
    name = f"python{version}"
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        yield Path(folder or ".", name)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    yield from sorted(pyenv.glob(f"{version}*/bin/{name}"), key=_patch, reverse=True)
    yield from _uv_candidates(version)
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    yield from sorted(uv.glob(f"cpython-{version}*/bin/{name}"), key=_patch, reverse=True)
    yield Path("/opt", name, "bin", name)


def _patch(path: Path) -> list[int]:
    """Return the numbers of a version folder as a sort key: 3.13.10 comes after 3.13.9."""
    digits = "".join(c if c.isdigit() else " " for c in path.parent.parent.name)
    return [int(part) for part in digits.split()[:3]]


def _uv_candidates(version: str) -> Iterator[Path]:
    uv = shutil.which("uv")
    if uv:
        lines = _output_lines([uv, "python", "find", "--no-project", "--no-python-downloads", version])
        if lines:
            yield Path(lines[0])


def _probe(candidate: Path, version: str) -> Path | None:
    """Return the base executable of a candidate, or None if it is not CPython `version`."""
    if not os.access(candidate, os.X_OK):
        return None
    lines = _output_lines([str(candidate), "-I", "-S", "-c", PROBE])
    return Path(lines[1]) if len(lines) == 2 and lines[0] == version else None


def _output_lines(command: list[str]) -> list[str]:
    """Return the lines that a command prints; empty if it does not start, fails, or takes too long."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROBE_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else []


def main(arguments: list[str]) -> int:
    """Print the Python of an environment or the Pythons of this machine.

    Exit codes: 0 success, 2 usage or environment error.
    """
    if arguments == ["pythons"]:
        for python in available():
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
    return 0


def _print_progress(line: str) -> None:
    """Print to stderr: stdout carries the path of the Python, which shell scripts read."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
