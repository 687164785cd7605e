"""The environment of the export: made if needed, and the command started again inside it.

Runs on any Python from 3.9 on and imports only the standard library.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from export.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = {"export": ROOT / "export" / "requirements.txt", "build": ROOT / "scripts" / "requirements.txt"}
MARKER = re.compile(r'python_version (<|>=) "3\.(\d+)"')
GUARD = "EXPORT_ENVIRONMENT_ENTERED"  # set for the second start, so that there is no third


def enter(module: str, arguments: list[str], environment: str = "export") -> None:
    """Return if this Python has the packages; else replace the process by ``python -m module`` in one that has them.

    Args:
        module: the module to start again, for instance "export".
        arguments: its command line.
        environment: `export`, which has torch, or `build`, which is enough for a file that is ONNX already.

    Raises:
        UsageError: the environment cannot be made, or was made and still lacks a package.
    """
    entered = os.environ.pop(GUARD, None)
    lacking = missing(environment)
    if environment == "build" and lacking and not missing("export"):
        return  # the export environment can check a file that is ONNX too
    if not lacking:
        return
    if entered:
        raise UsageError(
            f"the environment {environment} ({sys.executable}) lacks {', '.join(lacking)}; delete it and try again"
        )
    python = _make(environment)
    sys.stdout.flush()
    variables = {**os.environ, GUARD: "1", "PYTHONPATH": str(ROOT)}
    # -P: a file onnx.py or torch.py in the user's folder must not be imported.
    os.execve(python, [python, "-P", "-m", module, *arguments], variables)  # noqa: S606


def missing(environment: str = "export") -> list[str]:
    """Return the packages of an environment that this Python lacks or has in another version.

    Only the metadata of installed packages is read; nothing is imported.
    """
    return [name for name, pin in _pins(REQUIREMENTS[environment]) if not _is_installed(name, pin)]


def _pins(requirements: Path) -> list[tuple[str, str]]:
    lines = (line.split("#")[0].strip() for line in requirements.read_text().splitlines())
    lines = (line.split(";")[0].strip() for line in lines if _applies(line))
    parts = (re.match(r"([A-Za-z0-9_.-]+)(?:==([^\s]+))?", line) for line in lines)
    return [(part[1], part[2] or "") for part in parts if part]


def _applies(line: str) -> bool:
    """Return whether the marker of a requirement holds for this Python."""
    marker = MARKER.search(line.partition(";")[2])
    if not marker:
        return True
    is_below = sys.version_info < (3, int(marker[2]))
    return is_below if marker[1] == "<" else not is_below


def _is_installed(name: str, pin: str) -> bool:
    try:
        installed = metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return not pin or installed.split("+")[0] == pin  # torch's build is a suffix: 2.13.0+cpu


def _make(environment: str) -> str:
    """Make the environment, and return the path of its Python."""
    command = [sys.executable, str(ROOT / "scripts" / "environments.py"), environment]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # stderr shows its progress
    lines = done.stdout.split("\n")
    python = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if done.returncode or not python:
        raise UsageError(f"the environment {environment} could not be set up; the reason is above")
    return python
