from pathlib import Path

import pytest

from scripts.verify import options
from scripts.verify.options import Options


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with dist/, release/ and a file."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "release").mkdir()
    (tmp_path / "model.onnx").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_arguments_dist_is_compared_with_this_checkout(folder: Path) -> None:
    assert options.parse([]) == Options(None, folder / "dist", None)


def test_a_folder_is_compared_with_this_checkout(folder: Path) -> None:
    assert options.parse(["release"]) == Options(None, folder / "release", None)


def test_a_version_is_compared_with_dist_or_the_named_folder(folder: Path) -> None:
    assert options.parse(["v1.0.0"]) == Options("v1.0.0", folder / "dist", None)
    assert options.parse(["v1.0.0", "--dist", "release"]) == Options("v1.0.0", folder / "release", None)


def test_model_is_an_absolute_path(folder: Path) -> None:
    assert options.parse(["--model", "model.onnx"]).model == folder / "model.onnx"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["release", "--dist", "dist"], "--dist must not be used with a folder, got the folder release"),
        (
            ["v1.0.0", "--dist", "model.onnx"],
            "TARGET 'v1.0.0' is not a folder, and --dist must be a folder, got model.onnx",
        ),
        (["--model", "none.pt"], "--model must be a file, got none.pt"),
        (["--model", "release"], "--model must be a file, got release"),
        (["one", "two"], "unrecognized arguments: two"),
    ],
)
def test_a_wrong_command_line_exits_with_2_and_a_message(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        options.parse(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_an_unknown_folder_without_dist_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "dist").rmdir()
    with pytest.raises(SystemExit) as stop:
        options.parse(["downlaods"])
    assert stop.value.code == 2
    assert "TARGET 'downlaods' is not a folder, and there is no folder dist" in capsys.readouterr().err


def test_missing_dist_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "dist").rmdir()
    with pytest.raises(SystemExit) as stop:
        options.parse([])
    assert stop.value.code == 2
    assert "dist must be a folder with zips" in capsys.readouterr().err
