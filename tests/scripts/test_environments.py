import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import environments

OWN = ".".join(map(str, sys.version_info[:2]))


@pytest.fixture
def only_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine with nothing but one folder on the PATH."""
    for name in ("PYENV_ROOT", "XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv("PATH", str(tmp_path))
    environments.find.cache_clear()
    yield tmp_path
    environments.find.cache_clear()


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_a_machine_without_any_has_none(only_path: Path) -> None:
    assert environments.available() == []


def test_one_on_the_path_is_found_where_it_really_lies(only_path: Path) -> None:
    (only_path / f"python{OWN}").symlink_to(sys.executable)
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    assert environments.find(OWN) == base
    assert environments.available() == [environments.Found(OWN, base)]


@pytest.mark.parametrize(
    "text",
    ["exit 127", "echo", "echo unfit; echo /x", "echo 3.1; echo /x", "echo 3.13"],
    ids=["shim without a version", "says nothing", "pre-release", "another version", "half an answer"],
)
def test_what_only_looks_like_a_python_is_passed_over(only_path: Path, text: str) -> None:
    script(only_path / "python3.13", text)
    assert environments.find("3.13") is None


def test_pyenv_is_searched_newest_patch_first(only_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(only_path))
    for patch in ("3.13.9", "3.13.10"):
        binary = only_path / "versions" / patch / "bin" / "python3.13"
        binary.parent.mkdir(parents=True)
        script(binary, f"echo 3.13; echo /{patch}")
    assert environments.find("3.13") == Path("/3.13.10")


def test_uv_is_asked_but_not_for_a_download(only_path: Path) -> None:
    script(only_path / "found", "echo 3.14; echo /from/uv")
    script(only_path / "uv", f'echo "$@" > {only_path}/asked; echo {only_path}/found')
    assert environments.find("3.14") == Path("/from/uv")
    assert "--no-python-downloads" in (only_path / "asked").read_text()


def test_run_as_a_program_it_lists_them() -> None:
    done = subprocess.run(
        [sys.executable, str(environments.__file__), "pythons"], capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        found.version for found in environments.available()
    ]
