"""Gets a command into the export environment: makes it if need be, and starts the command again inside.

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
REQUIREMENTS = ROOT / "export" / "requirements.txt"
GUARD = "EXPORT_ENVIRONMENT_ENTERED"  # set for the second start, so that there is no third


def enter(module: str, arguments: list[str]) -> None:
    """Returns when this Python can do the work; else replaces the process by ``python -m module`` in one that can.

    Args:
        module: what to start again, for instance "export".
        arguments: its command line.

    Raises:
        UsageError: the environment cannot be made, or was made and still lacks something.
    """
    entered = os.environ.pop(GUARD, None)
    lacking = missing()
    if not lacking:
        return
    if entered:
        raise UsageError(
            f"the export environment ({sys.executable}) lacks {', '.join(lacking)}; delete it and try again"
        )
    python = _environment()
    sys.stdout.flush()
    variables = {**os.environ, GUARD: "1", "PYTHONPATH": str(ROOT)}
    # -P: a file onnx.py or torch.py in the user's folder is not to be imported.
    os.execve(python, [python, "-P", "-m", module, *arguments], variables)  # noqa: S606


def missing() -> list[str]:
    """The packages of export/requirements.txt that this Python lacks or has in another version.

    Only what is installed is read; nothing is imported.
    """
    return [name for name, pin in _pins() if not _installed(name, pin)]


def _pins() -> list[tuple[str, str]]:
    lines = (line.split("#")[0].split(";")[0].strip() for line in REQUIREMENTS.read_text().splitlines())
    parts = (re.match(r"([A-Za-z0-9_.-]+)(?:==([^\s]+))?", line) for line in lines)
    return [(part[1], part[2] or "") for part in parts if part]


def _installed(name: str, pin: str) -> bool:
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return not pin or found.split("+")[0] == pin  # torch's build is a suffix: 2.13.0+cpu


def _environment() -> str:
    command = [sys.executable, str(ROOT / "scripts" / "environments.py"), "export"]
    made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # stderr shows its progress
    lines = made.stdout.split("\n")
    python = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if made.returncode or not python:
        raise UsageError("the export environment could not be set up; the reason is above")
    return python
