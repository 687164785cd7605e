"""Runs of `python -m export`, and of programs in its environment."""

import json
import os
import subprocess
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import onnxruntime

from tests.conftest import ROOT

SETUP = "import json, sys\nfrom export import ultralytics_setup\nultralytics_setup.prepare()\n"


class Export:
    """A finished `python -m export` with its report."""

    def __init__(self, python: Path, *arguments: object, environ: dict[str, str] | None = None) -> None:
        variables = {**os.environ, **(environ or {})}
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder, "report.json")
            command = [str(python), "-m", "export", *map(str, arguments), "--json", str(report)]
            done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
            self.report: dict[str, Any] = json.loads(report.read_text())
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr


def probe(python: Path, code: str, *arguments: object) -> Any:
    """Return the JSON in the last line that a program prints in the export environment."""
    command = [str(python), "-c", SETUP + textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def metadata(path: Path) -> dict[str, str]:
    """Return the metadata of an ONNX file."""
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return dict(session.get_modelmeta().custom_metadata_map)
