"""Building a model of tensors: what is checked, described, tried and said."""

import json
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
    """A layer of one small file, and an export environment that nobody may ask for."""
    packages = tmp_path / "packages"
    (packages / "numpy").mkdir(parents=True)
    (packages / "numpy" / "__init__.py").write_text("")
    monkeypatch.setattr(build, "kept", lambda target, python, store: packages)
    monkeypatch.setattr(environments, "ensure", lambda name: pytest.fail(f"the {name} environment was asked for"))


def test_torch_has_no_part_in_a_model_of_tensors(adder: Path, tmp_path: Path) -> None:
    assert model.as_onnx(adder, tmp_path) == adder


def test_a_model_that_the_function_refuses_is_not_built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tensor_models.echo(tmp_path / "m.onnx", TensorProto.BFLOAT16, ["n"])
    assert cli.main([str(path), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "takes x tensor(bfloat16)" in line
    assert not (tmp_path / "out").exists()


def test_build_json_says_what_the_model_takes(adder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([str(adder), "--out", str(tmp_path / "out")]) == 0
    said = json.loads((tmp_path / "out" / "build.json").read_text())["model"]
    assert said["task"] == "tensors"
    assert said["inputs"] == [{"name": name, "datatype": "FP32", "shape": [-1, 3]} for name in ("a", "b")]
    assert [one["name"] for one in said["outputs"]] == ["sum", "twice"]
    assert "imgsz" not in said
    assert "model of tensors, which takes a FP32 [-1, 3], b FP32 [-1, 3], for x86_64" in capsys.readouterr().out


def test_a_picture_is_no_trial_for_a_model_of_tensors(
    adder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "a.png"
    picture.touch()
    assert cli.main([str(adder), "--out", str(tmp_path / "out"), "--try", str(picture)]) == 2
    assert f"--try {picture}: wanted requests as JSON" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_request_is_no_trial_for_a_model_of_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(model, "as_onnx", lambda weights, scratch: weights)
    path = color_model.save(tmp_path / "m.onnx")
    assert cli.main([str(path), "--out", str(tmp_path / "out"), "--try", str(WINE / "request.json")]) == 2
    assert "request.json: wanted pictures" in capsys.readouterr().err


@pytest.mark.parametrize("named", [[], [WINE / "request.json"]])
def test_the_trial_sends_requests(
    adder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: list[Path]
) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(trial, "why_not_runnable", lambda target: None)
    monkeypatch.setattr(trial, "run_requests", lambda out, requests: ran.append(requests) or 7)
    assert cli.main([str(adder), "--out", str(tmp_path / "out"), "--try", *map(str, named)]) == 7
    assert ran == [named or [tmp_path / "out" / "try" / "request.json"]]


def test_the_request_of_a_trial_is_one_that_the_model_takes(tmp_path: Path) -> None:
    declared = [
        {"name": "a", "datatype": "FP32", "shape": [-1, 2]},
        {"name": "b", "datatype": "BOOL", "shape": []},
        {"name": "c", "datatype": "BYTES", "shape": [2]},
    ]
    written = json.loads(trial.write_request(tmp_path, declared).read_text())
    assert [(one["name"], one["shape"], one["data"]) for one in written["inputs"]] == [
        ("a", [1, 2], [1, 1]),
        ("b", [], [True]),
        ("c", [2], ["a", "a"]),
    ]


def test_the_commands_to_copy_send_a_request() -> None:
    uploads = Upload(Path("/layer.zip"), 1, "ab"), Upload(Path("/function.zip"), 1, "cd")
    text = commands.text(*uploads, Target("arm64", "3.13"), model_in_layer=False, tensors=True)
    assert '--payload "fileb://$REQUEST"' in text
    assert 'curl --data-binary @"$REQUEST" -H "Content-Type: application/json"' in text
    assert "$IMAGE" not in text
    lines = "\n".join(line.removeprefix("    ") for line in text.splitlines() if line.startswith("    "))
    done = subprocess.run(["bash", "-n"], input=lines, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.build
@pytest.mark.runtime
def test_the_wine_model_is_built_and_answers_through_a_function_url(
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
    answer = json.loads(invocation["response"]["body"])
    assert (invocation["response"]["statusCode"], answer["model_name"], answer["model_version"]) == (200, "wine", "1")
    assert answer["outputs"][0]["data"] == pytest.approx(golden["predictions"], abs=1e-5)
