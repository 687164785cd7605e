"""What `python -m export` answers before it needs torch: help, wrong options, files that cannot be meant."""

import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from export import cli, files, options, venv
from export.errors import UsageError
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is not refused must not replace the process that tests it."""

    def execve(*_: object) -> None:
        raise AssertionError("the command was let in")

    monkeypatch.setattr(os, "execve", execve)


@pytest.fixture
def torch_zip(tmp_path: Path) -> Path:
    """The outline of what torch.save writes: enough to be taken for weights until they are read."""
    path = tmp_path / "best.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("best/data.pkl", pickle.dumps({}))
        archive.writestr("best/data/0", bytes(1000))
    return path


def damaged(path: Path, change: Callable[[bytes], bytes]) -> Path:
    path.write_bytes(change(path.read_bytes()))
    return path


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on stderr of a command that must end with 2."""
    assert cli.main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("export: ")
    return line


def test_a_missing_file_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "does not exist" in refusal(capsys, tmp_path / "none.pt")


def test_a_folder_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
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
def test_a_file_that_is_no_torch_file_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "best.pt"
    path.write_bytes(content)
    assert reason in refusal(capsys, path)


def test_another_zip_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")
    assert "no data.pkl in it" in refusal(capsys, path)


def test_a_truncated_checkpoint_is_refused(capsys: pytest.CaptureFixture[str], torch_zip: Path) -> None:
    assert "is damaged" in refusal(capsys, damaged(torch_zip, lambda content: content[:-30]))


def test_a_flipped_byte_of_a_tensor_is_noticed(capsys: pytest.CaptureFixture[str], torch_zip: Path) -> None:
    at = torch_zip.read_bytes().index(bytes(1000)) + 500
    damaged(torch_zip, lambda content: content[:at] + b"\x01" + content[at + 1 :])
    assert "the checksum of best/data/0 in it is wrong" in refusal(capsys, torch_zip)


def test_a_checkpoint_without_checksums_is_let_in(torch_zip: Path) -> None:
    # torch.serialization.set_crc32_options(False) leaves the checksums zero
    with zipfile.ZipFile(torch_zip) as archive:
        sums = [info.CRC.to_bytes(4, "little") for info in archive.infolist()]
    for one in sums:
        damaged(torch_zip, lambda content, one=one: content.replace(one, bytes(4)))  # type: ignore[misc]
    assert files.kind(torch_zip) == files.TORCH


@pytest.mark.parametrize("side", ["0", "-32", "8193", "x", "640.5", ""])
def test_an_impossible_size_is_refused(capsys: pytest.CaptureFixture[str], torch_zip: Path, side: str) -> None:
    assert "--imgsz" in refusal(capsys, torch_zip, "--imgsz", side)


def test_more_than_two_sides_are_refused(capsys: pytest.CaptureFixture[str], torch_zip: Path) -> None:
    assert "wanted one side, or height and width" in refusal(capsys, torch_zip, "--imgsz", "1", "2", "3")


def test_weights_may_follow_the_size(torch_zip: Path) -> None:
    order = options.parse(["--imgsz", "640", "480", str(torch_zip)])
    assert (order.weights, order.imgsz) == (torch_zip, (640, 480))


@pytest.mark.parametrize("opset", ["10", "21", "x"])
def test_an_opset_that_is_not_written_is_refused(
    capsys: pytest.CaptureFixture[str], torch_zip: Path, opset: str
) -> None:
    assert "wanted a number from 11 to 20" in refusal(capsys, torch_zip, "--opset", opset)


def test_an_unknown_option_is_refused_in_one_line(capsys: pytest.CaptureFixture[str], torch_zip: Path) -> None:
    assert "--dynamic" in refusal(capsys, torch_zip, "--dynamic")


def test_missing_weights_are_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "WEIGHTS are missing" in refusal(capsys)
    assert "WEIGHTS are missing" in refusal(capsys, "--imgsz", "640")


def test_the_output_is_beside_the_weights_by_default(torch_zip: Path) -> None:
    assert options.parse([str(torch_zip)]).output == torch_zip.with_suffix(".onnx")


def test_an_output_folder_that_is_missing_is_refused(
    capsys: pytest.CaptureFixture[str], torch_zip: Path, tmp_path: Path
) -> None:
    assert "mkdir -p" in refusal(capsys, torch_zip, "--output", tmp_path / "no" / "best.onnx")


def test_an_output_that_is_a_folder_is_refused(
    capsys: pytest.CaptureFixture[str], torch_zip: Path, tmp_path: Path
) -> None:
    assert "is a folder" in refusal(capsys, torch_zip, "--output", tmp_path)


def test_an_output_that_is_not_onnx_is_refused(capsys: pytest.CaptureFixture[str], torch_zip: Path) -> None:
    assert "does not end in .onnx" in refusal(capsys, torch_zip, "--output", torch_zip)


def test_an_output_that_is_the_input_is_refused(
    capsys: pytest.CaptureFixture[str], torch_zip: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link.onnx"
    link.symlink_to(torch_zip)
    assert "is the input itself" in refusal(capsys, torch_zip, "--output", link)


def test_an_output_folder_that_may_not_be_written_is_refused(torch_zip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # rights of folders do not stop root
    with pytest.raises(UsageError, match="may not be written"):
        files.check(torch_zip.with_suffix(".onnx"), torch_zip)


@pytest.mark.parametrize(
    "option", [["--static"], ["--imgsz", "640"], ["--opset", "18"], ["--batch", "2"], ["--end2end"]]
)
def test_options_of_the_conversion_are_refused_for_onnx(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: list[str]
) -> None:
    path = tmp_path / "best.onnx"
    path.write_bytes(b"onnx")
    assert "is ONNX already" in refusal(capsys, path, *option)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["--int8"], "--int8 needs pictures"),
        (["--int8", "--half-weights", "--data", "."], "wanted one of them"),
        (["--data", "."], "--data is for --int8 and --half-weights"),
        (["--min-agreement", "0.5"], "--min-agreement is for --int8 and --half-weights"),
        (["--min-agreement", "0"], "--min-agreement is for --int8 and --half-weights"),
        (["--half-weights", "--min-agreement", "1.5"], "wanted a number from 0 to 1"),
        (["--half-weights", "--min-agreement", "nan"], "wanted a number from 0 to 1"),
        (["--half-weights", "--min-agreement", "much"], "wanted a number from 0 to 1"),
        (["--int8", "--data", "/nonexistent"], "--data /nonexistent does not exist"),
        (["--batch", "0"], "wanted a number from 1 to 64"),
        (["--batch", "65"], "wanted a number from 1 to 64"),
        (["--batch", "two"], "wanted a number from 1 to 64"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    capsys: pytest.CaptureFixture[str], torch_zip: Path, given: list[str], reason: str
) -> None:
    assert reason in refusal(capsys, torch_zip, *given)


def test_an_int8_without_enough_pictures_is_refused(
    capsys: pytest.CaptureFixture[str], torch_zip: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.jpg").touch()
    assert "holds 1 pictures" in refusal(capsys, torch_zip, "--int8", "--data", tmp_path)


def test_a_smaller_file_of_an_onnx_needs_a_name_of_its_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "best.onnx"
    path.write_bytes(b"onnx")
    assert "--output names the smaller file" in refusal(capsys, path, "--half-weights")
    assert "--output names the smaller file" in refusal(capsys, path, "--half-weights", "--output", path)
    order = options.parse([str(path), "--half-weights", "--output", str(tmp_path / "small.onnx")])
    assert (order.compression, order.output.name) == (options.HALF, "small.onnx")


def test_a_file_is_put_whole_over_an_older_one(tmp_path: Path) -> None:
    output = tmp_path / "best.onnx"
    output.write_bytes(b"older")
    files.put(b"newer", output)
    assert output.read_bytes() == b"newer"
    assert [path.name for path in tmp_path.iterdir()] == ["best.onnx"]


def test_what_cannot_be_put_leaves_nothing(tmp_path: Path) -> None:
    output = tmp_path / "best.onnx"
    output.mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        files.put(b"content", output)
    assert [path.name for path in tmp_path.iterdir()] == ["best.onnx"]


def test_a_placed_file_has_the_rights_that_the_user_gives_to_new_files(tmp_path: Path) -> None:
    files.put(b"content", tmp_path / "placed.onnx")
    (tmp_path / "plain").touch()
    assert (tmp_path / "placed.onnx").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_python_without_the_export_packages_names_what_it_lacks() -> None:
    code = "from export import venv; print(*venv.missing())"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(ROOT)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"torch", "ultralytics", "onnx", "onnxslim", "onnxruntime"} <= set(done.stdout.split())


def test_an_environment_that_still_lacks_packages_is_not_entered_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(venv.GUARD, "1")
    monkeypatch.setattr(venv, "missing", lambda: ["torch"])
    with pytest.raises(UsageError, match="lacks torch"):
        venv.enter("export", [])


def test_a_failed_set_up_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venv, "missing", lambda: ["torch"])
    monkeypatch.setattr(venv, "ROOT", Path("/nonexistent"))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(UsageError, match="could not be set up"):
        venv.enter("export", [])


def test_every_python_shows_the_help_and_refuses_nonsense(tmp_path: Path) -> None:
    text = tmp_path / "best.pt"
    text.write_text("hello")
    code = "from scripts import environments; [print(one.path) for one in environments.available()]"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    for python in found.stdout.split():  # one of each version from 3.9 on that this machine has
        for argument, wanted in (("--help", 0), (str(text), 2)):
            command = [python, "-B", "-m", "export", argument]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == wanted, (python, done.stderr)
            assert "Traceback" not in done.stderr
