"""Errors and output of `python -m export` before it needs torch: help, wrong options, unusable files."""

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from export import cli, files, options, venv
from export.errors import UsageError, VerificationError
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def no_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if a command is not refused: it would replace the process of the tests."""

    def execve(*_: object) -> None:
        raise AssertionError("the command was not refused")

    monkeypatch.setattr(os, "execve", execve)


@pytest.fixture
def torch_zip(tmp_path: Path) -> Path:
    """Return a zip with the members that torch.save writes: enough until the weights are loaded."""
    path = tmp_path / "best.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("best/data.pkl", pickle.dumps({}))
        archive.writestr("best/data/0", bytes(1000))
    return path


def damaged(path: Path, change: Callable[[bytes], bytes]) -> Path:
    path.write_bytes(change(path.read_bytes()))
    return path


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Return the only line on stderr of a command whose exit code must be 2."""
    assert cli.main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("export: ")
    return line


def test_missing_file_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "does not exist" in refusal(capsys, tmp_path / "none.pt")


def test_folder_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "is a folder" in refusal(capsys, tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"weights go here\n", "it begins with 'weights go here'"),
        (bytes(range(7, 200)), "is not a torch file"),
        (pickle.dumps({"model": 1}), "is a pickle, but not one of torch"),
        (b"PK\x03\x04" + bytes(100), "is damaged"),
    ],
)
def test_file_that_is_no_torch_file_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "best.pt"
    path.write_bytes(content)
    assert reason in refusal(capsys, path)


def test_zip_that_is_not_of_torch_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")
    assert "no data.pkl in it" in refusal(capsys, path)


def test_truncated_checkpoint_is_refused(capsys: pytest.CaptureFixture[str], torch_zip: Path) -> None:
    assert "is damaged" in refusal(capsys, damaged(torch_zip, lambda content: content[:-30]))


def test_changed_byte_of_a_tensor_is_noticed(capsys: pytest.CaptureFixture[str], torch_zip: Path) -> None:
    at = torch_zip.read_bytes().index(bytes(1000)) + 500
    damaged(torch_zip, lambda content: content[:at] + b"\x01" + content[at + 1 :])
    assert "the checksum of best/data/0 in it is wrong" in refusal(capsys, torch_zip)


def test_checkpoint_without_checksums_is_accepted(torch_zip: Path) -> None:
    # torch.serialization.set_crc32_options(False) leaves the checksums zero
    with zipfile.ZipFile(torch_zip) as archive:
        sums = [info.CRC.to_bytes(4, "little") for info in archive.infolist()]
    for checksum in sums:
        damaged(torch_zip, lambda content, checksum=checksum: content.replace(checksum, bytes(4)))  # type: ignore[misc]
    assert files.kind(torch_zip) == files.TORCH


@pytest.mark.parametrize("side", ["0", "-32", "8193", "x", "640.5", ""])
def test_impossible_size_is_refused(capsys: pytest.CaptureFixture[str], torch_zip: Path, side: str) -> None:
    assert "--imgsz" in refusal(capsys, torch_zip, "--imgsz", side)


def test_more_than_two_sides_are_refused(capsys: pytest.CaptureFixture[str], torch_zip: Path) -> None:
    assert "--imgsz must be one side, or height and width, got 1 2 3" in refusal(
        capsys, torch_zip, "--imgsz", "1", "2", "3"
    )


def test_weights_may_follow_the_size(torch_zip: Path) -> None:
    parsed = options.parse(["--imgsz", "640", "480", str(torch_zip)])
    assert (parsed.weights, parsed.imgsz) == (torch_zip, (640, 480))


@pytest.mark.parametrize("opset", ["10", "21", "x"])
def test_unsupported_opset_is_refused(capsys: pytest.CaptureFixture[str], torch_zip: Path, opset: str) -> None:
    assert f"opset must be between 11 and 20, got {opset!r}" in refusal(capsys, torch_zip, "--opset", opset)


def test_unknown_option_is_refused_in_one_line(capsys: pytest.CaptureFixture[str], torch_zip: Path) -> None:
    assert "--dynamic" in refusal(capsys, torch_zip, "--dynamic")


def test_missing_weights_are_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "WEIGHTS are missing" in refusal(capsys)
    assert "WEIGHTS are missing" in refusal(capsys, "--imgsz", "640")


def test_output_is_in_the_folder_of_the_weights_by_default(torch_zip: Path) -> None:
    assert options.parse([str(torch_zip)]).output == torch_zip.with_suffix(".onnx")


def test_output_in_a_missing_folder_is_refused(
    capsys: pytest.CaptureFixture[str], torch_zip: Path, tmp_path: Path
) -> None:
    assert "mkdir -p" in refusal(capsys, torch_zip, "--output", tmp_path / "no" / "best.onnx")


def test_output_that_is_a_folder_is_refused(
    capsys: pytest.CaptureFixture[str], torch_zip: Path, tmp_path: Path
) -> None:
    assert f"got the folder {tmp_path}" in refusal(capsys, torch_zip, "--output", tmp_path)


def test_output_that_is_not_onnx_is_refused(capsys: pytest.CaptureFixture[str], torch_zip: Path) -> None:
    assert "--out must end in .onnx" in refusal(capsys, torch_zip, "--output", torch_zip)


def test_output_that_is_the_input_is_refused(
    capsys: pytest.CaptureFixture[str], torch_zip: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link.onnx"
    link.symlink_to(torch_zip)
    assert "--out must differ from the input" in refusal(capsys, torch_zip, "--output", link)


def test_output_in_a_folder_without_write_permission_is_refused(
    torch_zip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # permissions of folders do not stop root
    with pytest.raises(UsageError, match="that this user can write"):
        files.check_output(torch_zip.with_suffix(".onnx"), torch_zip)


@pytest.mark.parametrize(
    "option", [["--static"], ["--imgsz", "640"], ["--opset", "18"], ["--batch", "2"], ["--end2end"]]
)
def test_conversion_options_are_refused_for_onnx(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: list[str]
) -> None:
    path = tmp_path / "best.onnx"
    path.write_bytes(b"onnx")
    assert "is already ONNX" in refusal(capsys, path, *option)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--int8"], "--int8 needs images"),
        (["--int8", "--half-weights", "--data", "."], "cannot be combined"),
        (["--data", "."], "--data needs --int8 or --half-weights"),
        (["--min-agreement", "0.5"], "--min-agreement needs --int8 or --half-weights"),
        (["--min-agreement", "0"], "--min-agreement needs --int8 or --half-weights"),
        (["--half-weights", "--min-agreement", "1.5"], "must be between 0 and 1, got"),
        (["--half-weights", "--min-agreement", "nan"], "must be between 0 and 1, got"),
        (["--half-weights", "--min-agreement", "much"], "must be between 0 and 1, got"),
        (
            ["--int8", "--data", "/nonexistent"],
            "--data must be a folder of images, got /nonexistent, which does not exist",
        ),
        (["--batch", "0"], "batch must be between 1 and 64, got"),
        (["--batch", "65"], "batch must be between 1 and 64, got"),
        (["--batch", "two"], "batch must be between 1 and 64, got"),
    ],
)
def test_wrong_values_and_combinations_of_options_are_refused(
    capsys: pytest.CaptureFixture[str], torch_zip: Path, arguments: list[str], reason: str
) -> None:
    assert reason in refusal(capsys, torch_zip, *arguments)


def test_int8_without_enough_images_is_refused(
    capsys: pytest.CaptureFixture[str], torch_zip: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.jpg").touch()
    assert "--data must hold at least 8 images" in refusal(capsys, torch_zip, "--int8", "--data", tmp_path)


def test_compressed_model_of_an_onnx_needs_its_own_output(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "best.onnx"
    path.write_bytes(b"onnx")
    assert "--out must name the compressed model" in refusal(capsys, path, "--half-weights")
    assert "--out must name the compressed model" in refusal(capsys, path, "--half-weights", "--output", path)
    parsed = options.parse([str(path), "--half-weights", "--output", str(tmp_path / "small.onnx")])
    assert (parsed.compression, parsed.output.name) == (options.FLOAT16, "small.onnx")


def test_file_replaces_an_older_one_atomically(tmp_path: Path) -> None:
    output = tmp_path / "best.onnx"
    output.write_bytes(b"older")
    files.write(b"newer", output)
    assert output.read_bytes() == b"newer"
    assert [path.name for path in tmp_path.iterdir()] == ["best.onnx"]


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    output = tmp_path / "best.onnx"
    output.mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        files.write(b"content", output)
    assert [path.name for path in tmp_path.iterdir()] == ["best.onnx"]


def test_written_file_has_the_permissions_of_other_new_files(tmp_path: Path) -> None:
    files.write(b"content", tmp_path / "written.onnx")
    (tmp_path / "plain").touch()
    assert (tmp_path / "written.onnx").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_missing_packages_are_named() -> None:
    code = "from export import venv; print(*venv.missing())"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(ROOT)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"torch", "ultralytics", "onnx", "onnxslim", "onnxruntime"} <= set(done.stdout.split())


def test_environment_that_still_lacks_packages_is_not_entered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(venv.GUARD, "1")
    monkeypatch.setattr(venv, "missing", lambda environment: ["torch"])
    with pytest.raises(UsageError, match="lacks torch"):
        venv.enter("export", [])


def test_failed_setup_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venv, "missing", lambda environment: ["torch"])
    monkeypatch.setattr(venv, "ROOT", Path("/nonexistent"))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(UsageError, match="could not be set up"):
        venv.enter("export", [])


@pytest.mark.parametrize("arguments", [[], ["--half-weights", "-o", "small.onnx"]])
@pytest.mark.parametrize(("name", "environment"), [("best.pt", "export"), ("best.onnx", "build")])
def test_only_weights_need_the_environment_with_torch(
    name: str,
    environment: str,
    arguments: list[str],
    torch_zip: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    entered: list[str] = []

    def enter(module: str, arguments: list[str], environment: str) -> None:
        entered.append(environment)
        raise UsageError("stop")

    monkeypatch.setattr(venv, "enter", enter)
    monkeypatch.chdir(torch_zip.parent)
    (torch_zip.parent / "best.onnx").write_bytes(b"onnx")
    assert refusal(capsys, torch_zip.parent / name, *arguments) == "export: stop"
    assert entered == [environment]


def test_quiet_check_of_an_onnx_prints_nothing(capsys: pytest.CaptureFixture[str], model_path: Path) -> None:
    if venv.missing("build"):
        pytest.skip("this Python lacks packages of the environment build")
    assert cli.main([str(model_path), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert cli.main([str(model_path)]) == 0
    assert "next" in capsys.readouterr().out


def test_every_python_shows_help_and_version_and_refuses_a_text_file(tmp_path: Path) -> None:
    text = tmp_path / "best.pt"
    text.write_text("hello")
    code = "from scripts import pythons; [print(found.path) for found in pythons.available()]"
    listed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    for python in listed.stdout.split():  # one of each version from 3.9 on that this machine has
        for argument, expected in (("--help", 0), ("--version", 0), (str(text), 2)):
            command = [python, "-B", "-m", "export", argument]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == expected, (python, done.stderr)
            assert "Traceback" not in done.stderr


def test_report_in_a_missing_folder_is_refused(
    capsys: pytest.CaptureFixture[str], torch_zip: Path, tmp_path: Path
) -> None:
    assert "--json must be in a folder that exists" in refusal(
        capsys, torch_zip, "--json", tmp_path / "no" / "report.json"
    )


def test_error_after_the_command_line_is_in_the_report(
    capsys: pytest.CaptureFixture[str], torch_zip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def enter(*_: object) -> None:
        raise VerificationError("it differs", {"images": [{"ratio": float("nan")}]})

    monkeypatch.setattr(venv, "enter", enter)
    report = tmp_path / "report.json"
    assert cli.main([str(torch_zip), "--json", str(report)]) == 1
    assert capsys.readouterr().err == "export: it differs\n"
    assert json.loads(report.read_text()) == {"exit_code": 1, "error": "it differs", "images": [{"ratio": None}]}
