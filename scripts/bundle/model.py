"""The model of a build: exported to ONNX if it is a .pt, and judged by `export.model_info` as the function loads it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from export import model_info
from export.errors import UsageError
from scripts import environments

if TYPE_CHECKING:
    from export.model_info import ModelInfo

ROOT = Path(__file__).resolve().parent.parent.parent
STDERR = 2  # file descriptor


class ModelRejected(Exception):
    """A model that cannot be used; `code` is the exit code of the command. "" if the reason is printed already."""

    def __init__(self, message: str, code: int = 2) -> None:
        """Keep the message for the user and the exit code."""
        super().__init__(message)
        self.code = code


def load(
    weights: Path, scratch: Path, options: Sequence[str] = (), output: str = "", report: Path | None = None
) -> ModelInfo:
    """Return the description of the ONNX file to build from.

    Args:
        weights: a .pt or .onnx file.
        scratch: a folder for the exported model.
        options: of `python -m export`.
        output: `--verbose`, `--quiet` or "", for the export.
        report: file for the report of the export as JSON, which then prints nothing to stdout; None: no report.

    A .pt is exported into `scratch`. An .onnx with YOLO metadata is checked by the export; a generic ONNX model needs
    neither torch nor its environment.

    Raises:
        ModelRejected: there is no such file, it is of another kind, or it cannot be exported or served.
        EnvironmentFailed: the export environment could not be made.
    """
    require_file(weights)
    if weights.suffix == ".pt":
        exported = scratch / "model.onnx"
        run_export(weights, exported, options, output, report)
        return read(exported)
    info = read(weights)
    if info.is_generic:
        if options:
            raise ModelRejected(f"{options[0]} is for a YOLO model, got the generic ONNX model {weights}")
        return info
    if options:
        compressed = scratch / "model.onnx"
        run_export(weights, compressed, options, output, report, needs_torch=False)
        return read(compressed)
    run_export(weights, None, options, output, report, needs_torch=False)
    return info


def require_file(weights: Path) -> None:
    """Raise ModelRejected unless this is a file with the suffix of a model."""
    if weights.suffix not in {".pt", ".onnx"}:
        raise ModelRejected(f"{weights} is neither a .pt nor a .onnx file")
    if not weights.is_file():
        raise ModelRejected(f"{weights} does not exist" if not weights.exists() else f"{weights} is not a file")


def read(path: Path) -> ModelInfo:
    """Load an ONNX file as the function does, and return its description.

    Raises:
        ModelRejected: it is not ONNX, or not a model that the function serves.
    """
    try:
        return model_info.read(path, path.read_bytes())
    except UsageError as error:
        raise ModelRejected(str(error)) from error


def run_export(
    weights: Path,
    exported: Path | None,
    options: Sequence[str],
    output: str,
    report: Path | None = None,
    needs_torch: bool = True,
) -> None:
    """Run `python -m export` in its environment: convert a .pt to `exported`, or check an .onnx.

    Raises:
        ModelRejected: the export failed; without a message, because the export has printed the reason.
        EnvironmentFailed: the export environment could not be made.
    """
    # An .onnx needs no torch: this environment has all that the check and the compression need.
    python = environments.ensure("export") if needs_torch else Path(sys.executable)
    arguments = [*options, *(["--out", str(exported)] if exported else []), *([output] if output else [])]
    arguments += ["--json", str(report)] if report else []
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [str(python), "-P", "-m", "export", str(weights), *arguments, "--no-next"]
    code = subprocess.run(command, env=variables, stdout=STDERR if report else None, check=False).returncode
    if code < 0:
        raise ModelRejected(f"the export of {weights} was ended by the signal {-code}", 1)
    if code:
        raise ModelRejected("", code)
