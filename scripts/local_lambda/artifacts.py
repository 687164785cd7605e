"""What is to be run and by which Python: reads dist/build.json, knows nothing of how it is run."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path
from typing import NamedTuple

from scripts import environments
from scripts.local_lambda.errors import NotRunnable

ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}  # as Lambda names them
PREFIX_PROGRAM = (
    "import os, sys; print(sys.base_prefix); "
    "print(os.path.realpath(getattr(sys, '_base_executable', None) or sys.executable)); "
    "print('.'.join(map(str, sys.version_info[:3])))"
)


class Interpreter(NamedTuple):
    """A Python on this machine.

    Attributes:
        prefix: the folder that holds its `lib/python3.X`.
        executable: the real executable, no link and no virtual environment.
        version: all three numbers, `3.13.0`.
    """

    prefix: Path
    executable: Path
    version: str

    @property
    def minor(self) -> str:
        """The Lambda name's number, `3.13`."""
        return ".".join(self.version.split(".")[:2])


class Artifacts(NamedTuple):
    """The two zips and the Python they were built for."""

    layer_zip: Path
    function_zip: Path
    arch: str
    interpreter: Interpreter


def read(dist: Path) -> Artifacts:
    """The zips in a dist folder, if this machine can run them.

    Raises:
        NotRunnable: a file is missing or unreadable, or they are for another architecture or a Python that is not here.
    """
    record = _record(dist)
    arch, version = str(record["arch"]), str(record["python"])
    _check_machine(arch)
    zips = [dist / "layer.zip", dist / "function.zip"]
    for path in zips:
        if not path.is_file():
            raise NotRunnable(f"{path} is missing; scripts/build_zip.sh writes it")
    return Artifacts(zips[0], zips[1], arch, _interpreter(version))


def _record(dist: Path) -> dict[str, object]:
    path = dist / "build.json"
    if not path.is_file():
        raise NotRunnable(f"{path} is missing; run scripts/build_zip.sh first, or name its folder with --dist")
    try:
        record = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise NotRunnable(f"{path} is not JSON: {error}") from error
    if not (isinstance(record, dict) and {"arch", "python"} <= record.keys()):
        raise NotRunnable(f"{path} does not say arch and python; run scripts/build_zip.sh again")
    return record


def _check_machine(arch: str) -> None:
    here = ARCHITECTURES.get(platform.machine().lower(), platform.machine())
    if platform.system() != "Linux" or here != arch:
        raise NotRunnable(
            f"the zips are for Linux on {arch}, this machine is {platform.system()} on {here}; "
            f"build with --arch {here}, or run them on a Linux {arch} machine"
        )


def _interpreter(version: str) -> Interpreter:
    found = environments.find(version)
    if not found:
        here = ", ".join(one.version for one in environments.available()) or "none"
        raise NotRunnable(
            f"the zips are for Python {version}, which is not on this machine (found: {here}); "
            f"`uv python install {version}` or `pyenv install {version}` brings it, "
            "or build for one that is here with --python"
        )
    answer = subprocess.run([str(found), "-I", "-S", "-c", PREFIX_PROGRAM], capture_output=True, text=True)
    lines = answer.stdout.splitlines()
    if answer.returncode or len(lines) != 3:
        raise NotRunnable(f"{found} does not run: {answer.stderr.strip() or answer.returncode}")
    interpreter = Interpreter(Path(lines[0]), Path(lines[1]), lines[2])
    if interpreter.minor != version:
        raise NotRunnable(f"{found} is Python {interpreter.version}, the zips are for {version}")
    return interpreter
