"""Build of a generic ONNX model: checks, build.json, smoke run and printed commands."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto

from layer import build
from layer.targets import Target
from scripts import environments
from scripts.aws import commands
from scripts.aws.commands import Upload
from scripts.bundle import cli, model, trial
from tests.support import color_model, tensor_models

ROOT = Path(__file__).resolve().parent.parent.parent.parent
WINE = ROOT / "example" / "wine"


@pytest.fixture
def adder(tmp_path: Path) -> Path:
    return tensor_models.add(tmp_path / "adder.onnx")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Replace the layer by one small file, and fail if the environment `export` is used."""
    packages = tmp_path / "packages"
    (packages / "numpy").mkdir(parents=True)
    (packages / "numpy" / "__init__.py").write_text("")
    monkeypatch.setattr(build, "cached_packages", lambda target, python, store: packages)
    monkeypatch.setattr(environments, "ensure", lambda name: pytest.fail(f"the environment {name} was used"))


def test_a_generic_model_is_loaded_without_the_export_environment(adder: Path, tmp_path: Path) -> None:
    assert model.load(adder, tmp_path).path == adder


def test_a_model_that_the_function_rejects_is_not_built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tensor_models.echo(tmp_path / "m.onnx", TensorProto.BFLOAT16, ["n"])
    assert cli.main([str(path), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "input x must be a tensor of " in line
    assert line.endswith("got tensor(bfloat16)")
    assert not (tmp_path / "out").exists()


def test_build_json_has_the_inputs_and_outputs(adder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([str(adder), "--out", str(tmp_path / "out")]) == 0
    described = json.loads((tmp_path / "out" / "build.json").read_text())["model"]
    assert described["task"] == "tensors"
    assert described["inputs"] == [{"name": name, "datatype": "FP32", "shape": [-1, 3]} for name in ("a", "b")]
    assert [output["name"] for output in described["outputs"]] == ["sum", "twice"]
    assert "imgsz" not in described
    assert "generic ONNX model (inputs: a FP32 [-1, 3], b FP32 [-1, 3]) for x86_64" in capsys.readouterr().out


def test_an_image_is_rejected_for_the_smoke_run_of_a_generic_model(
    adder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "a.png"
    image.touch()
    assert cli.main([str(adder), "--out", str(tmp_path / "out"), "--try", str(image)]) == 2
    assert f"--try must be requests as JSON for {adder}, got {image}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_request_is_rejected_for_the_smoke_run_of_an_image_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(model, "load", lambda weights, *_: model.read(weights))
    path = color_model.save(tmp_path / "m.onnx")
    assert cli.main([str(path), "--out", str(tmp_path / "out"), "--try", str(WINE / "request.json")]) == 2
    assert f"--try must be images for {path}, got {WINE / 'request.json'}" in capsys.readouterr().err


@pytest.mark.parametrize("named", [[], [WINE / "request.json"]])
def test_the_smoke_run_sends_requests(
    adder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: list[Path]
) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(trial, "why_not_runnable", lambda target: None)
    monkeypatch.setattr(trial, "run_requests", lambda out, requests, is_quiet: calls.append(requests) or 7)
    assert cli.main([str(adder), "--out", str(tmp_path / "out"), "--try", *map(str, named)]) == 7
    assert calls == [named or [tmp_path / "out" / "try" / "request.json"]]


def test_the_request_of_the_smoke_run_fits_the_inputs(tmp_path: Path) -> None:
    declared = [
        {"name": "a", "datatype": "FP32", "shape": [-1, 2]},
        {"name": "b", "datatype": "BOOL", "shape": []},
        {"name": "c", "datatype": "BYTES", "shape": [2]},
    ]
    request = json.loads(trial.write_request(tmp_path, declared).read_text())
    assert [(tensor["name"], tensor["shape"], tensor["data"]) for tensor in request["inputs"]] == [
        ("a", [1, 2], [1, 1]),
        ("b", [], [True]),
        ("c", [2], ["a", "a"]),
    ]


def test_the_printed_commands_send_a_request() -> None:
    uploads = Upload(Path("/layer.zip"), 1, "ab"), Upload(Path("/function.zip"), 1, "cd")
    text = commands.page(*uploads, Target("arm64", "3.13"), model_in_layer=False, generic=True)
    assert '--payload "fileb://$REQUEST"' in text
    assert 'curl --data-binary @"$REQUEST" -H "Content-Type: application/json"' in text
    assert "$IMAGE" not in text
    lines = "\n".join(re.findall(r"^```bash\n(.*?)\n```$", text, re.DOTALL | re.MULTILINE))
    assert 'aws lambda invoke --function-name "$FUNCTION"' in lines
    done = subprocess.run(["bash", "-n"], input=lines, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.build
@pytest.mark.runtime
def test_the_wine_model_is_built_and_responds_through_a_function_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    if trial.why_not_runnable(Target("x86_64", "3.13")):
        pytest.skip(str(trial.why_not_runnable(Target("x86_64", "3.13"))))
    out = str(tmp_path / "dist")
    build = [str(ROOT / "scripts" / "build_zip.sh"), str(WINE / "model.onnx"), "--out", out, "--try"]
    built = subprocess.run(build, capture_output=True, text=True, check=False, timeout=600)
    assert built.returncode == 0, built.stderr
    assert "  flavanoids  FP32 [1, 1]  " in built.stdout
    golden = json.loads((WINE / "golden.json").read_text())
    rows = golden["rows"]
    tensor = {"name": "measurements", "shape": [len(rows), 12], "datatype": "FP32", "data": rows}
    (tmp_path / "request.json").write_text(json.dumps({"inputs": [tensor]}))
    invoke = [sys.executable, str(ROOT / "scripts" / "invoke_local.py"), "--dist", out, "--json", "--quiet"]
    invoke += ["--env", "MODEL_NAME=wine", "--path", "/v2/models/wine/infer"]
    invoke += ["--request", str(tmp_path / "request.json")]
    done = subprocess.run(invoke, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    (invocation,) = json.loads(done.stdout)["invocations"]
    response = json.loads(invocation["response"]["body"])
    assert (invocation["response"]["statusCode"], response["model_name"], response["model_version"]) == (
        200,
        "wine",
        "1",
    )
    assert response["outputs"][0]["data"] == pytest.approx(golden["predictions"], abs=1e-5)
