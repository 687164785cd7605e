"""Search for the Pythons of this machine, and the installation of a missing one with a stand-in for uv."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import home, pythons

OWN = ".".join(map(str, sys.version_info[:2]))
BASE = Path(getattr(sys, "_base_executable", sys.executable)).resolve()


@pytest.fixture
def only_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Simulate a machine that has only one folder on the PATH."""
    for name in ("PYENV_ROOT", "XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "home"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    pythons.find.cache_clear()
    pythons.install.cache_clear()
    yield tmp_path / "bin"
    pythons.find.cache_clear()
    pythons.install.cache_clear()


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def uv_stand_in(folder: Path, text: str) -> Path:
    """Write a `uv` that logs its `python install` calls and runs `text` for them; it finds no Python."""
    log = folder / "uv.log"
    script(
        folder / "uv",
        f'[ "$2" = find ] && exit 1\necho "$UV_PYTHON_INSTALL_DIR $UV_PYTHON_INSTALL_BIN $@" >> {log}\n{text}',
    )
    return log


INSTALLS = (
    'd="$UV_PYTHON_INSTALL_DIR/cpython-{version}.7-linux-x86_64-gnu/bin"; /bin/mkdir -p "$d"; '
    '/bin/ln -s {python} "$d/python{version}"'
)


def test_no_python_is_available_without_candidates(only_path: Path) -> None:
    assert pythons.available() == []


def test_a_symlink_on_the_path_is_resolved(only_path: Path) -> None:
    (only_path / f"python{OWN}").symlink_to(sys.executable)
    assert pythons.find(OWN) == BASE
    assert pythons.available() == [pythons.Interpreter(OWN, BASE)]


def test_an_installation_that_has_only_the_name_python3_is_found(only_path: Path) -> None:
    (only_path / "python3").symlink_to(sys.executable)
    assert pythons.find(OWN) == BASE


@pytest.mark.parametrize(
    "text",
    ["exit 127", "echo", "echo unfit; echo /x", "echo 3.1; echo /x", "echo 3.13"],
    ids=["shim without a version", "no output", "pre-release", "another version", "incomplete output"],
)
def test_a_candidate_without_valid_output_is_skipped(only_path: Path, text: str) -> None:
    script(only_path / "python3.13", text)
    assert pythons.find("3.13") is None


def test_pyenv_is_searched_newest_patch_first(only_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(only_path))
    for patch in ("3.13.9", "3.13.10"):
        binary = only_path / "versions" / patch / "bin" / "python3.13"
        binary.parent.mkdir(parents=True)
        script(binary, f"echo 3.13; echo /{patch}")
    assert pythons.find("3.13") == Path("/3.13.10")


def test_uv_is_searched_without_a_download(only_path: Path) -> None:
    script(only_path / "candidate", "echo 3.14; echo /from/uv")
    script(only_path / "uv", f'echo "$@" > {only_path}/arguments; echo {only_path}/candidate')
    assert pythons.find("3.14") == Path("/from/uv")
    assert "--no-python-downloads" in (only_path / "arguments").read_text()


def test_a_python_that_uv_installed_is_found_in_the_folder_of_the_project(only_path: Path) -> None:
    binary = home.environments() / "python" / f"cpython-{OWN}.7-macos-aarch64-none" / "bin" / f"python{OWN}"
    binary.parent.mkdir(parents=True)
    binary.symlink_to(sys.executable)
    assert pythons.find(OWN) == BASE


def test_a_python_of_the_machine_is_not_installed(only_path: Path) -> None:
    (only_path / f"python{OWN}").symlink_to(sys.executable)
    log = uv_stand_in(only_path, "exit 1")
    assert pythons.install(OWN) == BASE
    assert not log.exists()


def test_a_missing_python_is_installed_with_uv_into_the_folder_of_the_project(
    only_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = uv_stand_in(only_path, INSTALLS.format(version=OWN, python=sys.executable))
    assert pythons.find(OWN) is None
    assert pythons.install(OWN) == BASE == pythons.find(OWN)
    folder, bin_links, *arguments = log.read_text().split()
    assert (folder, bin_links) == (str(home.environments() / "python"), "0")
    assert (arguments[:2], arguments[-1]) == (["python", "install"], OWN)
    assert capsys.readouterr().err == f"installing Python {OWN} with uv into {folder} (once)\n"


def test_a_failed_installation_is_one_line_and_is_not_tried_again_for_an_hour(
    only_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = uv_stand_in(only_path, "echo 'error: a' >&2; echo '  Caused by: no route to host' >&2; exit 2")
    assert pythons.install(OWN) is None
    reason = capsys.readouterr().err.splitlines()[1]
    failed = home.environments() / "tools" / f"python{OWN}-failed"
    assert reason == (
        f"Python {OWN} could not be installed: Caused by: no route to host "
        f"(tried again in an hour, or after rm {failed})"
    )
    pythons.install.cache_clear()  # as in another process
    assert pythons.install(OWN) is None
    assert (capsys.readouterr().err, log.read_text().count("\n")) == ("", 1)
    os.utime(failed, (time.time() - 3601,) * 2)
    uv_stand_in(only_path, INSTALLS.format(version=OWN, python=sys.executable))
    pythons.install.cache_clear()
    assert pythons.install(OWN) == BASE
    assert not failed.exists()


def test_an_installation_without_a_python_that_runs_is_a_failure(
    only_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uv_stand_in(only_path, "exit 0")
    assert pythons.install(OWN) is None
    assert "could not be installed: uv installed none that runs" in capsys.readouterr().err


def test_without_uv_and_without_network_nothing_is_installed(
    only_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    started = time.monotonic()
    assert pythons.install(OWN) is None
    assert time.monotonic() - started < 30
    _, line = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Python {OWN} could not be installed: uv is missing, and pip cannot install it (")


def test_a_folder_that_is_read_only_is_one_line(
    only_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = uv_stand_in(only_path, "exit 0")
    home.environments().parent.joinpath("home").touch()  # a file: the folder cannot be made
    assert pythons.install(OWN) is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Python {OWN} could not be installed: ") and home.VARIABLE in line
    assert not log.exists()
