"""What goes into layer.zip and function.zip, and build.json about them."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from layer import bytecode, pin, zip_writer
from layer.targets import Target
from scripts.bundle import sizes
from scripts.bundle.model import TENSORS, ModelFacts

ROOT = Path(__file__).resolve().parent.parent.parent
TASK_ROOT, LAYER_ROOT = "/var/task", "/opt"  # where Lambda unpacks function.zip, and layer.zip
MODEL_NAME = "model.onnx"


def write(out: Path, packages: Path, function: Path, model: Path, model_in_layer: bool) -> tuple[Path, Path]:
    """Writes layer.zip and function.zip to `out`.

    Args:
        out: a folder.
        packages: the layer's packages (layer.build).
        function: a folder with `function/` in it, compiled or not.
        model: the ONNX file.
        model_in_layer: put the model into the layer and not beside the function.
    """
    layer = zip_writer.files_below(packages, "python/")
    code = {**zip_writer.files_below(function, ""), "LICENSE": ROOT / "LICENSE"}
    (layer if model_in_layer else code)[MODEL_NAME] = model
    zips = out / "layer.zip", out / "function.zip"
    for path, entries in zip(zips, (layer, code), strict=True):
        zip_writer.write(path, entries)
    return zips


def stage_function(folder: Path, python: Path | None) -> None:
    """Puts the function's sources below the empty `folder`, with bytecode by `python` if there is one."""
    for source in sorted((ROOT / "function").rglob("*.py")):
        target = folder / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    if python:
        bytecode.compile_tree(python, folder, TASK_ROOT)


def describe(
    zips: tuple[Path, Path], target: Target, model: ModelFacts, source_sha256: str, model_in_layer: bool
) -> dict[str, Any]:
    """What build.json says; `source_sha256` is of the model before it was optimized."""
    layer, function = (_describe_zip(path) for path in zips)
    return {
        "arch": target.arch,
        "python": target.python,
        "layer": layer,
        "function": function,
        "total_zip_bytes": layer["zip_bytes"] + function["zip_bytes"],
        "total_unzipped_bytes": layer["unzipped_bytes"] + function["unzipped_bytes"],
        "model": {
            "path": f"{LAYER_ROOT if model_in_layer else TASK_ROOT}/{MODEL_NAME}",
            "bytes": model.size,
            "sha256": model.sha256,
            "source_sha256": source_sha256,
            "task": model.task,
            **_takes(model),
        },
        "packages": pin.versions(pin.REQUIREMENTS.read_text(encoding="utf-8")),
    }


def _takes(model: ModelFacts) -> dict[str, Any]:
    if model.task == TENSORS:
        return {"inputs": list(model.inputs), "outputs": list(model.outputs)}
    return {"imgsz": list(model.imgsz)}


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes `value`; until it is whole, the file is not there or as it was."""
    scratch = path.with_name(f".{path.name}-{os.getpid()}")
    scratch.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    scratch.replace(path)


def _describe_zip(path: Path) -> dict[str, Any]:
    size = sizes.total(sizes.by_package(path).values())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"zip_bytes": size.zipped, "unzipped_bytes": size.unzipped, "sha256": digest}
