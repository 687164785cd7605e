"""Exports of the example models, made with the command that users type."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT

EXPORTS = {  # name: weights, options
    "detect": ("example/best.pt",),
    "static": ("example/best.pt", "--static"),
    "opset13": ("example/best.pt", "--opset", "13"),
    "half": ("example/best.pt", "--half-weights"),
    "int8": ("example/best.pt", "--int8", "--data", "example/samples", "--min-agreement", "0.1"),
    "segment": ("example/tasks/segment.pt",),
    "pose": ("example/tasks/pose.pt",),
    "obb": ("example/tasks/obb.pt",),
    "obb-static": ("example/tasks/obb.pt", "--static"),
    "classify": ("example/tasks/classify.pt",),
}


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return an export by its name; each is made once."""
    folder = tmp_path_factory.mktemp("exports")

    def path(name: str) -> Path:
        output = folder / f"{name}.onnx"
        if not output.exists():
            command = [sys.executable, "-m", "export", *EXPORTS[name], "--output", str(output)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        return output

    return path
