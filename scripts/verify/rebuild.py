"""Program that builds zips again with the sources of one checkout.

    PYTHONPATH=CHECKOUT python -P rebuild.py JSON

It runs as a process of its own, so that `layer` and `scripts` are those of the checkout, which may be of another
version. It uses no cache: the pinned wheels are installed again, with their hashes checked. The JSON object has `out`
(a folder for the zips), `scratch` (an empty folder), `arch`, `python`, `layer`, `function` (the given zips), `model`
(a file, or null: take the model out of the zip) and `with_bytecode`.
"""

import json
import shutil
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

from layer import build
from layer.__main__ import FAILURES
from layer.targets import Target
from scripts import environments, pythons
from scripts.bundle import archives, model, optimize

MAX_MODEL = 250 * 1024 * 1024  # bytes: Lambda's limit for both zips


class NoModel(Exception):
    """The given zips have no model, or one that no build gives."""


def main(arguments: list[str]) -> int:
    """Write layer.zip, function.zip and, if this version of the project has one, the bill of materials.

    Returns:
        The exit code: 0 success, 1 failed, 2 usage or environment error.
    """
    order = json.loads(arguments[0])
    scratch, out = Path(order["scratch"]), Path(order["out"])
    target = Target(order["arch"], order["python"])
    python = pythons.find(target.python) if order["with_bytecode"] else None
    try:
        _build(order, scratch, out, target, python)
    except model.ModelRejected as error:
        return _fail(error, error.code)
    except environments.EnvironmentFailed as error:
        return _fail(error, 2)
    except (*FAILURES, NoModel, archives.VersionLineMissing, zipfile.BadZipFile, zlib.error) as error:
        return _fail(error, 1)
    return 0


def _build(order: dict[str, Any], scratch: Path, out: Path, target: Target, python: Path | None) -> None:
    served, in_layer = _model(order, scratch)
    reader = _reader(order, scratch, in_layer)
    packages, staged = scratch / "packages", scratch / "staged"
    archives.stage_function(staged, python)  # first: it takes a second, and the packages take many
    build.make_packages(target, python, packages)
    archives.write(out, packages, staged, served.path, in_layer, *([reader.path] if reader else []))
    given = Path(order["layer"]), Path(order["function"])
    try:
        from scripts.bundle import sbom
    except ImportError:  # a version before it
        return
    version = environments.project_version()
    sbom.write(out / "sbom.cdx.json", given, target, served, version, *([reader] if reader else []))


def _model(order: dict[str, Any], scratch: Path) -> tuple[Any, bool]:
    """Return the description of the model to ship, and True if it is in layer.zip."""
    with zipfile.ZipFile(order["layer"]) as layer, zipfile.ZipFile(order["function"]) as function:
        in_layer = archives.MODEL_NAME in layer.namelist()
        if order["model"]:
            return optimize.optimize(model.load(Path(order["model"]), scratch), scratch).info, in_layer
        found = _taken_out(layer if in_layer else function, archives.MODEL_NAME, scratch)
    if not found:
        raise NoModel(f"neither layer.zip nor function.zip has {archives.MODEL_NAME}")
    return found, in_layer


def _reader(order: dict[str, Any], scratch: Path, in_layer: bool) -> Any:
    """Return the description of the model that reads, which is beside the other one; None if there is none."""
    name = getattr(archives, "READER_NAME", None)  # None: a version that packs no such model
    with zipfile.ZipFile(order["layer" if in_layer else "function"]) as archive:
        return _taken_out(archive, name, scratch) if name else None


def _taken_out(archive: zipfile.ZipFile, name: str, scratch: Path) -> Any:
    """Return the description of a model in a given zip, whose bytes are shipped again; None if it has none."""
    if name not in archive.namelist():
        return None
    if archive.getinfo(name).file_size > MAX_MODEL:
        raise NoModel(f"{name} must have at most {MAX_MODEL:,} bytes")
    target = scratch / name
    with archive.open(name) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    try:
        return model.read(target)
    except model.ModelRejected as error:  # no usage error: a build packs no such file
        raise NoModel(f"{name} of the given zip: {error}") from error


def _fail(reason: object, code: int) -> int:
    sys.stderr.write(f"verify: {reason}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
