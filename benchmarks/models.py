"""Models of the benchmarks: the example at 320 px, and networks of the size of yolov8n, yolo11n, yolo26n at 640 px."""

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
IMAGE = ROOT / "example" / "samples" / "gauges-large-1920x1080.jpg"
EXAMPLE_IMGSZ, SEEDED_IMGSZ = 320, 640  # px


class BenchmarkModel(NamedTuple):
    """A model with its files.

    Attributes:
        name: for tables and folders.
        imgsz: side of the network input, px.
        weights: the .pt.
        unoptimized: the .onnx as Ultralytics exports it without simplification.
        conf: confidence threshold that some boxes of IMAGE exceed.
        static: exported for a square input only, so a wide image is padded at the top and the bottom.
    """

    name: str
    imgsz: int
    weights: Path
    unoptimized: Path
    conf: float
    static: bool = False


def example() -> BenchmarkModel:
    """Return the model of the example, with the weights of the repository."""
    return _model("example-320", EXAMPLE_IMGSZ, ROOT / "example" / "best.pt")


def seeded(architecture: str) -> BenchmarkModel:
    """Return a network with seeded random weights, such as a yolov8n; they are created once, below build/."""
    weights = BUILD / "models" / f"{architecture}-{SEEDED_IMGSZ}.pt"
    samples = sorted(IMAGE.parent.glob("*.jpg"))
    _make(weights, "--seeded", architecture, str(IMAGE.parent), str(weights), made_from=tuple(samples))
    return _model(weights.stem, SEEDED_IMGSZ, weights)


def yolov8n() -> BenchmarkModel:
    """Return a yolov8n with seeded random weights."""
    return seeded("yolov8n")


def yolov8n_static() -> BenchmarkModel:
    """Return the same weights, exported for inputs of 640 x 640 only."""
    return yolov8n()._replace(name="yolov8n-static-640", static=True)


def ncnn(model: BenchmarkModel, size_hw: tuple[int, int]) -> Path:
    """Return the .param of the model for ncnn, beside its .bin; it is converted once, below build/.

    Raises:
        NotMeasured: the conversion failed.
    """
    height, width = size_hw
    out = BUILD / "models" / f"{model.name}-{height}x{width}.param"
    arguments = ("--ncnn", str(model.weights), str(height), str(width), str(out))
    _make(out, *arguments, made_from=(model.weights,), environment="engines")
    return out


def environment_python(name: str) -> Path:
    """Return the Python of an environment: `export` with torch and Ultralytics, `engines` with other engines too.

    Raises:
        NotMeasured: the environment cannot be created on this machine.
    """
    try:
        return environments.ensure(name)
    except environments.EnvironmentFailed as error:
        raise NotMeasured(str(error)) from error


def export_python() -> Path:
    """Return the Python with torch and Ultralytics; errors as for `environment_python`."""
    return environment_python("export")


def build_zips(model: Path, out: Path) -> None:
    """Build layer.zip and function.zip of a model with scripts/build_zip.sh.

    Raises:
        NotMeasured: the build failed.
    """
    bash = shutil.which("bash") or "bash"
    command = [bash, str(ROOT / "scripts" / "build_zip.sh"), str(model), "--out", str(out)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise NotMeasured(f"scripts/build_zip.sh {model} failed:\n{done.stdout}")


def _model(name: str, imgsz: int, weights: Path) -> BenchmarkModel:
    unoptimized = BUILD / "models" / f"{name}-unoptimized.onnx"
    _make(unoptimized, "--unoptimized", str(weights), str(unoptimized), made_from=(weights,))
    conf = BUILD / "models" / f"{name}.conf"
    _make(conf, "--pick", str(weights), str(IMAGE), str(imgsz), made_from=(weights, IMAGE), stdout=conf)
    return BenchmarkModel(name, imgsz, weights, unoptimized, float(conf.read_text()))


def _make(
    out: Path,
    *arguments: str,
    made_from: tuple[Path, ...] = (),
    stdout: Path | None = None,
    environment: str = "export",
) -> None:
    """Run workers/make_model.py, unless `out` exists and was made from the same files."""
    program = ROOT / "benchmarks" / "workers" / "make_model.py"
    key = hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in (program, *made_from)))
    stamp = out.with_name(f"{out.name}.made-from")
    if out.exists() and stamp.exists() and stamp.read_text() == key.hexdigest():
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [str(environment_python(environment)), "-P", "-m", "benchmarks.workers.make_model", *arguments]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)
    if done.returncode:
        raise NotMeasured(f"{' '.join(command)} failed; its output is above")
    if stdout:
        stdout.write_bytes(done.stdout.splitlines()[-1] + b"\n")
    stamp.write_text(key.hexdigest())
