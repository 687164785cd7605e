"""The dependency groups of pyproject.toml against the requirement files, which are what is installed."""

import re
import tomllib
from pathlib import Path

import pytest

from scripts import environments
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
GROUPS = {  # group -> its requirement file
    "build": "scripts/requirements.txt",
    "dev": "tests/requirements.txt",
    "export": "export/requirements.txt",
    "docs": "docs/requirements.txt",
    "aws": "scripts/requirements-aws.txt",
    "checkov": "tests/requirements-checkov.txt",
}
INCLUDED = {"dev": [{"include-group": "build"}]}  # groups that others begin with


def requirements(file: str) -> list[str]:
    """Return the requirements of a file without comments, spelled as in pyproject.toml."""
    text = re.sub(r"(?m)(^|\s)#.*$", "", (ROOT / file).read_text("utf-8"))
    return [line.strip().replace('"', "'") for line in text.splitlines() if line.strip()]


def layer_pins() -> list[str]:
    """Return the pins of the layer without hashes."""
    return re.findall(r"(?m)^[\w-]+==[\w.]+", (ROOT / "layer" / "requirements.txt").read_text("utf-8"))


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_has_the_requirements_of_its_file(group: str) -> None:
    assert PROJECT["dependency-groups"][group] == INCLUDED.get(group, []) + requirements(GROUPS[group])


def test_the_environment_of_the_tests_has_the_files_of_its_group() -> None:
    assert environments.ENVIRONMENTS["dev"].requirements == (GROUPS["build"], GROUPS["dev"])


def test_build_has_the_versions_of_the_layer() -> None:
    names = [line.partition("==")[0] for line in layer_pins()]
    above = [line.partition(";")[0] for line in requirements(GROUPS["build"]) if "< '3.12'" not in line]
    assert sorted(layer_pins()) == sorted(line for line in above if line.partition("==")[0] in names)


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
