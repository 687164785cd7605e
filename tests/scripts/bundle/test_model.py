"""The model of a build: judged as the function judges it, with few sessions of onnxruntime."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from export import venv
from function import metadata as function_metadata
from layer import build
from scripts import environments
from scripts.bundle import cli, model, optimize
from tests.conftest import ROOT
from tests.support import color_model, tensor_models

COUNT_SESSIONS = """\
import os
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

class Counted(onnxruntime.InferenceSession):
    def __init__(self, *arguments, **options):
        with open({log!r}, "a") as file:
            file.write("session\\n")
        super().__init__(*arguments, **options)

onnxruntime.InferenceSession = Counted
"""


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list that grows by one with every session that this process makes."""
    made: list[Any] = []
    real = onnxruntime.InferenceSession

    def counted(source: Any, *arguments: Any, **options: Any) -> Any:
        made.append(source)
        return real(source, *arguments, **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", counted)
    return made


@pytest.fixture
def small_layer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Build a layer of one small file."""
    packages = tmp_path / "packages"
    (packages / "numpy").mkdir(parents=True)
    (packages / "numpy" / "__init__.py").write_text("")
    monkeypatch.setattr(build, "cached_packages", lambda target, python, store: packages)


@pytest.mark.parametrize(
    ("sides", "imgsz"),
    [((320, 256), (320, 256)), (("height", "width"), function_metadata.DEFAULT_IMGSZ)],
)
def test_model_with_only_names_and_stride_is_a_detector(
    sides: tuple[int | str, int | str], imgsz: tuple[int, int], tmp_path: Path
) -> None:
    path = color_model.save(tmp_path / "m.onnx", sides, task="", imgsz="", end2end="")
    info = model.read(path)
    assert (info.task, info.imgsz) == ("detect", imgsz)


def test_fixed_sides_take_precedence_over_the_metadata(tmp_path: Path) -> None:
    path = color_model.save(tmp_path / "m.onnx", (320, 256), imgsz="[640, 640]")
    assert model.read(path).imgsz == (320, 256)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"names": ""}, "has no names in its metadata"),
        ({"task": "track"}, "'track'"),
        ({"imgsz": "wide"}, "imgsz .*'wide'"),
    ],
)
def test_model_that_the_function_refuses_is_refused(metadata: dict[str, str], reason: str, tmp_path: Path) -> None:
    with pytest.raises(model.ModelRejected, match=reason):
        model.read(color_model.save(tmp_path / "m.onnx", **metadata))


def test_model_with_only_names_and_stride_is_optimized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimize, "MAX_GROWTH", 2)  # the file is so small that its names and shapes count
    path = color_model.save(tmp_path / "m.onnx", task="", imgsz="", end2end="")
    assert optimize.optimize(model.read(path), tmp_path).note == ""


def test_optimizing_a_yolo_model_makes_three_sessions(
    sessions: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimize, "MAX_GROWTH", 2)
    path = color_model.save(tmp_path / "m.onnx")
    assert optimize.optimize(model.read(path), tmp_path).note == ""
    assert len(sessions) == 3  # original, optimization, optimized


@pytest.mark.usefixtures("small_layer")
def test_build_of_a_generic_model_makes_one_session(sessions: list[Any], tmp_path: Path) -> None:
    path = tensor_models.add(tmp_path / "m.onnx")
    assert cli.main([str(path), "--out", str(tmp_path / "out")]) == 0
    assert len(sessions) == 1


@pytest.mark.parametrize("arguments", [(), ("--half-weights",), ("--int8", "--data", "photos")])
def test_an_onnx_file_is_checked_and_compressed_without_the_environment_with_torch(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = color_model.save(tmp_path / "m.onnx")
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        commands.append(command)
        (tmp_path / "model.onnx").write_bytes(path.read_bytes())
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(environments, "ensure", lambda name: pytest.fail(f"the environment {name} was made"))
    monkeypatch.setattr("scripts.bundle.model.subprocess.run", run)
    assert model.load(path, tmp_path, arguments).path == (tmp_path / "model.onnx" if arguments else path)
    (command,) = commands
    exported = ["--out", str(tmp_path / "model.onnx")] if arguments else []
    assert command == [sys.executable, "-P", "-m", "export", str(path), *arguments, *exported, "--no-next"]


def test_half_weights_of_an_onnx_file_are_built_without_the_environment_with_torch(
    small_layer: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if venv.missing("build"):
        pytest.skip("this Python lacks packages of the environment build")
    monkeypatch.setattr(environments, "ensure", lambda name: pytest.fail(f"the environment {name} was made"))
    path = color_model.save(tmp_path / "m.onnx")
    arguments = [str(path), "--half-weights", "--min-agreement", "0", "--out", str(tmp_path / "out")]
    assert cli.main(arguments) == 2  # the color model detects nothing in the sample images: nothing can be compared
    assert capfd.readouterr().err.splitlines()[-1].startswith("export: the model detects nothing in the ")


def test_the_reason_of_a_failed_export_is_the_last_line(
    small_layer: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = color_model.save(tmp_path / "m.onnx")
    assert cli.main([str(path), "--int8", "--out", str(tmp_path / "out")]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("export: --int8 needs images to measure ranges on")


def test_an_export_that_a_signal_ended_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = color_model.save(tmp_path / "m.onnx")
    killed = subprocess.CompletedProcess([], -9)
    monkeypatch.setattr("scripts.bundle.model.subprocess.run", lambda *_, **__: killed)
    with pytest.raises(model.ModelRejected, match=r"the export of .*m\.onnx was ended by the signal 9") as raised:
        model.load(path, tmp_path)
    assert raised.value.code == 1


@pytest.mark.torch
@pytest.mark.usefixtures("small_layer")
def test_build_from_weights_makes_seven_sessions(
    sessions: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, counter = tmp_path / "sessions.txt", tmp_path / "counter"
    counter.mkdir()
    (counter / "sitecustomize.py").write_text(COUNT_SESSIONS.format(log=str(log)))
    python = environments.ensure("export")
    counted_python = tmp_path / "python"
    counted_python.write_text(f'#!/bin/sh\nPYTHONPATH="{counter}:$PYTHONPATH" exec "{python}" "$@"\n')
    counted_python.chmod(0o755)
    monkeypatch.setattr(environments, "ensure", lambda name: counted_python)
    assert cli.main([str(ROOT / "example" / "best.pt"), "--out", str(tmp_path / "out")]) == 0
    exported = len(log.read_text().splitlines())
    # One of the export is onnxslim's, which folds constants; two of the build are parts of the graph (tail.py).
    assert (exported, len(sessions)) == (2, 5)
