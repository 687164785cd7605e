"""Trying the finished zips on pictures, by scripts/invoke_local.py, where this machine can."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pythons

from layer.targets import MACHINES, Target

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "example" / "samples"
PICTURES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def samples() -> list[Path]:
    """The example's pictures."""
    return sorted(path for path in SAMPLES.glob("*") if path.suffix.lower() in PICTURES)


def obstacle(target: Target) -> str | None:
    """Why zips for `target` cannot run here; None if they can."""
    if platform.system() != "Linux" or platform.machine() != MACHINES[target.arch]:
        return f"the zips are for Linux on {target.arch}, this machine is {platform.system()} on {platform.machine()}"
    if not pythons.find(target.python):
        here = ", ".join(found.version for found in pythons.available()) or "none"
        return (
            f"Python {target.python} is not on this machine (on it: {here}); "
            f"`uv python install {target.python}` brings it"
        )
    return None


def run(out: Path, images: list[Path]) -> int:
    """Invokes the zips in `out` with each picture, the results drawn into `out`/try; the exit code of that."""
    python = shutil.which("python3") or sys.executable
    command = [python, str(ROOT / "scripts" / "invoke_local.py"), "--dist", str(out), *map(str, images)]
    command += ["--env", "METRICS=0", "--save", str(out / "try")]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, env=variables, check=False).returncode
