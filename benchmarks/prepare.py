"""The folders with zips of everybody who is measured, made below build/benchmarks where they are missing or stale."""

import json
import shutil
import subprocess
from pathlib import Path

from benchmarks import NotMeasured, models, zips
from benchmarks.contenders import Contender
from benchmarks.models import BUILD, ROOT, Measured
from layer import build, bytecode
from layer.targets import Target
from scripts import environments

BUILT_FROM = ("function", "layer", "scripts", "export")  # folders whose change makes the zips stale
PEERS = ROOT / "benchmarks" / "baselines"
OURS, PLAIN, TORCH, ONNX, BARE = "ours", "plain", "ultralytics .pt", "ultralytics .onnx", "ours, no probe"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}  # as Lambda sets some; never used


def ours(measured: Measured, dist: Path | None) -> Contender:
    """The built zips.

    Args:
        measured: the model that they are for.
        dist: where they are; None: below build/benchmarks, built again when the code has changed.

    Raises:
        NotMeasured: they cannot be built.
    """
    out = dist or BUILD / measured.name / "ours"
    sources = sorted(path for name in BUILT_FROM for path in (ROOT / name).rglob("*.py"))
    key = zips.digest(measured.weights, *sources)
    stamp = BUILD / measured.name / "built-from"
    missing = not all((out / name).is_file() for name in zips.FILES)
    if missing or (dist is None and not (stamp.is_file() and stamp.read_text() == key)):
        models.build_zips(exported(measured) if measured.static else measured.weights, out)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(key)
    python = str(json.loads((out / "build.json").read_text())["python"])
    return Contender(OURS, "the built zips", out, probe(python))


def bare(built: Contender) -> Contender:
    """The same without the probe: what the probe costs."""
    return built._replace(name=BARE, says="the built zips, measured from outside only", probe=None)


def plain(measured: Measured, built: Contender) -> Contender:
    """The same function as the tutorials put it there."""
    target = target_of(built.dist)
    dist = _folder(measured, "plain")
    wheels = untrimmed(target)
    zips.write(dist / "layer.zip", {
        name: path for name, path in zips.below(wheels, "python/").items() if zips.BYTECODE not in name
    })  # fmt: skip
    code: dict[str, Path | bytes] = dict(zips.below(ROOT / "function", "function/"))
    code = {name: path for name, path in code.items() if name.endswith(".py")}
    zips.write(dist / "function.zip", {**code, "plain.py": PEERS / "plain.py", zips.MODEL: measured.unoptimized})
    zips.describe(dist, target.arch, target.python)
    says = "the same function on `pip install -t`: no bytecode, unoptimized model, boto3 at the top"
    return Contender(PLAIN, says, dist, built.probe, "plain.lambda_handler", CREDENTIALS)


def ultralytics(measured: Measured, built: Contender, name: str) -> Contender:
    """Ultralytics with torch on the .pt, or on the ONNX that the zips hold before they are optimized for them.

    Args:
        measured: the model.
        built: the zips; TORCH and ONNX are compared with them.
        name: TORCH or ONNX.
    """
    python = models.export_python()
    version, packages = _of_environment(python)
    dist = _folder(measured, name.replace(" .", "-"))
    file = "model.pt" if name == TORCH else "model.onnx"
    model = measured.weights if name == TORCH else exported(measured)
    zips.write(dist / "layer.zip", {"python/README": b"The packages are used where they are.\n"})
    zips.write(dist / "function.zip", {
        file: model,
        "with_ultralytics.py": PEERS / "with_ultralytics.py",
        "torchvision_shim.py": ROOT / "export" / "torchvision_shim.py",
    })  # fmt: skip
    zips.describe(dist, target_of(built.dist).arch, version)
    home = _folder(measured, "home")
    home.chmod(0o1777)
    environ = {
        "PEER_PACKAGES": str(packages), "PEER_MODEL": file, "PEER_IMGSZ": str(measured.imgsz),
        "HOME": str(home), "YOLO_CONFIG_DIR": str(home), "YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false",
        "ORT_DISABLE_TELEMETRY": "1",
    }  # fmt: skip
    says = f"ultralytics on the {file.rpartition('.')[2]}, packages with bytecode"
    return Contender(name, says, dist, probe(version), "with_ultralytics.lambda_handler", environ, (packages,))


def exported(measured: Measured) -> Path:
    """The model as `python -m export` writes it.

    Raises:
        NotMeasured: the export failed.
    """
    out = BUILD / "models" / f"{measured.name}.onnx"
    stamp = out.with_name(f"{out.name}.made-from")
    key = zips.digest(measured.weights, *sorted((ROOT / "export").glob("*.py")))
    if not (out.exists() and stamp.exists() and stamp.read_text() == key):
        command = [str(models.export_python()), "-m", "export", str(measured.weights), "--output", str(out)]
        command += ["--no-next", *(["--static"] if measured.static else [])]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise NotMeasured(f"{' '.join(command)} failed:\n{done.stdout}")
        stamp.write_text(key)
    return out


def untrimmed(target: Target) -> Path:
    """The layer's wheels as `pip install -t` leaves them, without bytecode."""
    python = environments.find(target.python)
    store = ROOT / "build" / "layer"
    build.kept(target, python, store)  # installs them on its way
    return store / f"{target}-wheels"


def probe(version: str) -> Path:
    """A folder with the probe and its bytecode for a Python."""
    python = environments.find(version)
    if not python:
        raise NotMeasured(f"Python {version} is not on this machine")
    folder = BUILD / f"probe-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "benchmarks" / "workers" / "probe.py", folder / "probe.py")
    bytecode.compile_tree(python, folder, str(folder))
    return folder


def _folder(measured: Measured, name: str) -> Path:
    folder = BUILD / measured.name / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def target_of(dist: Path) -> Target:
    """What the zips in a folder are for."""
    built = json.loads((dist / "build.json").read_text())
    return Target(built["arch"], built["python"])


def _of_environment(python: Path) -> tuple[str, Path]:
    """The version of an environment's Python, and the folder of its packages."""
    program = "import sys, sysconfig; print('%d.%d' % sys.version_info[:2]); print(sysconfig.get_path('purelib'))"
    done = subprocess.run([str(python), "-I", "-c", program], capture_output=True, text=True, check=True)
    version, packages = done.stdout.splitlines()
    return version, Path(packages).resolve()
