"""Build with a second model that reads: the zips, build.json, the bill of materials, and models that are refused."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from PIL import Image

from layer import build
from layer.targets import Target
from scripts import environments, manifest
from scripts.bundle import archives, cli, model, options, trial
from tests.conftest import ROOT
from tests.support import color_model, dial_model, tensor_models


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    return color_model.save(tmp_path / "colors.onnx")


@pytest.fixture
def dial(tmp_path: Path) -> Path:
    return dial_model.save(tmp_path / "gauge.onnx")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Replace the layer by a small file and the export by nothing; return its calls: file name and options."""
    calls: list[tuple[str, tuple[str, ...]]] = []
    packages = tmp_path / "packages"
    (packages / "numpy").mkdir(parents=True)
    (packages / "numpy" / "__init__.py").write_text("")

    def run_export(weights: Path, exported: Path | None, flags: tuple[str, ...], *_: Any, **__: Any) -> None:
        calls.append((weights.name, tuple(flags)))
        if exported:
            exported.write_bytes(weights.read_bytes())

    monkeypatch.setattr(model, "run_export", run_export)
    monkeypatch.setattr(build, "cached_packages", lambda target, python, store: packages)
    monkeypatch.setattr(environments, "ensure", lambda name: pytest.fail(f"the environment {name} was used"))
    return calls


def contents(out: Path) -> dict[str, list[str]]:
    names = (manifest.LAYER_ZIP, manifest.FUNCTION_ZIP)
    return {name: [file for file in zipfile.ZipFile(out / name).namelist() if file.endswith(".onnx")] for name in names}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("flags", "folder", "owner"),
    [([], "/var/task", manifest.FUNCTION_ZIP), (["--model-in-layer"], "/opt", manifest.LAYER_ZIP)],
)
def test_second_model_is_beside_the_first_one(
    detector: Path, dial: Path, tmp_path: Path, flags: list[str], folder: str, owner: str
) -> None:
    out = tmp_path / "out"
    assert cli.main([str(detector), "--read-model", str(dial), "--out", str(out), *flags]) == 0
    assert {name: files for name, files in contents(out).items() if files} == {owner: ["model.onnx", "reader.onnx"]}
    with zipfile.ZipFile(out / owner) as archive:
        packed = archive.read("reader.onnx")
    described = json.loads((out / manifest.NAME).read_text())["reader"]
    assert (described["path"], described["task"]) == (f"{folder}/reader.onnx", "pose")
    assert (described["bytes"], described["sha256"]) == (len(packed), hashlib.sha256(packed).hexdigest())
    assert described["source_sha256"] == hashlib.sha256(dial.read_bytes()).hexdigest()
    assert manifest.has_reader(out)


@pytest.mark.usefixtures("quick")
def test_bill_of_materials_has_both_models(detector: Path, dial: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cli.main([str(detector), "--read-model", str(dial), "--out", str(out)]) == 0
    text = (out / manifest.SBOM).read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = {part["bom-ref"]: part for part in json.loads(text)["components"]}
    described = json.loads((out / manifest.NAME).read_text())
    for name in ("model", "reader"):
        assert listed[name]["type"] == "machine-learning-model"
        assert listed[name]["hashes"] == [{"alg": "SHA-256", "content": described[name]["sha256"]}]
    (row,) = [row for row in json.loads(text)["dependencies"] if row["ref"] == "function"]
    assert {"model", "reader"} <= set(row["dependsOn"])


@pytest.mark.usefixtures("quick")
def test_build_without_a_second_model_has_none(detector: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cli.main([str(detector), "--out", str(out)]) == 0
    assert archives.READER_NAME not in (name for files in contents(out).values() for name in files)
    assert not manifest.has_reader(out)
    assert "READ_SCALE" not in (out / "deploy-commands.md").read_text()


def test_options_of_the_export_are_those_of_the_first_model(
    quick: list[tuple[str, tuple[str, ...]]], detector: Path, dial: Path, tmp_path: Path
) -> None:
    arguments = [str(detector), "--half-weights", "--read-model", str(dial), "--out", str(tmp_path / "out")]
    assert cli.main(arguments) == 0
    assert quick == [("gauge.onnx", ()), ("colors.onnx", ("--half-weights",))]


@pytest.mark.usefixtures("quick")
def test_next_steps_name_the_scale_and_a_class_of_the_model(
    detector: Path, dial: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(detector), "--read-model", str(dial), "--out", str(tmp_path / "out")]) == 0
    first = "red"
    assert f"deploy with --env 'READ_SCALE=0:10 bar' --env READ_CLASSES={first}\n" in capsys.readouterr().out
    page = (tmp_path / "out" / "deploy-commands.md").read_text()
    assert "update the code and models (function.zip)" in page
    variables = {"ORT_DISABLE_TELEMETRY": "1", "READ_SCALE": "0:10 bar", "READ_CLASSES": first}
    assert f"--environment '{json.dumps({'Variables': variables})}'" in page


def test_model_that_reads_no_dials_is_refused_before_the_first_model_is_exported(
    quick: list[tuple[str, tuple[str, ...]]], detector: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = {
        "got detect": color_model.save(tmp_path / "detect.onnx"),
        "got pose with 3 points": dial_model.save(tmp_path / "three.onnx", points=((1, 2),) * 3),
        "got a generic ONNX model": tensor_models.add(tmp_path / "add.onnx"),
    }
    for got, path in others.items():
        assert cli.main([str(detector), "--read-model", str(path), "--out", str(tmp_path / "out")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(
            f"build_zip: --read-model {path} must be a pose model with the points center, needle tip, "
        )
        assert line.endswith(got)
    assert "colors.onnx" not in [name for name, _ in quick]
    assert not (tmp_path / "out").exists()


def test_first_model_without_detections_is_refused_before_the_second_is_exported(
    quick: list[tuple[str, tuple[str, ...]]], dial: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tensor_models.add(tmp_path / "add.onnx")
    assert cli.main([str(path), "--read-model", str(dial), "--out", str(tmp_path / "out")]) == 2
    expected = "build_zip: --read-model must be used with a model that detects objects, got a generic ONNX model\n"
    assert (capsys.readouterr().err, quick) == (expected, [])


def test_first_model_that_does_not_exist_is_named_before_the_second_is_exported(
    quick: list[tuple[str, tuple[str, ...]]], dial: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(tmp_path / "none.pt"), "--read-model", str(dial), "--out", str(tmp_path / "out")]) == 2
    assert (capsys.readouterr().err, quick) == (f"build_zip: {tmp_path / 'none.pt'} does not exist\n", [])


@pytest.mark.parametrize(
    ("name", "reason"), [("none.pt", ", which does not exist"), ("README.md", ""), ("tests", ", a folder")]
)
def test_path_that_is_no_model_is_a_usage_error(name: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        options.parse(["best.pt", "--read-model", str(ROOT / name)])
    assert stop.value.code == 2
    message = f"--read-model must be a .pt or .onnx file, got {ROOT / name}{reason}"
    assert capsys.readouterr().err.splitlines()[-1].endswith(message)


def test_empty_path_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        options.parse(["best.pt", "--read-model", ""])
    assert stop.value.code == 2
    message = "--read-model must be a .pt or .onnx file, got an empty text"
    assert capsys.readouterr().err.splitlines()[-1].endswith(message)


@pytest.mark.parametrize("name", ["best.pt", "tasks/segment.pt", "tasks/obb.pt", "tasks/classify.pt"])
def test_weights_of_another_task_are_refused_before_any_export(
    quick: list[tuple[str, tuple[str, ...]]],
    detector: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    path = ROOT / "example" / name
    assert cli.main([str(detector), "--read-model", str(path), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    task = "detect" if name == "best.pt" else path.stem
    assert line.startswith(f"build_zip: --read-model {path} must be a pose model with the points center, ")
    assert line.endswith(f", got {task}")
    assert quick == []


def test_weights_of_a_classifier_are_refused_before_the_second_model_is_exported(
    quick: list[tuple[str, tuple[str, ...]]], dial: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = ROOT / "example" / "tasks" / "classify.pt"
    assert cli.main([str(weights), "--read-model", str(dial), "--out", str(tmp_path / "out")]) == 2
    expected = "build_zip: --read-model must be used with a model that detects objects, got a classify model\n"
    assert (capsys.readouterr().err, quick) == (expected, [])


@pytest.mark.build
@pytest.mark.runtime
@pytest.mark.parametrize("flags", [[], ["--model-in-layer"]], ids=["function", "layer"])
def test_built_zips_read_an_image(detector: Path, dial: Path, tmp_path: Path, flags: list[str]) -> None:
    if trial.why_not_runnable(Target("x86_64", "3.13")):
        pytest.skip(str(trial.why_not_runnable(Target("x86_64", "3.13"))))
    image, out = tmp_path / "red.png", tmp_path / "dist"
    drawn = Image.new("RGB", (320, 160), (114, 114, 114))
    drawn.paste((255, 0, 0), (32, 32, 96, 96))
    drawn.save(image)
    command = [str(ROOT / "scripts" / "build_zip.sh"), str(detector), "--read-model", str(dial), "--out", str(out)]
    built = subprocess.run([*command, *flags, "--try", str(image)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (heading,) = [line for line in built.stdout.splitlines() if line.startswith("  class  ")]
    assert heading.endswith("  y_max  reading")
    assert any(line.startswith("  red ") and line.endswith("  0.83") for line in built.stdout.splitlines())
    invoke = [sys.executable, str(ROOT / "scripts" / "invoke_local.py"), str(image), "--dist", str(out), "--json"]
    for isolation in ("auto", "plain"):
        arguments = ["--env", "READ_SCALE=0:10 bar", "--isolation", isolation, "--quiet"]
        done = subprocess.run([*invoke, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        body = json.loads(json.loads(done.stdout)["invocations"][0]["response"]["body"])
        assert {row["reading"]["text"] for row in body["detections"]} == {"8.3 bar"}
        assert {row["reading"]["model"] for row in body["detections"]} == {"reader.onnx"}
