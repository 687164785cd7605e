"""Smoke run of the zips: what it leaves in the folder `try`."""

import platform
from pathlib import Path

import pytest

from layer import build
from scripts.bundle import cli, model, trial
from tests.support import color_model


def folder_with(path: Path, *names: str) -> list[Path]:
    """Write files into a folder and return them."""
    path.mkdir(parents=True, exist_ok=True)
    files = [path / name for name in names]
    for file in files:
        file.write_text("of an earlier run")
    return files


def names_in(path: Path) -> set[str]:
    return {file.name for file in path.iterdir()}


@pytest.fixture
def onnx_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a model; the export is skipped, and the layer is one small file."""
    packages = tmp_path / "packages"
    (packages / "numpy").mkdir(parents=True)
    (packages / "numpy" / "__init__.py").write_text("")
    monkeypatch.setattr(model, "load", lambda weights, *_: model.read(weights))
    monkeypatch.setattr(build, "cached_packages", lambda target, python, store: packages)
    return color_model.save(tmp_path / "a model.onnx", (32, 64), imgsz="[32, 64]")


def test_files_of_an_earlier_run_are_deleted(tmp_path: Path) -> None:
    folder_with(tmp_path / "try", "a.jpg", "a-2.jpg", "request.json")
    trial.remove_old_files(tmp_path, keep=[])
    assert names_in(tmp_path / "try") == set()


def test_inputs_of_the_run_and_files_of_other_kinds_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, request, *_ = folder_with(tmp_path / "try", "a.jpg", "request.json", "b.jpg", "notes.txt", "c.png")
    (tmp_path / "try" / "folder.jpg").mkdir()
    monkeypatch.chdir(tmp_path)
    trial.remove_old_files(tmp_path, keep=[image.relative_to(tmp_path), tmp_path / "try" / ".." / "try" / request.name])
    assert names_in(tmp_path / "try") == {"a.jpg", "request.json", "notes.txt", "c.png", "folder.jpg"}


def test_without_an_earlier_run_nothing_is_deleted(tmp_path: Path) -> None:
    trial.remove_old_files(tmp_path, keep=[])
    assert names_in(tmp_path) == set()


def test_smoke_run_starts_without_the_images_of_an_earlier_run(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    folder_with(out / "try", "old.jpg")
    (image,) = folder_with(tmp_path, "new.png")
    before: list[set[str]] = []

    def run(out: Path, images: list[Path], is_quiet: bool, imgsz: str | None) -> int:
        before.append(names_in(out / "try"))
        folder_with(out / "try", *(f"{path.stem}.jpg" for path in images))
        return 0

    monkeypatch.setattr(trial, "why_not_runnable", lambda target: None)
    monkeypatch.setattr(trial, "run", run)
    assert cli.main([str(onnx_file), "--out", str(out), "--try", str(image)]) == 0
    assert (before, names_in(out / "try")) == ([set()], {"new.jpg"})
    end = capsys.readouterr().out.split("\n\n")[-2:]
    assert end[0] == f"Images with the boxes from the zips: {out / 'try'}"
    assert end[1].splitlines()[0].startswith("Next: scripts/deploy.sh ")


def test_zips_that_cannot_run_here_leave_no_images_of_an_earlier_run(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    out = tmp_path / "out"
    folder_with(out / "try", "old.jpg")
    (image,) = folder_with(tmp_path, "new.png")
    assert cli.main([str(onnx_file), "--arch", "arm64", "--out", str(out), "--try", str(image)]) == 1
    assert names_in(out / "try") == set()
    assert "Images with the boxes" not in capsys.readouterr().out


def test_build_without_a_smoke_run_keeps_the_folder(onnx_file: Path, tmp_path: Path) -> None:
    folder_with(tmp_path / "out" / "try", "old.jpg")
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "out")]) == 0
    assert names_in(tmp_path / "out" / "try") == {"old.jpg"}


@pytest.mark.parametrize(
    ("step", "when"),
    [
        ("why_not_runnable", "after the zips were built; the smoke run is not finished"),
        ("build", "before the new zips were complete; "),
    ],
)
def test_interruption_says_whether_the_zips_were_built(
    onnx_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    step: str,
    when: str,
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    owner, name = (build, "cached_packages") if step == "build" else (trial, step)
    monkeypatch.setattr(owner, name, interrupt)
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "out"), "--try"]) == 130
    assert f"interrupted {when}" in capsys.readouterr().err


def test_the_reason_of_a_failed_run_comes_last_and_no_next_steps_follow(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (image,) = folder_with(tmp_path, "new.png")
    monkeypatch.setattr(trial, "why_not_runnable", lambda target: None)
    monkeypatch.setattr(trial, "run", lambda out, images, is_quiet, imgsz: 1)
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "out"), "--try", str(image)]) == 1
    output = capsys.readouterr()
    assert output.err.splitlines()[-1].startswith(
        "build_zip: the zips are built, but their run on this machine failed;"
    )
    assert "Next: " not in output.out


@pytest.mark.parametrize(("code", "printed"), [(0, ""), (1, "  415 UnsupportedImage: broken\nlog\n")])
def test_a_quiet_run_prints_only_if_it_fails(
    code: int, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "bin" / "python3"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '  415 UnsupportedImage: broken'\necho log >&2\nexit {code}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    assert trial.run(tmp_path, [tmp_path / "a.jpg"], is_quiet=True) == code
    assert capfd.readouterr() == ("", printed)
