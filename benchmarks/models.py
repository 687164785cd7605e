"""The models that are measured: the example at 320 pixels, and a network of yolov8n's size at 640."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from benchmarks import NotMeasured
from scripts import environments

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "benchmarks"
PICTURE = ROOT / "example" / "samples" / "gauges-large-1920x1080.jpg"
EXAMPLE_IMGSZ, YOLOV8N_IMGSZ = 320, 640  # px


class Measured(NamedTuple):
    """A model in its forms.

    Attributes:
        name: for tables and folders.
        imgsz: pixels of a side.
        weights: the .pt.
        unoptimized: the .onnx as ultralytics exports it without simplifying.
        conf: at which some boxes of the picture pass.
        static: exported for one square picture, with bars above and below where one is wide.
    """

    name: str
    imgsz: int
    weights: Path
    unoptimized: Path
    conf: float
    static: bool = False


def example() -> Measured:
    """The example's weights, as they are in the repository."""
    return _measured("example-320", EXAMPLE_IMGSZ, ROOT / "example" / "best.pt")


def yolov8n() -> Measured:
    """Random weights, seeded: made once below build/."""
    weights = BUILD / "models" / "yolov8n-640.pt"
    samples = sorted(PICTURE.parent.glob("*.jpg"))
    _make(weights, "--seeded", str(PICTURE.parent), str(weights), made_from=tuple(samples))
    return _measured("yolov8n-640", YOLOV8N_IMGSZ, weights)


def yolov8n_static() -> Measured:
    """The same weights, for pictures of 640 x 640 and no others."""
    return yolov8n()._replace(name="yolov8n-static-640", static=True)


def export_python() -> Path:
    """The Python with torch and ultralytics.

    Raises:
        NotMeasured: the environment cannot be made here.
    """
    try:
        return environments.ensure("export")
    except environments.EnvironmentFailed as error:
        raise NotMeasured(str(error)) from error


def _measured(name: str, imgsz: int, weights: Path) -> Measured:
    unoptimized = BUILD / "models" / f"{name}-unoptimized.onnx"
    _make(unoptimized, "--unoptimized", str(weights), str(unoptimized), made_from=(weights,))
    picked = BUILD / "models" / f"{name}.conf"
    _make(picked, "--pick", str(weights), str(PICTURE), str(imgsz), made_from=(weights, PICTURE), stdout=picked)
    return Measured(name, imgsz, weights, unoptimized, float(picked.read_text()))


def _make(out: Path, *arguments: str, made_from: tuple[Path, ...] = (), stdout: Path | None = None) -> None:
    """Run the program that makes models, unless `out` is there and was made from the same."""
    program = ROOT / "benchmarks" / "workers" / "make_model.py"
    key = hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in (program, *made_from)))
    stamp = out.with_name(f"{out.name}.made-from")
    if out.exists() and stamp.exists() and stamp.read_text() == key.hexdigest():
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [str(export_python()), "-P", "-m", "benchmarks.workers.make_model", *arguments]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)
    if done.returncode:
        raise NotMeasured(f"{' '.join(command)} failed; its output is above")
    if stdout:
        stdout.write_bytes(done.stdout.splitlines()[-1] + b"\n")
    stamp.write_text(key.hexdigest())


def build_zips(model: Path, out: Path) -> None:
    """layer.zip and function.zip of a model, by the project's own command.

    Raises:
        NotMeasured: it failed.
    """
    bash = shutil.which("bash") or "bash"
    command = [bash, str(ROOT / "scripts" / "build_zip.sh"), str(model), "--out", str(out)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise NotMeasured(f"scripts/build_zip.sh {model} failed:\n{done.stdout}")
