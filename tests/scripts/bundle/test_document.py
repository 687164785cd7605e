"""`scripts/build_zip.sh --json`: one document on stdout in every case, and the progress on stderr."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from export.model_info import ModelInfo
from layer import build
from scripts.bundle import cli, model, sizes, trial
from scripts.bundle.model import ModelRejected
from tests.support import color_model

REPORT = {"exit_code": 0, "error": None, "images": [{"name": "a", "verdict": "ok"}]}  # of the export
TRIED = {"init_ms": 1.5, "invocations": [{"name": "a.png", "invoke_ms": 2.5, "response": {}, "error": None}]}


@pytest.fixture
def onnx_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a model; the export only writes its report, and the layer is one small file."""
    packages = tmp_path / "packages"
    (packages / "numpy").mkdir(parents=True)
    (packages / "numpy" / "__init__.py").write_text("")

    def load(weights: Path, scratch: Path, options: object, output: str, report: Path | None) -> ModelInfo:
        if report:
            report.write_text(json.dumps(REPORT))
        return model.read(weights)

    monkeypatch.setattr(model, "load", load)
    monkeypatch.setattr(build, "cached_packages", lambda target, python, store: packages)
    monkeypatch.setattr(trial, "why_not_runnable", lambda target: None)
    return color_model.save(tmp_path / "a model.onnx", (32, 64), imgsz="[32, 64]")


def document(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    """Return the document on stdout, and stderr."""
    printed = capsys.readouterr()
    decoded: dict[str, Any] = json.loads(printed.out)
    return decoded, printed.err


def test_document_describes_the_zips(onnx_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert cli.main([str(onnx_file), "--out", str(out), "--json"]) == 0
    fields, progress = document(capsys)
    assert (fields["exit_code"], fields["error"], fields["trial"]) == (0, None, None)
    assert fields["build"] == json.loads((out / "build.json").read_text())
    assert fields["limits"] == {"unzipped_bytes": 262_144_000, "direct_upload_bytes": 52_428_800}
    assert fields["export"] == REPORT
    names = ["layer.zip", "function.zip", "build.json", "sbom.cdx.json", "deploy-commands.md"]
    assert fields["files"] == [str(out / name) for name in names]
    assert "detect model at 32 x 64" in progress and "Next: scripts/deploy.sh" in progress


def test_sizes_of_the_packages_add_up_to_those_of_the_zips(
    onnx_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "out"), "--json", "--quiet"]) == 0
    fields, _ = document(capsys)
    assert set(fields["sizes"]["function.zip"]) == {"model", "function", "(zip directory)"}
    for name, packages in fields["sizes"].items():
        path = tmp_path / "out" / name
        assert sum(size["zip_bytes"] for size in packages.values()) == path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            unzipped = sum(info.file_size for info in archive.infolist())
        assert sum(size["unzipped_bytes"] for size in packages.values()) == unzipped


@pytest.mark.parametrize("code", [0, 1])
def test_document_has_the_run_of_the_zips(
    code: int, onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stand-in for `python3` prints the document of invoke_local.py and writes an image."""
    program = tmp_path / "bin" / "python3"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\nprintf '%s' '{json.dumps(TRIED)}'\necho log >&2\n: > '{tmp_path}/out/try/a.jpg'\nexit {code}\n"
    )
    program.chmod(0o755)
    (tmp_path / "out" / "try").mkdir(parents=True)
    (tmp_path / "a.png").write_text("")
    arguments = [str(onnx_file), "--out", str(tmp_path / "out"), "--try", str(tmp_path / "a.png"), "--json"]
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    assert cli.main(arguments) == code
    fields, errors = document(capsys)
    assert (fields["exit_code"], fields["trial"], fields["files"][-1]) == (code, TRIED, f"{tmp_path}/out/try/a.jpg")
    assert (fields["error"] is not None) == bool(code)
    assert ("Next: " in errors) == (not code)


def test_zips_that_did_not_start_have_no_run(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trial, "why_not_runnable", lambda target: "this machine is another one")
    (tmp_path / "a.png").write_text("")
    arguments = [str(onnx_file), "--out", str(tmp_path / "out"), "--try", str(tmp_path / "a.png"), "--json"]
    assert cli.main(arguments) == 1
    fields, _ = document(capsys)
    assert (fields["trial"], fields["build"]["arch"]) == (None, "x86_64")
    assert fields["error"] == "the zips are built, but no smoke run was possible: this machine is another one"


def test_document_of_a_rejected_model_has_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([str(tmp_path / "none.pt"), "--out", str(tmp_path / "out"), "--json"]) == 2
    fields, errors = document(capsys)
    assert (fields["exit_code"], fields["build"], fields["export"], fields["files"]) == (2, None, None, [])
    assert errors == f"build_zip: {fields['error']}\n"


def test_document_of_a_failed_export_has_its_report_and_reason(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(weights: Path, scratch: Path, options: object, output: str, report: Path) -> ModelInfo:
        report.write_text(json.dumps({"exit_code": 1, "error": "the boxes differ"}))
        raise ModelRejected("", 1)  # the export has printed the reason

    monkeypatch.setattr(model, "load", load)
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "out"), "--json"]) == 1
    fields, _ = document(capsys)
    assert (fields["error"], fields["export"]["exit_code"], fields["build"]) == ("the boxes differ", 1, None)


def test_document_of_zips_above_a_limit_has_their_sizes(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sizes, "UNZIPPED_LIMIT", 1)
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "out"), "--json"]) == 1
    fields, _ = document(capsys)
    assert fields["error"].startswith("Lambda would reject these zips: unzipped size must be at most")
    assert fields["build"]["total_unzipped_bytes"] > 1


def test_export_writes_a_report_and_nothing_to_stdout(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    weights = color_model.save(tmp_path / "a model.onnx", (32, 64), imgsz="[32, 64]")
    model.run_export(weights, None, [], "", tmp_path / "report.json", needs_torch=False)
    printed = capfd.readouterr()
    assert (printed.out, "imgsz" in printed.err) == ("", True)
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["exit_code"], report["model"]["imgsz"]) == (0, [32, 64])
