"""The model that goes into the zip: exported if need be, and what its metadata says."""

import ast
import hashlib
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import environments

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "example" / "best.pt"  # built when no model is named


class ModelFacts(NamedTuple):
    """An ONNX model: bytes, sha256 of the file, and task and input size (height, width) from its metadata."""

    size: int
    sha256: str
    task: str
    imgsz: tuple[int, ...]


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
        ModelRejected: onnxruntime cannot load it, or its metadata has no task or imgsz.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when onnxruntime is imported
    import onnxruntime

    data = path.read_bytes()
    try:
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class per kind of failure and no common one
        raise ModelRejected(f"{path}: onnxruntime cannot load it ({error})") from error
    metadata = session.get_modelmeta().custom_metadata_map
    missing = {"task", "imgsz"} - metadata.keys()
    if missing:
        raise ModelRejected(f"{path} has no {' and no '.join(sorted(missing))} in its metadata; export it again")
    imgsz = tuple(ast.literal_eval(metadata["imgsz"]))
    return ModelFacts(len(data), hashlib.sha256(data).hexdigest(), metadata["task"], imgsz)
