import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import environments

OWN = ".".join(map(str, sys.version_info[:2]))


@pytest.fixture
def only_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Simulate a machine that has only one folder on the PATH."""
    for name in ("PYENV_ROOT", "XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv("PATH", str(tmp_path))
    environments.find.cache_clear()
    yield tmp_path
    environments.find.cache_clear()


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_no_python_is_available_without_candidates(only_path: Path) -> None:
    assert environments.available() == []


def test_a_symlink_on_the_path_is_resolved(only_path: Path) -> None:
    (only_path / f"python{OWN}").symlink_to(sys.executable)
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    assert environments.find(OWN) == base
    assert environments.available() == [environments.Interpreter(OWN, base)]


@pytest.mark.parametrize(
    "text",
    ["exit 127", "echo", "echo unfit; echo /x", "echo 3.1; echo /x", "echo 3.13"],
    ids=["shim without a version", "no output", "pre-release", "another version", "incomplete output"],
)
def test_a_candidate_without_valid_output_is_skipped(only_path: Path, text: str) -> None:
    script(only_path / "python3.13", text)
    assert environments.find("3.13") is None


def test_pyenv_is_searched_newest_patch_first(only_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(only_path))
    for patch in ("3.13.9", "3.13.10"):
        binary = only_path / "versions" / patch / "bin" / "python3.13"
        binary.parent.mkdir(parents=True)
        script(binary, f"echo 3.13; echo /{patch}")
    assert environments.find("3.13") == Path("/3.13.10")


def test_uv_is_searched_without_a_download(only_path: Path) -> None:
    script(only_path / "candidate", "echo 3.14; echo /from/uv")
    script(only_path / "uv", f'echo "$@" > {only_path}/arguments; echo {only_path}/candidate')
    assert environments.find("3.14") == Path("/from/uv")
    assert "--no-python-downloads" in (only_path / "arguments").read_text()


def test_the_command_lists_the_pythons() -> None:
    done = subprocess.run(
        [sys.executable, str(environments.__file__), "pythons"], capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        python.version for python in environments.available()
    ]


def test_the_project_version_is_that_of_pyproject() -> None:
    pyproject = tomllib.loads((environments.ROOT / "pyproject.toml").read_text())
    assert environments.project_version() == pyproject["project"]["version"]


def test_a_version_outside_of_the_project_table_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\n\n[tool.x]\nversion = "9"\n')
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    with pytest.raises(ValueError, match="must have a version"):
        environments.project_version()


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["dev", "export"]])
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert environments.main(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: ")
