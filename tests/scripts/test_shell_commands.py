"""The shell scripts in front of the Python commands: help without an environment, and the check of python3."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import environments, pythons

ROOT = environments.ROOT
OWN = ".".join(map(str, sys.version_info[:2]))
WITH_PARSER = ("build_zip.sh", "deploy.sh", "undeploy.sh", "bench.sh", "verify.sh", "fuzz.sh")


def run(script: Path, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a script with the python3 of `folder`, in which nothing may be installed."""
    environ = {**os.environ, "PATH": f"{folder}:/usr/bin:/bin", "PIP_NO_INDEX": "1"}
    return subprocess.run([str(script), *arguments], env=environ, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources without environments."""
    folder = tmp_path_factory.mktemp("checkout")
    for part in ("scripts", "layer", "export", "function", "benchmarks"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.parametrize("version", ["3.9", OWN])
@pytest.mark.parametrize("script", WITH_PARSER)
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_need_no_environment(
    script: str, version: str, option: str, checkout: Path, tmp_path: Path
) -> None:
    python = pythons.find(version)
    if not python:
        pytest.skip(f"Python {version} is not on this machine")
    (tmp_path / "python3").symlink_to(python)
    done = run(checkout / "scripts" / script, tmp_path, option)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"scripts/{script}" in done.stdout
    assert not [name for name in (".envs", ".venv", "build") if (checkout / name).exists()]


@pytest.mark.parametrize("script", [*WITH_PARSER, "test.sh"])
@pytest.mark.parametrize(
    ("program", "reported"), [("echo Python 3.8.18; exit 0", "Python 3.8.18"), ("exit 127", "none")]
)
def test_an_old_or_missing_python_is_one_line(script: str, program: str, reported: str, tmp_path: Path) -> None:
    (tmp_path / "python3").write_text(f'#!/bin/sh\n[ "$1" = --version ] && {{ {program}; }}\nexit 1\n')
    (tmp_path / "python3").chmod(0o755)
    done = run(ROOT / "scripts" / script, tmp_path)
    name = script.removesuffix(".sh")
    assert done.returncode == 2
    assert done.stderr == f"{name}: python3 must be Python 3.9 or later, got {reported}\n"
