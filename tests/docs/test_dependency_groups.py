"""The dependency groups of pyproject.toml against the requirement files, which are what is installed."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
GROUPS = {  # group -> its requirement files
    "dev": ("layer/requirements.txt", "tests/requirements.txt"),
    "export": ("export/requirements.txt",),
    "docs": ("docs/requirements.txt",),
}
FOR_LAYER = "; python_version >= '3.12'"  # scripts/environments.py leaves the layer's pins out below it


def requirements(file: str) -> list[str]:
    """Return the requirements of a file without comments and hashes, spelled as in pyproject.toml."""
    text = re.sub(r"(?m)(^|\s)#.*$", "", (ROOT / file).read_text("utf-8")).replace("\\\n", " ")
    plain = (re.sub(r"\s+--hash=\S+", "", line).strip().replace('"', "'") for line in text.splitlines())
    return [line + (FOR_LAYER if file.startswith("layer/") else "") for line in plain if line]


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_has_the_requirements_of_its_files(group: str) -> None:
    assert PROJECT["dependency-groups"][group] == [line for file in GROUPS[group] for line in requirements(file)]


def test_every_group_is_compared() -> None:
    assert set(PROJECT["dependency-groups"]) == set(GROUPS)


def test_an_installation_installs_no_module() -> None:
    assert PROJECT["tool"]["setuptools"] == {"packages": [], "py-modules": []}
    assert PROJECT["tool"]["uv"] == {"package": False}
    assert not PROJECT["project"].get("dependencies")


def test_the_version_is_stated_once() -> None:
    version = re.escape(PROJECT["project"]["version"])
    stated = [
        path.relative_to(ROOT).as_posix()
        for folder in ("function", "export", "layer", "scripts", "benchmarks")
        for path in Path(ROOT / folder).rglob("*.py")
        if re.search(rf"[\"']{version}[\"']", path.read_text("utf-8"))
    ]
    assert stated == []
