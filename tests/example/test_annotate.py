"""Image of the README: the file is what the script makes of the zips."""

import io
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from example import annotate
from tests.conftest import ROOT

CHANGED = 24  # levels: more than the JPEG of equal images differs between versions of libjpeg
MAX_SHARE = 0.001  # of the pixels; a digit of one confidence is 0.0002


def pixels(file: "Path | io.BytesIO") -> "np.ndarray[Any, np.dtype[np.int16]]":
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"), dtype=np.int16)


@pytest.mark.torch
@pytest.mark.build
@pytest.mark.runtime
def test_image_of_the_readme_is_drawn_from_the_zips(tmp_path: Path) -> None:
    annotate.build(tmp_path / "dist")
    annotate.main(["--dist", str(tmp_path / "dist"), "--out", str(tmp_path / "a.jpg")])
    drawn, stored = pixels(tmp_path / "a.jpg"), pixels(annotate.ANNOTATED)
    assert drawn.shape == stored.shape
    assert (np.abs(drawn - stored).max(axis=2) > CHANGED).mean() < MAX_SHARE


def test_reading_and_boxes_are_drawn() -> None:
    image = annotate.SAMPLE.read_bytes()
    box = {"x_min": 500, "y_min": 400, "x_max": 700, "y_max": 600}
    gauge = {"class_name": "gauge", "class_id": 0, "confidence": 0.9, "box_2d": box}
    bodies = [{"detections": []}, {"detections": [gauge]}, {"detections": [{**gauge, "reading": {"text": "4.2 bar"}}]}]
    plain, boxed, read = (pixels(io.BytesIO(annotate.annotate(image, body))) for body in bodies)
    assert np.abs(plain - pixels(annotate.SAMPLE)).mean() < 4  # the loss of a second JPEG
    assert (np.abs(boxed - plain).max(axis=2) > CHANGED).sum() > 4 * 200
    assert (np.abs(read - boxed).max(axis=2) > CHANGED).sum() > 200


def run(python: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [python, "-m", "example.annotate", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dist", "/nonexistent"], "annotate: /nonexistent/build.json is missing; "),
        (["--out", "/nonexistent/a.jpg"], "--out must be a file in an existing folder, got /nonexistent/a.jpg"),
        (["--out", "."], "--out must be a file in an existing folder, got ."),
    ],
)
def test_error_is_one_line(arguments: list[str], message: str) -> None:
    done = run(sys.executable, *arguments)
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_python_without_packages_is_named_in_one_line(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv")
    done = run(str(tmp_path / "venv" / "bin" / "python"), "--dist", str(tmp_path))
    assert (done.returncode, done.stderr) == (2, f"annotate: {annotate.NO_PACKAGES}\n")


def test_file_of_the_readme_is_small() -> None:
    assert annotate.ANNOTATED.stat().st_size < 250_000
