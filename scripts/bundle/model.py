"""The model that goes into the zip: exported if need be, and what its metadata says."""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from function import metadata as function_facts
from function.errors import UnusableModel
from function.tensors import signature
from scripts import environments

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "example" / "best.pt"  # built when no model is named
TENSORS = "tensors"  # the task of a model that takes no pictures


class ModelFacts(NamedTuple):
    """An ONNX model: bytes, sha256 of the file, and what it says of itself."""

    size: int
    sha256: str
    task: str  # TENSORS: the model takes no pictures
    imgsz: tuple[int, ...]  # (height, width) of a model that takes pictures
    inputs: tuple[dict[str, Any], ...] = ()  # of a model that takes tensors, as the Open Inference Protocol has them
    outputs: tuple[dict[str, Any], ...] = ()


class ModelRejected(Exception):
    """The model cannot be used; the message says why. `code` is the exit code to end with."""

    def __init__(self, message: str, code: int = 2) -> None:
        """`message` is for the user."""
        super().__init__(message)
        self.code = code


def as_onnx(weights: Path, scratch: Path) -> Path:
    """The ONNX file of a model: exported into `scratch` from a .pt, or itself when it is one and passes the check.

    Raises:
        ModelRejected: there is no such file, it is of another kind, or the export refused it (and has said why).
        EnvironmentFailed: the environment that exports could not be made.
    """
    if weights.suffix not in {".pt", ".onnx"}:
        raise ModelRejected(f"{weights} is neither a .pt nor a .onnx file")
    if not weights.is_file():
        raise ModelRejected(f"{weights} does not exist" if not weights.exists() else f"{weights} is not a file")
    if weights.suffix == ".onnx" and not _is_yolo(weights):
        _check_tensors(weights)
        return weights
    python = environments.ensure("export")
    exported = scratch / "model.onnx" if weights.suffix == ".pt" else None
    output = ["--output", str(exported)] if exported else []
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [str(python), "-P", "-m", "export", str(weights), *output, "--no-next"]
    code = subprocess.run(command, env=variables, check=False).returncode
    if code:
        raise ModelRejected(f"{weights} was not exported; the reason is above", code if code > 0 else 1)
    return exported or weights


def facts(path: Path) -> ModelFacts:
    """What is said about an ONNX model in build.json.

    Raises:
        ModelRejected: onnxruntime cannot load it, or the function would refuse what its metadata says.
    """
    data = path.read_bytes()
    session = _session(path, data)
    size, sha256 = len(data), hashlib.sha256(data).hexdigest()
    if not function_facts.has_yolo_metadata(session):
        takes = signature.metadata(signature.read(str(path), path.stem, session))
        return ModelFacts(size, sha256, TENSORS, (), tuple(takes["inputs"]), tuple(takes["outputs"]))
    try:
        said = function_facts.read(str(path), session, sha256)
    except UnusableModel as error:
        raise ModelRejected(str(error)) from error
    return ModelFacts(size, sha256, said.task, said.imgsz_hw)


def _session(path: Path, data: bytes) -> Any:
    import onnxruntime  # after `function`, which says what it reads when it is imported

    try:
        return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class per kind of failure and no common one
        raise ModelRejected(f"{path}: onnxruntime cannot load it ({error})") from error


def _is_yolo(path: Path) -> bool:
    return function_facts.has_yolo_metadata(_session(path, path.read_bytes()))


def _check_tensors(path: Path) -> None:
    """What the function itself says to a model without YOLO metadata; torch has no part in it."""
    from function import model

    try:
        model.load(path, threads=1)
    except UnusableModel as error:
        raise ModelRejected(str(error)) from error
