"""The project's own virtual environments: what each holds, and making it when it is missing or stale.

Run as `python3 scripts/environments.py export|dev`; the last line printed is the path of that environment's Python.
Only the standard library, and any Python from 3.9 on, so that it can be the first thing that runs on a machine.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import pythons  # noqa: E402  (a script's neighbour, not a package)

LAYER_PYTHONS = ("3.13", "3.12", "3.14")  # those with wheels of the layer's pins


class Environment(NamedTuple):
    """One environment: the Pythons it may stand on, best first, and the requirement files it installs, in order."""

    pythons: tuple[str, ...]
    requirements: tuple[tuple[str, ...], ...]  # options of pip, then a file


ENVIRONMENTS = {
    "export": Environment(("3.11", "3.12", "3.13"), (("export/requirements.txt",),)),
    "wine": Environment(LAYER_PYTHONS, (("example/wine/requirements.txt",),)),
    "cdk": Environment(LAYER_PYTHONS, (("example/cdk/requirements.txt",),)),
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
        found = pythons.find(version)
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


def main(arguments: list[str]) -> int:
    """`environments.py NAME`: make it if needed, print its Python."""
    if len(arguments) != 1 or arguments[0] not in ENVIRONMENTS:
        _say(f"usage: environments.py {'|'.join(ENVIRONMENTS)}")
        return 2
    try:
        sys.stdout.write(f"{ensure(arguments[0])}\n")
    except EnvironmentFailed as error:
        _say(f"environments: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
