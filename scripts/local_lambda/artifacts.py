"""Zips of a dist folder and the Python that can run them."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import NamedTuple

from scripts import manifest, pythons
from scripts.local_lambda.errors import NotRunnable

ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}  # as Lambda names them
PREFIX_PROGRAM = (
    "import os, sys; print(sys.base_prefix); "
    "print(os.path.realpath(getattr(sys, '_base_executable', None) or sys.executable)); "
    "print('.'.join(map(str, sys.version_info[:3])))"
)


class Interpreter(NamedTuple):
    """Python interpreter on this machine.

    Attributes:
        prefix: folder that has its `lib/python3.X`.
        executable: path of the real executable, not a symbolic link and not in a virtual environment.
        version: version with three numbers, `3.13.0`.
    """

    prefix: Path
    executable: Path
    version: str

    @property
    def minor(self) -> str:
        """Version with two numbers, as in the name of the Lambda runtime: `3.13`."""
        return ".".join(self.version.split(".")[:2])


class Artifacts(NamedTuple):
    """The two zips, their architecture, and the Python they were built for."""

    layer_zip: Path
    function_zip: Path
    arch: str
    interpreter: Interpreter


def read(dist: Path) -> Artifacts:
    """Return the zips of a dist folder, if this machine can run them.

    Raises:
        NotRunnable: a file is missing or unreadable, or the zips are for another architecture or for a Python that is
            not installed.
    """
    try:
        described = manifest.read(dist)
    except manifest.InvalidManifest as error:
        raise NotRunnable(f"{error}; --dist sets the folder") from error
    _check_machine(described.arch)
    zips = [dist / manifest.LAYER_ZIP, dist / manifest.FUNCTION_ZIP]
    for path in zips:
        if not path.is_file():
            raise NotRunnable(f"{path} is missing; scripts/build_zip.sh writes it")
    return Artifacts(zips[0], zips[1], described.arch, _interpreter(described.python))


def _check_machine(arch: str) -> None:
    machine = ARCHITECTURES.get(platform.machine().lower(), platform.machine())
    if platform.system() != "Linux" or machine != arch:
        raise NotRunnable(
            f"the zips are for Linux on {arch}, this machine is {platform.system()} on {machine}; "
            f"build with --arch {machine}, or run them on a Linux {arch} machine"
        )


def _interpreter(version: str) -> Interpreter:
    """Return the interpreter of a version; raise NotRunnable if it is not installed or does not run."""
    python = pythons.find(version)
    if not python:
        available = ", ".join(candidate.version for candidate in pythons.available()) or "none"
        raise NotRunnable(
            f"the zips are for Python {version}, which is not on this machine; available: {available}; "
            f"`uv python install {version}` or `pyenv install {version}` installs it, "
            "or build for an available version with --python"
        )
    done = subprocess.run([str(python), "-I", "-S", "-c", PREFIX_PROGRAM], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    if done.returncode or len(lines) != 3:
        raise NotRunnable(f"{python} does not run: {done.stderr.strip() or done.returncode}")
    interpreter = Interpreter(Path(lines[0]), Path(lines[1]), lines[2])
    if interpreter.minor != version:
        raise NotRunnable(f"{python} must be Python {version}, got {interpreter.version}")
    return interpreter
