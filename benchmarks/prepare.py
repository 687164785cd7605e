"""Zips of the contenders, built below build/benchmarks if they are missing or older than their sources."""

import shutil
import subprocess
import zipfile
from pathlib import Path

from benchmarks import NotMeasured, models, zips
from benchmarks.contenders import Contender
from benchmarks.models import BUILD, ROOT, BenchmarkModel
from layer import build, bytecode
from layer.targets import Target
from scripts import home, manifest, pythons

BUILT_FROM = ("function", "layer", "scripts", "export")  # folders with the sources of the zips
BASELINES = ROOT / "benchmarks" / "baselines"
THIS_PROJECT, NO_PROBE = "this project", "this project, no probe"  # names of contenders
PLAIN, TORCH, ONNX = "plain", "ultralytics .pt", "ultralytics .onnx"
FLOOR = "floor"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}  # Lambda sets them too; never used


def this_project(model: BenchmarkModel, dist: Path | None) -> Contender:
    """Return the built zips; build them first if they are missing.

    Args:
        model: the model in the zips.
        dist: their folder; None: below build/benchmarks, built again if the sources have changed.

    Raises:
        NotMeasured: the build failed.
    """
    out = dist or BUILD / model.name / "this-project"
    sources = sorted(path for name in BUILT_FROM for path in (ROOT / name).rglob("*.py"))
    key = zips.digest(model.weights, *sources)
    stamp = BUILD / model.name / "built-from"
    missing = not all((out / name).is_file() for name in zips.FILES)
    if missing or (dist is None and not (stamp.is_file() and stamp.read_text() == key)):
        models.build_zips(exported(model) if model.static else model.weights, out)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(key)
    return Contender(THIS_PROJECT, "the built zips", out, probe(manifest.read(out).python))


def without_probe(built: Contender) -> Contender:
    """Return the same zips without the probe, to measure the cost of the probe."""
    return built._replace(name=NO_PROBE, description="the built zips, measured only by the caller", probe=None)


def plain(model: BenchmarkModel, built: Contender) -> Contender:
    """Return the same function as tutorials deploy it."""
    target = target_of(built.dist)
    dist = _folder(model, "plain")
    packages = zips.files_below(untrimmed(target), "python/")
    zips.write(dist / "layer.zip", {name: path for name, path in packages.items() if zips.BYTECODE not in name})
    sources = zips.files_below(ROOT / "function", "function/")
    code = {name: path for name, path in sources.items() if name.endswith(".py")}
    zips.write(dist / "function.zip", {**code, "plain.py": BASELINES / "plain.py", zips.MODEL: model.unoptimized})
    manifest.write(dist, {"arch": target.arch, "python": target.python})
    description = "the same function with `pip install -t`: no bytecode, unoptimized model, boto3 at module level"
    return Contender(PLAIN, description, dist, built.probe, "plain.lambda_handler", CREDENTIALS)


def floor(model: BenchmarkModel, built: Contender) -> Contender:
    """Return a function that only loads the model of the built zips and runs it once; it has no response."""
    dist = _folder(model, FLOOR)
    layer = dist / manifest.LAYER_ZIP
    layer.unlink(missing_ok=True)
    layer.symlink_to((built.dist / manifest.LAYER_ZIP).resolve())
    with zipfile.ZipFile(built.dist / manifest.FUNCTION_ZIP) as archive:
        content = archive.read(zips.MODEL)
    zips.write(dist / manifest.FUNCTION_ZIP, {"floor.py": BASELINES / "floor.py", zips.MODEL: content})
    manifest.write(dist, target_of(built.dist)._asdict())
    description = "numpy, onnxruntime's module in C, a session and one run"
    return Contender(FLOOR, description, dist, None, "floor.lambda_handler")


def ultralytics(model: BenchmarkModel, built: Contender, name: str) -> Contender:
    """Return Ultralytics, with torch on the .pt, or on the .onnx that the zips contain before its optimization.

    Args:
        model: the model.
        built: the zips, whose architecture is used.
        name: TORCH or ONNX.
    """
    python = models.export_python()
    version, packages = _version_and_packages(python)
    dist = _folder(model, name.replace(" .", "-"))
    file = "model.pt" if name == TORCH else "model.onnx"
    zips.write(dist / "layer.zip", {"python/README": b"The packages are used in their own folder.\n"})
    zips.write(dist / "function.zip", {
        file: model.weights if name == TORCH else exported(model),
        "with_ultralytics.py": BASELINES / "with_ultralytics.py",
        "ultralytics_setup.py": ROOT / "export" / "ultralytics_setup.py",
    })  # fmt: skip
    manifest.write(dist, {"arch": target_of(built.dist).arch, "python": version})
    home = _folder(model, "home")
    home.chmod(0o1777)
    environ = {
        "BASELINE_PACKAGES": str(packages), "BASELINE_MODEL": file, "BASELINE_IMGSZ": str(model.imgsz),
        "HOME": str(home), "YOLO_CONFIG_DIR": str(home), "YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false",
        "ORT_DISABLE_TELEMETRY": "1",
    }  # fmt: skip
    description = f"Ultralytics with the {file.rpartition('.')[2]} file, packages with bytecode"
    return Contender(name, description, dist, probe(version), "with_ultralytics.lambda_handler", environ, (packages,))


def exported(model: BenchmarkModel) -> Path:
    """Return the model as `python -m export` writes it; export it first if the file is missing or old.

    Raises:
        NotMeasured: the export failed.
    """
    out = BUILD / "models" / f"{model.name}.onnx"
    stamp = out.with_name(f"{out.name}.made-from")
    key = zips.digest(model.weights, *sorted((ROOT / "export").rglob("*.py")))
    if not (out.exists() and stamp.exists() and stamp.read_text() == key):
        command = [str(models.export_python()), "-m", "export", str(model.weights), "--output", str(out)]
        command += ["--no-next", *(["--static"] if model.static else [])]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise NotMeasured(f"{' '.join(command)} failed:\n{done.stdout}")
        stamp.write_text(key)
    return out


def untrimmed(target: Target) -> Path:
    """Return the wheels of the layer as `pip install -t` leaves them, without bytecode."""
    return build.untrimmed_packages(target, home.build() / "layer")


def probe(version: str) -> Path:
    """Return a folder with the probe and its bytecode for a Python version.

    Raises:
        NotMeasured: this machine does not have that Python.
    """
    python = python_executable(version)
    folder = BUILD / f"probe-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "benchmarks" / "workers" / "probe.py", folder / "probe.py")
    bytecode.compile_tree(python, folder, str(folder))
    return folder


def python_executable(version: str) -> Path:
    """Return the executable of a Python version.

    Raises:
        NotMeasured: this machine does not have that Python.
    """
    python = pythons.find(version)
    if not python:
        raise NotMeasured(f"Python {version} is not on this machine")
    return python


def target_of(dist: Path) -> Target:
    """Return the architecture and Python version of the zips in a folder."""
    described = manifest.read(dist)
    return Target(described.arch, described.python)


def _folder(model: BenchmarkModel, name: str) -> Path:
    folder = BUILD / model.name / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _version_and_packages(python: Path) -> tuple[str, Path]:
    """Return the version of an environment's Python, and the folder of its packages."""
    program = "import sys, sysconfig; print('%d.%d' % sys.version_info[:2]); print(sysconfig.get_path('purelib'))"
    done = subprocess.run([str(python), "-I", "-c", program], capture_output=True, text=True, check=True)
    version, packages = done.stdout.splitlines()
    return version, Path(packages).resolve()
