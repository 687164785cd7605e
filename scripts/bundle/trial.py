"""Trying the finished zips on pictures or requests, by scripts/invoke_local.py, where this machine can."""

import json
import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from layer.targets import MACHINES, Target
from scripts import environments

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = ROOT / "example" / "samples"
PICTURES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def samples() -> list[Path]:
    """The example's pictures."""
    return sorted(path for path in SAMPLES.glob("*") if path.suffix.lower() in PICTURES)


def why_not_runnable(target: Target) -> str | None:
    """Why zips for `target` cannot run here; None if they can."""
    if platform.system() != "Linux" or platform.machine() != MACHINES[target.arch]:
        return f"the zips are for Linux on {target.arch}, this machine is {platform.system()} on {platform.machine()}"
    if not environments.find(target.python):
        here = ", ".join(found.version for found in environments.available()) or "none"
        return (
            f"Python {target.python} is not on this machine (on it: {here}); "
            f"`uv python install {target.python}` brings it"
        )
    return None


def run(out: Path, images: list[Path]) -> int:
    """Invokes the zips in `out` with each picture, the results drawn into `out`/try; the exit code of that."""
    return _invoke(out, [*map(str, images), "--save", str(out / "try")])


def run_requests(out: Path, requests: Sequence[Path]) -> int:
    """Invokes the zips in `out` with each request of tensors, a JSON file; the exit code of that."""
    return _invoke(out, [argument for path in requests for argument in ("--request", str(path))])


def write_request(out: Path, inputs: Sequence[dict[str, Any]]) -> Path:
    """Writes a request of ones, with 1 for each free size, to `out`/try/request.json.

    Args:
        out: the folder with the zips.
        inputs: name, datatype and shape of each, as the Open Inference Protocol has them.
    """
    path = out / "try" / "request.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"id": "try", "inputs": [_ones(one) for one in inputs]}, indent=2) + "\n", "utf-8")
    return path


def _ones(declared: dict[str, Any]) -> dict[str, Any]:
    shape = [1 if size < 0 else size for size in declared["shape"]]
    value = {"BOOL": True, "BYTES": "a"}.get(declared["datatype"], 1)
    return {**declared, "shape": shape, "data": [value] * math.prod(shape)}


def _invoke(out: Path, arguments: list[str]) -> int:
    python = shutil.which("python3") or sys.executable
    command = [python, str(ROOT / "scripts" / "invoke_local.py"), "--dist", str(out), *arguments]
    command += ["--env", "METRICS=0"]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, env=variables, check=False).returncode
