"""The Pythons of this machine, and the installation of the one that the zips are built with.

Runs under any Python from 3.9 on, with the standard library alone.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scripts import home

MINORS = tuple(range(9, 16))  # 3.9 to 3.15: the versions that `available` looks for
PROBE_TIMEOUT = 20  # seconds; a shim that waits for a network must not block the build
INSTALL_TIMEOUT = 600  # seconds
RETRY_AFTER = 3600  # seconds after a failed installation: a machine without network does not wait at every command

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


@functools.lru_cache(maxsize=None)
def install(version: str) -> Path | None:
    """Install CPython `version` with uv, and return its executable; None if uv cannot be had or has no network.

    uv is taken from the PATH; otherwise it is installed from the package index into the tools folder of the project.
    """
    found = find(version)
    if found:
        return found
    try:
        tools = home.make(home.environments() / "tools")
    except home.NotWritable as error:
        _print_progress(f"Python {version} could not be installed: {error}")
        return None
    failed = tools / f"python{version}-failed"
    if failed.exists() and time.time() - failed.stat().st_mtime < RETRY_AFTER:
        return None
    uv, problem = _uv()
    if uv:
        problem = _install(uv, version)
    find.cache_clear()
    python = find(version)
    if python:
        failed.unlink(missing_ok=True)
        return python
    failed.touch()
    problem = problem or "uv installed none that runs"
    _print_progress(
        f"Python {version} could not be installed: {problem} (tried again in an hour, or after rm {failed})"
    )
    return None


def _install(uv: Path, version: str) -> str:
    """Install a Python with uv; return the reason of a failure, or ""."""
    _print_progress(f"installing Python {version} with uv into {home.environments() / 'python'} (once)")
    # The second one: no link in ~/.local/bin, which is the user's.
    variables = {**os.environ, "UV_PYTHON_INSTALL_DIR": str(home.environments() / "python")}
    variables["UV_PYTHON_INSTALL_BIN"] = "0"
    command = [str(uv), "python", "install", "--no-config", "--no-progress", version]
    try:
        done = subprocess.run(
            command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (_last_line(done.stderr) or f"exit code {done.returncode}") if done.returncode else ""


def _uv() -> tuple[Path | None, str]:
    """Return the executable of uv, or None and the reason; install it into the tools folder if the PATH has none."""
    on_path = shutil.which("uv")
    if on_path:
        return Path(on_path), ""
    folder = home.environments() / "tools" / "uv"
    program = folder / "bin" / "uv"
    if program.is_file():
        return program, ""
    _print_progress("installing uv, which brings the Python that the zips are built for (once)")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1"]
    command = [*pip, "--timeout", "15", "--no-input", "--target", str(folder), "uv"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode or not program.is_file():
        return None, f"uv is missing, and pip cannot install it ({_last_line(done.stderr) or 'no message'})"
    return program, ""


def _candidates(version: str) -> Iterator[Path]:
    name = f"python{version}"
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        yield Path(folder or ".", name)
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        yield Path(folder or ".", "python3")  # an installation that has no versioned name
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    yield from sorted(pyenv.glob(f"{version}*/bin/{name}"), key=_patch, reverse=True)
    yield from _uv_candidates(version)
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    own = home.environments() / "python"
    for uv in (own, Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")):
        yield from sorted(uv.glob(f"cpython-{version}*/bin/{name}"), key=_patch, reverse=True)
    yield Path("/opt", name, "bin", name)
    yield Path("/opt/homebrew/bin", name)  # Homebrew on Apple silicon; not on the PATH of every shell
    yield Path("/Library/Frameworks/Python.framework/Versions", version, "bin", name)  # the installer of python.org


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


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _print_progress(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
