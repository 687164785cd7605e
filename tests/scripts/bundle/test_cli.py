import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from layer import build, smoke
from layer.targets import Target
from scripts import environments
from scripts.aws import limits
from scripts.bundle import cli, container, model, sizes, trial

ROOT = Path(__file__).resolve().parent.parent.parent.parent
SCRIPT = ROOT / "scripts" / "build_zip.sh"
SAID = {"imgsz": "[32, 64]", "names": "{0: 'red'}", "stride": "32"}
METADATA = b"".join(smoke.field(14, smoke.field(1, key) + smoke.field(2, value)) for key, value in SAID.items())


@pytest.fixture
def onnx_file(tmp_path: Path) -> Path:
    path = tmp_path / "a model.onnx"
    path.write_bytes(smoke.model() + METADATA)
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the steps that take long: no export, a layer of two small files."""
    packages = tmp_path / "packages"
    for name in ("numpy/__init__.py", "PIL/Image.py"):
        (packages / name).parent.mkdir(parents=True)
        (packages / name).write_text("")
    monkeypatch.setattr(model, "as_onnx", lambda weights, scratch: weights)
    monkeypatch.setattr(build, "kept", lambda target, python, store: packages)


def test_help_names_every_option_that_is_parsed() -> None:
    shown = subprocess.run([str(SCRIPT), "--help"], capture_output=True, text=True, check=True).stdout
    parsed = subprocess.run(
        [sys.executable, "-m", "scripts.bundle.cli", "--help"],
        env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    options = set(re.findall(r"--[a-z-]+", parsed))
    assert options >= {"--arch", "--try"}
    assert set(re.findall(r"^(--[a-z-]+)", shown, re.MULTILINE)) == options


def test_without_a_model_the_example_is_built_and_tried() -> None:
    options = cli.parse([])
    assert options.model == ROOT / "example" / "best.pt"
    assert (options.target, options.images, options.default_trial) == (Target("x86_64", "3.13"), [], True)


def test_with_a_model_nothing_is_tried_unless_asked() -> None:
    assert cli.parse(["a.pt"]).images is None
    assert cli.parse(["a.pt", "--try"]).images == []
    assert cli.parse(["a.pt", "--try", str(SCRIPT)]).images == [SCRIPT]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--arch", "aarch64"], "invalid choice: 'aarch64'"),
        (["--python", "3.11"], "invalid choice: '3.11'"),
        (["--try", "nowhere.jpg"], "nowhere.jpg: no such file"),
        (["--out", str(SCRIPT)], "is a file; wanted a folder"),
    ],
)
def test_a_command_line_without_sense_ends_with_2_and_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "said"), [("none.pt", "does not exist"), ("model.tflite", "neither a .pt nor a .onnx"), (".", "neither")]
)
def test_a_model_that_cannot_be_used_ends_with_2_and_one_line(
    name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(tmp_path / name), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / "out").exists()


def test_an_onnx_file_without_the_metadata_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(smoke.model())
    with pytest.raises(model.ModelRejected, match=r"has no names, stride in its metadata; .* writes them"):
        model.facts(tmp_path / "a.onnx")


def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"not a model")
    with pytest.raises(model.ModelRejected, match="onnxruntime cannot load it"):
        model.facts(tmp_path / "a.onnx")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("flags", "where"), [([], "function.zip"), (["--model-in-layer"], "layer.zip")])
def test_the_zips_hold_what_they_should(onnx_file: Path, tmp_path: Path, flags: list[str], where: str) -> None:
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "my out"), *flags]) == 0
    found = {name: zipfile.ZipFile(tmp_path / "my out" / name).namelist() for name in ("layer.zip", "function.zip")}
    assert {name for name, listed in found.items() if "model.onnx" in listed} == {where}
    assert {"LICENSE", "function/handler.py", "function/__init__.py"} <= set(found["function.zip"])
    assert {name.split("/")[0] for name in found["function.zip"]} <= {"LICENSE", "function", "model.onnx"}
    assert {name.split("/")[0] for name in found["layer.zip"]} <= {"python", "model.onnx"}


@pytest.mark.usefixtures("quick")
def test_the_function_is_compiled_for_the_target(onnx_file: Path, tmp_path: Path) -> None:
    if not environments.find("3.13"):
        pytest.skip("Python 3.13 is not on this machine")
    cli.main([str(onnx_file), "--out", str(tmp_path / "out")])
    with zipfile.ZipFile(tmp_path / "out" / "function.zip") as archive:
        names = set(archive.namelist())
        for name in [name for name in names if name.endswith(".py")]:
            folder, _, module = name.removesuffix(".py").rpartition("/")
            compiled = f"{folder}/__pycache__/{module}.cpython-313.pyc"
            assert archive.read(compiled)[4:8] == b"\x01\0\0\0"  # unchecked hash, PEP 552
            assert f"/var/task/{name}".encode() in archive.read(compiled)


@pytest.mark.usefixtures("quick")
def test_without_the_targets_python_the_zips_are_built_and_the_loss_is_said(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environments, "find", lambda version: None)
    assert cli.main([str(onnx_file), "--python", "3.14", "--out", str(tmp_path / "out")]) == 0
    assert "uv python install 3.14" in capsys.readouterr().out
    assert not [name for name in zipfile.ZipFile(tmp_path / "out" / "function.zip").namelist() if "pycache" in name]


@pytest.mark.usefixtures("quick")
def test_build_json_is_as_the_contract_says(onnx_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cli.main([str(onnx_file), "--arch", "arm64", "--out", str(out)])
    said = json.loads((out / "build.json").read_text())
    assert list(said) == [
        *("arch", "python", "layer", "function"),
        *("total_zip_bytes", "total_unzipped_bytes", "model", "packages"),
    ]
    for name in ("layer", "function"):
        data = (out / f"{name}.zip").read_bytes()
        with zipfile.ZipFile(out / f"{name}.zip") as archive:
            unzipped = sum(info.file_size for info in archive.infolist())
        assert said[name] == {"zip_bytes": len(data), "unzipped_bytes": unzipped, "sha256": sha256(data)}
    assert said["total_zip_bytes"] == said["layer"]["zip_bytes"] + said["function"]["zip_bytes"]
    assert said["total_unzipped_bytes"] == said["layer"]["unzipped_bytes"] + said["function"]["unzipped_bytes"]
    with zipfile.ZipFile(out / "function.zip") as archive:
        data = archive.read("model.onnx")
    assert said["model"] == {
        "path": "/var/task/model.onnx", "bytes": len(data), "sha256": sha256(data),
        "source_sha256": sha256(onnx_file.read_bytes()), "task": "detect", "imgsz": [32, 64],
    }  # fmt: skip
    assert said["packages"] == {"onnxruntime": "1.31.1", "numpy": "2.5.5", "pillow": "13.0.0"}
    assert (said["arch"], said["python"]) == ("arm64", "3.13")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.usefixtures("quick")
def test_zips_that_lambda_would_refuse_end_with_1(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sizes, "UNZIPPED_LIMIT", 10_000)
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "out"), "--try", str(SCRIPT)]) == 1
    said = capsys.readouterr()
    assert "Lambda will refuse this" in said.err
    assert "create-function" not in said.out


@pytest.mark.usefixtures("quick")
def test_a_zip_too_large_to_send_is_a_warning(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sizes, "DIRECT_LIMIT", 10)
    monkeypatch.setattr(limits, "DIRECT_LIMIT", 10)
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "Warning: " in said
    assert "aws s3 cp" in said


@pytest.mark.usefixtures("quick")
def test_a_target_that_cannot_run_here_is_built_and_the_trial_refused(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    code = cli.main([str(onnx_file), "--arch", "arm64", "--out", str(tmp_path / "out"), "--try", str(SCRIPT)])
    assert code == 1
    assert "Not tried: the zips are for Linux on arm64" in capsys.readouterr().out
    assert (tmp_path / "out" / "layer.zip").exists()


@pytest.mark.usefixtures("quick")
def test_the_trial_runs_the_zips_on_the_pictures(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []

    def run(out: Path, images: list[Path]) -> int:
        ran.append((out, images))
        return 7

    monkeypatch.setattr(trial, "why_not_runnable", lambda target: None)
    monkeypatch.setattr(trial, "run", run)
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "out"), "--try", str(SCRIPT)]) == 7
    assert ran == [(tmp_path / "out", [SCRIPT])]


def test_without_docker_the_container_build_says_so_and_ends_with_2(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(model, "as_onnx", lambda weights, scratch: weights)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.main([str(onnx_file), "--container", "--out", str(tmp_path / "out")]) == 2
    assert "needs docker, which is not on this machine. Leave out --container" in capsys.readouterr().err


def test_the_container_is_built_for_the_target(tmp_path: Path) -> None:
    words = container.command(Target("arm64", "3.12"), tmp_path)
    for word in ("linux/arm64", "PYTHON=3.12", "ARCH=arm64", f"type=local,dest={tmp_path}", "layer/Dockerfile"):
        assert word in words


def test_everything_that_the_dockerfile_copies_is_there_and_not_ignored() -> None:
    lines = (ROOT / "layer" / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    kept = (ROOT / "layer" / "Dockerfile.dockerignore").read_text().split()
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name.split('/')[0]}" in kept


@pytest.mark.build
def test_two_checkouts_make_the_same_bytes(onnx_file: Path, tmp_path: Path) -> None:
    program = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "from scripts.bundle import cli, model\n"
        "model.as_onnx = lambda weights, scratch: weights\n"
        "sys.exit(cli.main(sys.argv[2:]))"
    )
    made = []
    for name, umask in (("one", 0o022), ("a second checkout", 0o077)):
        checkout = tmp_path / name
        for part in ("layer", "scripts", "function"):
            shutil.copytree(ROOT / part, checkout / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "LICENSE", checkout)
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, str(checkout), str(onnx_file), "--out", str(checkout / "dist")],
            env={**os.environ, "TZ": f"UTC{umask}"}, umask=umask, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        made.append({path.name: sha256(path.read_bytes()) for path in (checkout / "dist").iterdir()})
    assert made[0] == made[1]
    assert made[0].keys() == {"layer.zip", "function.zip", "build.json"}
