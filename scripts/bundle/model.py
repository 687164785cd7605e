"""The model of a build: exported to ONNX if it is a .pt, and judged by `export.model_info` as the function loads it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from export import model_info
from export.errors import UsageError
from scripts import environments

if TYPE_CHECKING:
    from export.model_info import ModelInfo

ROOT = Path(__file__).resolve().parent.parent.parent


class ModelRejected(Exception):
    """A model that cannot be used; `code` is the exit code of the command."""

    def __init__(self, message: str, code: int = 2) -> None:
        """Keep the message for the user and the exit code."""
        super().__init__(message)
        self.code = code


def load(weights: Path, scratch: Path) -> ModelInfo:
    """Return the description of the ONNX file to build from.

    A .pt is exported into `scratch`. An .onnx with YOLO metadata is checked by the export; a generic ONNX model needs
    neither torch nor its environment.

    Raises:
        ModelRejected: there is no such file, it is of another kind, or it cannot be exported or served.
        EnvironmentFailed: the export environment could not be made.
    """
    if weights.suffix not in {".pt", ".onnx"}:
        raise ModelRejected(f"{weights} is neither a .pt nor a .onnx file")
    if not weights.is_file():
        raise ModelRejected(f"{weights} does not exist" if not weights.exists() else f"{weights} is not a file")
    if weights.suffix == ".pt":
        exported = scratch / "model.onnx"
        run_export(weights, exported)
        return read(exported)
    info = read(weights)
    if not info.is_generic:
        run_export(weights)
    return info


def read(path: Path) -> ModelInfo:
    """Load an ONNX file as the function does, and return its description.

    Raises:
        ModelRejected: it is not ONNX, or not a model that the function serves.
    """
    try:
        return model_info.read(path, path.read_bytes())
    except UsageError as error:
        raise ModelRejected(str(error)) from error


def run_export(weights: Path, output: Path | None = None) -> None:
    """Run `python -m export` in its environment: convert a .pt to `output`, or check an .onnx.

    Raises:
        ModelRejected: the export failed; it has printed the reason.
        EnvironmentFailed: the export environment could not be made.
    """
    python = environments.ensure("export")
    arguments = ["--output", str(output)] if output else []
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [str(python), "-P", "-m", "export", str(weights), *arguments, "--no-next"]
    code = subprocess.run(command, env=variables, check=False).returncode
    if code:
        raise ModelRejected(f"{weights} was not exported; the reason is above", code if code > 0 else 1)
