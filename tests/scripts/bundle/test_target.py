"""Python of the runtime that zips are built for, if the command line does not name one."""

from pathlib import Path

import pytest

from layer import build
from layer.targets import DEFAULT_PYTHON
from scripts import pythons
from scripts.bundle import cli, model, target
from tests.support import color_model


def machine(monkeypatch: pytest.MonkeyPatch, present: set[str], can_install: bool = False) -> list[str]:
    """Simulate a machine with these Pythons; return the list of the versions that are to be installed."""
    requested: list[str] = []

    def install(version: str) -> Path | None:
        requested.append(version)
        if can_install:
            present.add(version)
        return Path(version) if can_install else None

    monkeypatch.setattr(pythons, "find", lambda version: Path(version) if version in present else None)
    monkeypatch.setattr(pythons, "install", install)
    return requested


def test_the_default_python_is_taken_where_it_is_present(monkeypatch: pytest.MonkeyPatch) -> None:
    requested = machine(monkeypatch, {"3.11", "3.12", "3.13", "3.14"})
    assert target.choose() == (DEFAULT_PYTHON, "")
    assert requested == []


@pytest.mark.parametrize("present", [set(), {"3.11"}, {"3.12", "3.14"}])
def test_the_default_python_is_installed_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, present: set[str]
) -> None:
    requested = machine(monkeypatch, present, can_install=True)
    assert target.choose() == (DEFAULT_PYTHON, "")
    assert requested == ["3.13"]


@pytest.mark.parametrize(
    ("present", "version"), [({"3.11", "3.12"}, "3.12"), ({"3.14"}, "3.14"), ({"3.12", "3.14"}, "3.14")]
)
def test_without_network_the_newest_python_of_lambda_is_taken_and_one_line_says_what_is_lost(
    monkeypatch: pytest.MonkeyPatch, present: set[str], version: str
) -> None:
    machine(monkeypatch, present)
    chosen = target.choose()
    assert chosen.version == version
    assert "\n" not in chosen.note
    assert f"for the runtime python{version}, and do not run on python3.13. --python " in chosen.note


def test_without_a_python_of_lambda_the_default_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, {"3.11"})
    assert target.choose() == (DEFAULT_PYTHON, "")


@pytest.fixture
def onnx_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a model; the export is skipped, the layer is one small file, and no bytecode is compiled."""
    packages = tmp_path / "packages"
    (packages / "numpy").mkdir(parents=True)
    (packages / "numpy" / "__init__.py").write_text("")
    monkeypatch.setattr(model, "load", lambda weights, *_: model.read(weights))
    monkeypatch.setattr(build, "cached_packages", lambda target, python, store: packages)
    monkeypatch.setattr("layer.bytecode.compile_tree", lambda *_: 0)
    return color_model.save(tmp_path / "a model.onnx", (32, 64), imgsz="[32, 64]")


@pytest.mark.parametrize(
    ("present", "flags", "version", "expected"),
    [
        ({"3.13"}, [], "3.13", ""),
        ({"3.12"}, [], "3.12", "the zips are for the runtime python3.12"),
        ({"3.12"}, ["--python", "python3.14"], "3.14", "Python 3.14 is not on this machine, so the zips "),
        ({"3.11"}, [], "3.13", "Python 3.13 is not on this machine, so the zips have no bytecode"),
    ],
)  # fmt: skip
def test_the_build_says_which_python_it_chose(
    onnx_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    present: set[str],
    flags: list[str],
    version: str,
    expected: str,
) -> None:
    requested = machine(monkeypatch, present)
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "out"), *flags]) == 0
    output = capsys.readouterr().out
    assert f"for x86_64-python{version}\n" in output
    assert expected in output
    assert ("is not on this machine" in output) == bool(expected)
    assert requested == ([] if flags or present == {"3.13"} else ["3.13"])


def test_a_quiet_build_prints_only_the_sizes(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    machine(monkeypatch, {"3.12"})
    assert cli.main([str(onnx_file), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    output = capfd.readouterr()
    first, _, *table = output.out.strip().splitlines()
    assert first == f"{tmp_path / 'out'}: detect model at 32 x 64 for x86_64-python3.12"
    assert (table[0].split(), table[-1].split()[0]) == (["unzipped", "zipped"], "used")
    assert output.err == ""
    assert (tmp_path / "out" / "deploy-commands.md").is_file()
