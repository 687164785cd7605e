"""Contents of layer.zip and function.zip, and their description for build.json."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

from export.model_info import ModelInfo
from layer import bytecode, pin, zip_writer
from layer.targets import Target
from scripts import environments, manifest
from scripts.bundle import sizes
from scripts.bundle.optimize import Optimized

ROOT = Path(__file__).resolve().parent.parent.parent
TASK_ROOT, LAYER_ROOT = "/var/task", "/opt"  # where Lambda unpacks function.zip and layer.zip
MODEL_NAME = "model.onnx"
READER_NAME = "reader.onnx"  # the second model, which reads the detections
# Of the files below function/; others stay behind.
SHIPPED_SUFFIXES = (".py", ".html", ".css", ".js", ".jpg", ".json", ".txt")
VERSION_LINE = 'VERSION = "0+source"'  # in function/__init__.py; a comment may follow


class VersionLineMissing(Exception):
    """function/__init__.py does not have the line that the build replaces by the version."""


def write(
    out: Path, packages: Path, function: Path, model: Path, model_in_layer: bool, reader: Path | None = None
) -> tuple[Path, Path]:
    """Write layer.zip and function.zip and return their paths.

    Args:
        out: folder for the zips.
        packages: folder of the layer's packages, from `layer.build`.
        function: folder with `function/` in it, with or without bytecode.
        model: the ONNX file.
        model_in_layer: put the models into layer.zip instead of function.zip.
        reader: the ONNX file of the model that reads the detections; None: none.
    """
    layer_files = zip_writer.files_below(packages, "python/")
    function_files = {**zip_writer.files_below(function, ""), "LICENSE": ROOT / "LICENSE"}
    models = {MODEL_NAME: model, **({READER_NAME: reader} if reader else {})}
    (layer_files if model_in_layer else function_files).update(models)
    zips = out / manifest.LAYER_ZIP, out / manifest.FUNCTION_ZIP
    for path, files in zip(zips, (layer_files, function_files), strict=True):
        zip_writer.write(path, files)
    return zips


def stage_function(folder: Path, python: Path | None) -> None:
    """Copy the function's sources below the empty `folder`, with the project's version in them.

    Args:
        folder: gets `function/`.
        python: compiles the bytecode; None: no bytecode.

    Raises:
        VersionLineMissing: function/__init__.py does not have VERSION_LINE exactly once.
        CompileFailed: `python` cannot compile a source.
    """
    for source in sorted(path for path in (ROOT / "function").rglob("*") if path.suffix in SHIPPED_SUFFIXES):
        target = folder / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    _write_version(folder / "function" / "__init__.py")
    if python:
        bytecode.compile_tree(python, folder, TASK_ROOT)


def _write_version(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    numbers = [number for number, line in enumerate(lines) if line.partition("  #")[0].rstrip("\n") == VERSION_LINE]
    if len(numbers) != 1:
        raise VersionLineMissing(f"{path} must have the line `{VERSION_LINE}` once, got {len(numbers)} of them")
    lines[numbers[0]] = f'VERSION = "{environments.project_version()}"\n'
    path.write_text("".join(lines), encoding="utf-8")


def describe(
    zips: tuple[Path, Path], target: Target, model: Optimized, model_in_layer: bool, reader: Optimized | None = None
) -> dict[str, Any]:
    """Return the fields of build.json.

    Args:
        zips: layer.zip and function.zip.
        target: architecture and Python of the function.
        model: the ONNX file in the zip.
        model_in_layer: the models are in layer.zip.
        reader: the ONNX file in the zip that reads the detections; None: none.
    """
    layer, function = (_describe_zip(path) for path in zips)
    folder = LAYER_ROOT if model_in_layer else TASK_ROOT
    return {
        "arch": target.arch,
        "python": target.python,
        "layer": layer,
        "function": function,
        "total_zip_bytes": layer["zip_bytes"] + function["zip_bytes"],
        "total_unzipped_bytes": layer["unzipped_bytes"] + function["unzipped_bytes"],
        "model": _describe_model(model, f"{folder}/{MODEL_NAME}"),
        **({"reader": _describe_model(reader, f"{folder}/{READER_NAME}")} if reader else {}),
        "packages": pin.versions(pin.REQUIREMENTS.read_text(encoding="utf-8")),
    }


def _describe_model(model: Optimized, path: str) -> dict[str, Any]:
    info = model.info
    return {
        "path": path,
        "bytes": info.size,
        "sha256": info.sha256,
        "source_sha256": model.source_sha256,
        "task": info.task,
        **_input_fields(info),
    }


def _input_fields(model: ModelInfo) -> dict[str, Any]:
    if model.is_generic:
        return {"inputs": list(model.inputs), "outputs": list(model.outputs)}
    return {
        "imgsz": list(model.imgsz),
        "is_rectangular": model.is_rectangular,
        "stride": model.stride,
        **_end2end_fields(model),
        "names": list(model.names),
    }


def _end2end_fields(model: ModelInfo) -> dict[str, Any]:
    """Return whether NMS is part of the network, and the number of boxes that such a network always returns."""
    if model.metadata.get("end2end") != "True":
        return {"is_end2end": False}
    return {"is_end2end": True, "max_det": model.outputs[0]["shape"][1]}


def _describe_zip(path: Path) -> dict[str, Any]:
    size = sizes.total(sizes.by_package(path).values())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"zip_bytes": size.zipped, "unzipped_bytes": size.unzipped, "sha256": digest}
