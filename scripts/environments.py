"""The project's own virtual environments: what each holds, and making it when it is missing or stale.

Run as `python3 scripts/environments.py export|dev`; the last line printed is the path of that environment's Python.
Only the standard library, and any Python from 3.9 on, so that it can be the first thing that runs on a machine.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent

LAYER_PYTHONS = ("3.13", "3.12", "3.14")  # those with wheels of the layer's pins


class Environment(NamedTuple):
    """One environment: the Pythons it may stand on, best first, and the requirement files it installs, in order."""

    pythons: tuple[str, ...]
    requirements: tuple[tuple[str, ...], ...]  # options of pip, then a file


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
    """The environment could not be made; the message says why and what would help."""


def ensure(name: str) -> Path:
    """The Python of an environment, made first if it is missing or its requirements changed.

    Raises:
        EnvironmentFailed: no suitable Python on the machine, or an install failed.
    """
    environment = ENVIRONMENTS[name]
    folder = ROOT / ".venv" / name
    base = _base_python(name, environment)
    stamp = _stamp(environment, base)
    stamp_file = folder / "stamp"
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two commands at once make it once
        if not (stamp_file.exists() and stamp_file.read_text() == stamp):
            _make(name, environment, folder, base)
            stamp_file.write_text(stamp)
    return folder / "bin" / "python"


def _base_python(name: str, environment: Environment) -> Path:
    for version in environment.pythons:
        found = find(version)
        if found:
            return Path(found)
    wanted = ", ".join(environment.pythons)
    raise EnvironmentFailed(
        f"the {name} environment needs one of Python {wanted}; none is on this machine. "
        "`uv python install 3.13` or `pyenv install 3.13` brings one."
    )


def _stamp(environment: Environment, base: Path) -> str:
    digest = hashlib.sha256(str(base).encode())
    for arguments in environment.requirements:
        digest.update((ROOT / arguments[-1]).read_bytes())
    return digest.hexdigest()


def _make(name: str, environment: Environment, folder: Path, base: Path) -> None:
    files = " and ".join(arguments[-1] for arguments in environment.requirements)
    _say(f"setting up {folder.relative_to(ROOT)} with {base} from {files} (once)")
    if name == "export":
        _say("this one holds torch and ultralytics: expect one to several minutes")
    _run([str(base), "-m", "venv", "--clear", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-warn-conflicts"]  # the layer goes without what onnxruntime names and does not use
    for *options, file in _installable(environment, folder / "bin" / "python"):
        _run([*pip, *options, "-r", str(ROOT / file)])


def _installable(environment: Environment, python: Path) -> list[tuple[str, ...]]:
    """The requirement files that fit this Python: the layer's pins have no wheels below 3.12."""
    old = subprocess.run([str(python), "-c", "import sys; sys.exit(sys.version_info < (3, 12))"]).returncode
    return [files for files in environment.requirements if not (old and files[-1] == "layer/requirements.txt")]


def _run(command: list[str]) -> None:
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")}
    result = subprocess.run(command, env=variables, stdout=sys.stderr)
    if result.returncode:
        raise EnvironmentFailed(f"`{' '.join(command)}` failed with exit code {result.returncode}; its output is above")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


MINORS = tuple(range(9, 16))  # 3.9 to 3.15: what `available` asks for
PROBE_TIMEOUT = 20  # seconds; a shim that asks a network for something must not hang the build

# What a candidate says about itself. A pre-release has bytecode of its own, a free-threaded build extension modules of
# its own: neither stands in for Lambda's Python. Of a virtual environment, the Python that it was made from is taken.
PROBE = """
import os, sys
v = sys.version_info
fit = sys.implementation.name == "cpython" and v.releaselevel == "final" and not getattr(sys, "abiflags", "")
print("%d.%d" % v[:2] if fit else "unfit")
print(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))
"""


class Found(NamedTuple):
    """A Python that runs: its version as Lambda writes it ("3.13") and its executable."""

    version: str
    path: Path


@functools.lru_cache(maxsize=None)
def find(version: str) -> Path | None:
    """The executable of CPython `version` ("3.13"), or None if this machine has none."""
    for candidate in _candidates(version):
        base = _probe(candidate, version)
        if base:
            return base
    return None


def available() -> list[Found]:
    """Every CPython of a version that `find` knows of, oldest first."""
    paths: dict[str, Path | None] = {version: find(version) for version in (f"3.{minor}" for minor in MINORS)}
    return [Found(version, path) for version, path in paths.items() if path]


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
    """Sorts 3.13.10 after 3.13.9."""
    digits = "".join(c if c.isdigit() else " " for c in path.parent.parent.name)
    return [int(part) for part in digits.split()[:3]]


def _uv_candidates(version: str) -> Iterator[Path]:
    uv = shutil.which("uv")
    if uv:
        found = _output([uv, "python", "find", "--no-project", "--no-python-downloads", version])
        if found:
            yield Path(found[0])


def _probe(candidate: Path, version: str) -> Path | None:
    if not os.access(candidate, os.X_OK):
        return None
    said = _output([str(candidate), "-I", "-S", "-c", PROBE])
    return Path(said[1]) if len(said) == 2 and said[0] == version else None


def _output(command: list[str]) -> list[str]:
    """The lines that a command printed; none if it did not start, failed, or took too long."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROBE_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else []


def main(arguments: list[str]) -> int:
    """`environments.py NAME`: make it if needed, print its Python; `pythons` lists the Pythons of this machine."""
    if arguments == ["pythons"]:
        for python in available():
            sys.stdout.write(f"{python.version}  {python.path}\n")
        return 0
    if len(arguments) != 1 or arguments[0] not in ENVIRONMENTS:
        _say(f"usage: environments.py {'|'.join(ENVIRONMENTS)}|pythons")
        return 2
    try:
        sys.stdout.write(f"{ensure(arguments[0])}\n")
    except EnvironmentFailed as error:
        _say(f"environments: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
