"""Smoke run of the built zips on images or requests, with scripts/invoke_local.py, if this machine can run them."""

import json
import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layer.targets import MACHINES, Target
from scripts import pythons

if TYPE_CHECKING:
    from export.model_info import ModelInfo

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = ROOT / "example" / "samples"
BANDS = "bands.tif"  # written for a model of several bands
BANDS_WH = (320, 240)  # px
COLOR_CHANNELS = (1, 3)  # of models that take the samples
REQUEST = "request.json"  # written for a generic ONNX model
IMAGE_SUFFIXES = {".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def samples(out: Path, info: "ModelInfo") -> list[Path]:
    """Return the sample images of the example; for a model of several bands a TIFF, written to `out`/try."""
    if info.channels not in COLOR_CHANNELS:
        return [_write_bands(out / "try" / BANDS, info.channels)]
    return sorted(path for path in SAMPLES.glob("*") if path.suffix.lower() in IMAGE_SUFFIXES)


def _write_bands(path: Path, channels: int) -> Path:
    """Write a TIFF with a page of noise for each band, and return its path."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    first, *others = (Image.fromarray(random.integers(0, 256, BANDS_WH[::-1], np.uint8)) for _ in range(channels))
    path.parent.mkdir(parents=True, exist_ok=True)
    first.save(path, save_all=True, append_images=others)
    return path


def why_not_runnable(target: Target) -> str | None:
    """Return the reason why zips for `target` cannot run on this machine; None if they can."""
    if platform.system() != "Linux":
        return None  # `local_lambda.other_system` runs them
    if platform.machine() != MACHINES[target.arch]:
        return f"the zips are for {target.arch}, this machine is {platform.machine()}"
    if not pythons.find(target.python):
        installed = ", ".join(python.version for python in pythons.available()) or "none"
        return (
            f"Python {target.python} is not on this machine (installed: {installed}); "
            f"`uv python install {target.python}` installs it"
        )
    return None


def remove_old_files(out: Path, keep: Sequence[Path]) -> None:
    """Delete what an earlier smoke run wrote to `out`/try: the images (.jpg) and request.json.

    Args:
        out: folder with the zips.
        keep: files that this smoke run reads; they are not deleted.
    """
    kept = {path.resolve() for path in keep}
    for path in (*(out / "try").glob("*.jpg"), out / "try" / REQUEST):
        if path.is_file() and path.resolve() not in kept:
            path.unlink()


def has_images(out: Path) -> bool:
    """Return whether the smoke run wrote images to `out`/try."""
    return any((out / "try").glob("*.jpg"))


def run(out: Path, images: list[Path], is_quiet: bool = False, imgsz: str | None = None) -> int:
    """Invoke the zips in `out` with each image, draw the results into `out`/try, and return the exit code.

    `imgsz` is the option of these requests; None: not set. With `is_quiet`, only a run that fails prints something.
    """
    return _invoke(out, [*map(str, images), "--save", str(out / "try"), *_size(imgsz)], is_quiet)


def run_requests(out: Path, requests: Sequence[Path], is_quiet: bool = False) -> int:
    """Invoke the zips in `out` with each inference request, a JSON file, and return the exit code."""
    return _invoke(out, [argument for path in requests for argument in ("--request", str(path))], is_quiet)


def _size(imgsz: str | None) -> list[str]:
    return [] if imgsz is None else ["--imgsz", imgsz]


def run_as_json(
    out: Path, images: Sequence[Path], requests: Sequence[Path], is_quiet: bool = False, imgsz: str | None = None
) -> tuple[int, dict[str, Any] | None]:
    """Invoke the zips in `out` as `run` and `run_requests` do.

    Returns:
        The exit code, and the document of scripts/invoke_local.py; None if it printed none.
    """
    arguments = [*map(str, images), "--save", str(out / "try"), "--json", *(["--quiet"] if is_quiet else [])]
    arguments += _size(imgsz) if images else []
    arguments += [argument for path in requests for argument in ("--request", str(path))]
    command, variables = _command(out, arguments)
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else None


def write_request(out: Path, inputs: Sequence[dict[str, Any]]) -> Path:
    """Write an inference request in which all values are 1 and dynamic sizes are 1 to `out`/try/request.json.

    Args:
        out: folder with the zips.
        inputs: name, datatype and shape of each input, as the Open Inference Protocol declares them.

    Returns:
        The path of the request.
    """
    path = out / "try" / REQUEST
    path.parent.mkdir(exist_ok=True)
    request = {"id": "try", "inputs": [_ones(declared) for declared in inputs]}
    path.write_text(json.dumps(request, indent=2) + "\n", "utf-8")
    return path


def _ones(declared: dict[str, Any]) -> dict[str, Any]:
    shape = [1 if size < 0 else size for size in declared["shape"]]
    value = {"BOOL": True, "BYTES": "a"}.get(declared["datatype"], 1)
    return {**declared, "shape": shape, "data": [value] * math.prod(shape)}


def _invoke(out: Path, arguments: list[str], is_quiet: bool) -> int:
    command, variables = _command(out, arguments)
    if not is_quiet:
        return subprocess.run(command, env=variables, check=False).returncode
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout.decode(errors="replace"))
    return done.returncode


def _command(out: Path, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return the command that invokes the zips, and its environment variables."""
    python = shutil.which("python3") or sys.executable
    command = [python, str(ROOT / "scripts" / "invoke_local.py"), "--dist", str(out), *arguments]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return [*command, "--env", "METRICS=0"], variables
