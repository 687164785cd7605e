import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from layer import build, smoke
from layer.targets import Target
from scripts import environments, pythons
from scripts.aws import limits
from scripts.bundle import archives, cli, container, model, options, sizes, trial
from tests.support import color_model

ROOT = Path(__file__).resolve().parent.parent.parent.parent
SCRIPT = ROOT / "scripts" / "build_zip.sh"


@pytest.fixture
def onnx_file(tmp_path: Path) -> Path:
    return color_model.save(tmp_path / "a model.onnx", (32, 64), imgsz="[32, 64]")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Replace the slow steps: no export, and a layer of two small files."""
    packages = tmp_path / "packages"
    for name in ("numpy/__init__.py", "PIL/Image.py"):
        (packages / name).parent.mkdir(parents=True)
        (packages / name).write_text("")
    monkeypatch.setattr(model, "load", lambda weights, *_: model.read(weights))
    monkeypatch.setattr(build, "cached_packages", lambda target, python, store: packages)


def test_without_a_model_the_example_is_built_with_a_smoke_run() -> None:
    parsed = options.parse([])
    assert parsed.model == ROOT / "example" / "best.pt"
    assert (parsed.target, parsed.smoke_inputs, parsed.is_example) == (Target("x86_64", "3.13"), [], True)


def test_a_model_has_a_smoke_run_only_with_try() -> None:
    assert options.parse(["a.pt"]).smoke_inputs is None
    assert options.parse(["a.pt", "--try"]).smoke_inputs == []
    assert options.parse(["a.pt", "--try", str(SCRIPT)]).smoke_inputs == [SCRIPT]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arch", "arm"], "invalid choice: 'arm'"),
        (["--python", "3.11"], "invalid choice: '3.11'"),
        (["--try", "nowhere.jpg"], "--try must be files, got nowhere.jpg, which does not exist"),
        (["--try", str(ROOT)], f"--try must be files, got {ROOT}, a folder"),
        (["--try", "best.pt"], "got the model best.pt; name it before --try"),
        (["--out", str(SCRIPT)], f"--out must be a folder, got the file {SCRIPT}"),
    ],
)
def test_a_wrong_command_line_exits_with_2_and_a_message(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "message"),
    [("none.pt", "does not exist"), ("model.tflite", "neither a .pt nor a .onnx"), (".", "neither")],
)
def test_an_unusable_model_exits_with_2_and_one_line(
    name: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(tmp_path / name), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "out").exists()


def test_an_onnx_file_without_metadata_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(smoke.model())
    with pytest.raises(model.ModelRejected, match=r"has no names, stride in its metadata; .* writes them"):
        model.read(tmp_path / "a.onnx")


def test_a_file_that_is_not_onnx_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"not a model")
    with pytest.raises(model.ModelRejected, match="is not ONNX"):
        model.read(tmp_path / "a.onnx")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("flags", "model_zip"), [([], "function.zip"), (["--model-in-layer"], "layer.zip")])
def test_the_contents_of_the_zips(onnx_file: Path, tmp_path: Path, flags: list[str], model_zip: str) -> None:
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "my out"), *flags]) == 0
    contents = {name: zipfile.ZipFile(tmp_path / "my out" / name).namelist() for name in ("layer.zip", "function.zip")}
    assert {name for name, listed in contents.items() if "model.onnx" in listed} == {model_zip}
    assert {"LICENSE", "function/handler.py", "function/__init__.py"} <= set(contents["function.zip"])
    page = {f"function/page/{path.name}" for path in (ROOT / "function" / "page").glob("*.*")}
    assert page <= set(contents["function.zip"])
    assert {"function/page/index.html", "function/page/page.css", "function/page/sample.jpg"} <= page
    assert {"function/draw/glyphs.json", "function/draw/LICENSE-DejaVu.txt"} <= set(contents["function.zip"])
    assert {name.split("/")[0] for name in contents["function.zip"]} <= {"LICENSE", "function", "model.onnx"}
    assert {name.split("/")[0] for name in contents["layer.zip"]} <= {"python", "model.onnx"}


@pytest.mark.usefixtures("quick")
def test_the_function_is_compiled_for_the_target(onnx_file: Path, tmp_path: Path) -> None:
    if not pythons.find("3.13"):
        pytest.skip("Python 3.13 is not on this machine")
    cli.main([str(onnx_file), "--out", str(tmp_path / "out")])
    with zipfile.ZipFile(tmp_path / "out" / "function.zip") as archive:
        names = set(archive.namelist())
        for name in [name for name in names if name.endswith(".py")]:
            folder, _, module = name.removesuffix(".py").rpartition("/")
            compiled = f"{folder}/__pycache__/{module}.cpython-313.pyc"
            assert archive.read(compiled)[4:8] == b"\x01\0\0\0"  # unchecked hash, PEP 552
            assert f"/var/task/{name}".encode() in archive.read(compiled)


def test_the_staged_function_has_the_version_of_pyproject(tmp_path: Path) -> None:
    python = pythons.find(".".join(map(str, sys.version_info[:2])))
    assert python
    archives.stage_function(tmp_path, python)
    (tmp_path / "function" / "__init__.py").unlink()  # so that the bytecode alone is read
    compiled = next((tmp_path / "function" / "__pycache__").glob("__init__.*.pyc"))
    compiled.rename(tmp_path / "function" / "__init__.pyc")
    program = "import function; print(function.VERSION)"
    done = subprocess.run([str(python), "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"{environments.project_version()}\n"


@pytest.mark.parametrize("text", ["", 'VERSION = "0+source"\nVERSION = "0+source"\n', 'VERSION = "1.0"\n'])
def test_staging_requires_the_version_line_exactly_once(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "checkout" / "function").mkdir(parents=True)
    (tmp_path / "checkout" / "function" / "__init__.py").write_text(text)
    monkeypatch.setattr(archives, "ROOT", tmp_path / "checkout")
    with pytest.raises(archives.VersionLineMissing, match="must have the line"):
        archives.stage_function(tmp_path / "staged", None)


@pytest.mark.usefixtures("quick")
def test_without_the_targets_python_the_zips_are_built_with_a_warning(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pythons, "find", lambda version: None)
    assert cli.main([str(onnx_file), "--python", "3.14", "--out", str(tmp_path / "out")]) == 0
    assert "uv python install 3.14" in capsys.readouterr().out
    assert not [name for name in zipfile.ZipFile(tmp_path / "out" / "function.zip").namelist() if "pycache" in name]


@pytest.mark.usefixtures("quick")
def test_build_json_has_the_documented_fields(onnx_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cli.main([str(onnx_file), "--arch", "arm64", "--out", str(out)])
    manifest = json.loads((out / "build.json").read_text())
    assert list(manifest) == [
        *("arch", "python", "layer", "function"),
        *("total_zip_bytes", "total_unzipped_bytes", "model", "packages", "sbom", "version"),
    ]
    for name in ("layer", "function"):
        data = (out / f"{name}.zip").read_bytes()
        with zipfile.ZipFile(out / f"{name}.zip") as archive:
            unzipped = sum(info.file_size for info in archive.infolist())
        assert manifest[name] == {"zip_bytes": len(data), "unzipped_bytes": unzipped, "sha256": sha256(data)}
    assert manifest["total_zip_bytes"] == manifest["layer"]["zip_bytes"] + manifest["function"]["zip_bytes"]
    assert (
        manifest["total_unzipped_bytes"] == manifest["layer"]["unzipped_bytes"] + manifest["function"]["unzipped_bytes"]
    )
    with zipfile.ZipFile(out / "function.zip") as archive:
        data = archive.read("model.onnx")
    assert manifest["model"] == {
        "path": "/var/task/model.onnx", "bytes": len(data), "sha256": sha256(data),
        "source_sha256": sha256(onnx_file.read_bytes()), "task": "detect", "imgsz": [32, 64],
        "is_rectangular": False, "stride": 32, "is_end2end": False, "names": ["red", "blue"],
    }  # fmt: skip
    assert manifest["packages"] == {
        "onnxruntime": "1.31.1",
        "numpy": "2.5.5",
        "pillow": "13.0.0",
        "python-multipart": "0.0.34",
    }
    assert (manifest["arch"], manifest["python"]) == ("arm64", "3.13")
    assert manifest["sbom"] == {"sha256": sha256((out / "sbom.cdx.json").read_bytes())}
    assert manifest["version"] == environments.project_version()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.usefixtures("quick")
def test_zips_above_the_limit_exit_with_1(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sizes, "UNZIPPED_LIMIT", 10_000)
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "out"), "--try", str(SCRIPT)]) == 1
    output = capsys.readouterr()
    assert "Lambda would reject these zips" in output.err
    assert output.err.splitlines()[-1].startswith("build_zip: Lambda would reject these zips: unzipped size must be ")
    assert not (tmp_path / "out" / "deploy-commands.md").exists()


@pytest.mark.usefixtures("quick")
def test_a_zip_too_large_to_send_is_a_note_and_goes_through_a_bucket(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sizes, "DIRECT_LIMIT", 10)
    monkeypatch.setattr(limits, "DIRECT_LIMIT", 10)
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "out")]) == 0
    output = capsys.readouterr().out
    assert "\nNote: layer.zip has " in output and "deploy with --bucket BUCKET" in output
    assert "Next: scripts/deploy.sh --create-role --dist " in output and " --bucket BUCKET\n" in output
    assert "aws s3 cp" in (tmp_path / "out" / "deploy-commands.md").read_text()


@pytest.mark.usefixtures("quick")
def test_a_target_that_cannot_run_here_is_built_and_the_smoke_run_fails(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    code = cli.main([str(onnx_file), "--arch", "arm64", "--out", str(tmp_path / "out"), "--try", str(SCRIPT)])
    assert code == 1
    output = capsys.readouterr()
    assert output.err.splitlines()[-1].startswith(
        "build_zip: the zips are built, but no smoke run was possible: the zips are for arm64, this machine is x86_64"
    )
    assert "\nNext: scripts/deploy.sh " in output.out
    assert (tmp_path / "out" / "layer.zip").exists()


@pytest.mark.usefixtures("quick")
def test_the_smoke_run_invokes_the_zips_with_the_images(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def run(out: Path, images: list[Path], is_quiet: bool, imgsz: str | None) -> int:
        calls.append((out, images, imgsz))
        return 7

    monkeypatch.setattr(trial, "why_not_runnable", lambda target: None)
    monkeypatch.setattr(trial, "run", run)
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "out"), "--try", str(SCRIPT)]) == 7
    assert calls == [(tmp_path / "out", [SCRIPT], None)]


def test_a_container_build_without_docker_exits_with_2(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(model, "load", lambda weights, *_: model.read(weights))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.main([str(onnx_file), "--container", "--out", str(tmp_path / "out")]) == 2
    assert "needs docker, which is not on this machine. Leave out --container" in capsys.readouterr().err


def test_the_container_is_built_for_the_target(tmp_path: Path) -> None:
    arguments = container.command(Target("arm64", "3.12"), tmp_path / "staged", tmp_path)
    for argument in ("linux/arm64", "PYTHON=3.12", "ARCH=arm64", f"type=local,dest={tmp_path}", "layer/Dockerfile"):
        assert argument in arguments
    assert arguments[arguments.index("--build-context") + 1] == f"staged={tmp_path / 'staged'}"


def test_the_files_that_the_dockerfile_copies_exist_and_are_not_ignored() -> None:
    lines = (ROOT / "layer" / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    kept = (ROOT / "layer" / "Dockerfile.dockerignore").read_text().split()
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name.split('/')[0]}" in kept


@pytest.mark.build
def test_two_checkouts_build_the_same_bytes(onnx_file: Path, tmp_path: Path) -> None:
    program = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "from scripts.bundle import cli, model\n"
        "model.load = lambda weights, *_: model.read(weights)\n"
        "sys.exit(cli.main(sys.argv[2:]))"
    )
    digests = []
    for name, umask in (("one", 0o022), ("a second checkout", 0o077)):
        checkout = tmp_path / name
        for part in ("layer", "scripts", "function", "export"):
            shutil.copytree(ROOT / part, checkout / part, ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("LICENSE", "pyproject.toml"):
            shutil.copy(ROOT / file, checkout)
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, str(checkout), str(onnx_file), "--out", str(checkout / "dist")],
            env={**os.environ, "TZ": f"UTC{umask}"}, umask=umask, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        digests.append({path.name: sha256(path.read_bytes()) for path in (checkout / "dist").iterdir()})
        assert str(checkout / "dist") in (checkout / "dist" / "deploy-commands.md").read_text()
        del digests[-1]["deploy-commands.md"]  # has the paths of the zips
    assert digests[0] == digests[1]
    assert digests[0].keys() == {"layer.zip", "function.zip", "build.json", "sbom.cdx.json"}
