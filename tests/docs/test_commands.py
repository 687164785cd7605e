"""The commands that code blocks and workflows name: their files exist, and their arguments are accepted."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs import commands, pages
from tests.docs.commands import Command

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NAMED = [command for page in (*pages.all_pages(), *WORKFLOWS) for command in commands.named_in(page)]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
FOR_USERS = [one for one in commands.PARSERS if one == "python -m export" or re.fullmatch(r"scripts/\S+", one)]
CHECKS = ("lint", "format", "types", "shell", "docs")
OWN_PATHS = ("example/", "tests/", "scripts/", "docs/", "layer/", "export/", "function/", "benchmarks/")


def identify(command: Command) -> str:
    return f"{command.place} {' '.join(command.words)}"


def run(command: str, argument: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the table as a user would, from the root."""
    words = command.split()
    if words[0] == "python":
        words[0] = sys.executable
    elif words[0].endswith(".py"):
        words.insert(0, sys.executable)
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [*words, argument], cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=300
    )


def test_the_pages_and_the_workflows_name_commands() -> None:
    pages_with_commands = {pages.name(command.page) for command in NAMED}
    assert {"README.md", "CONTRIBUTING.md", "docs/deploy.md", ".github/workflows/ci.yml"} <= pages_with_commands


@pytest.mark.parametrize("command", NAMED, ids=identify)
def test_the_file_of_a_command_exists(command: Command) -> None:
    named, _ = commands.split(command)
    if named.startswith("python -m "):
        assert importlib.util.find_spec(named.removeprefix("python -m ")), f"{command.place}: no module for `{named}`"
        return
    file = named.split()[0]
    assert (ROOT / file).is_file(), f"{command.place}: {file} does not exist"
    if file == command.words[0]:
        assert os.access(ROOT / file, os.X_OK), f"{command.place}: {file} is not executable"


@pytest.mark.parametrize("command", NAMED, ids=identify)
def test_the_options_of_a_command_exist(command: Command) -> None:
    named, arguments = commands.split(command)
    options = [argument.partition("=")[0] for argument in arguments if argument.strip("[").startswith("--")]
    if named not in commands.PARSERS:
        return
    known = {name for names in commands.options(named).values() for name in names}
    unknown = [option for option in (option.strip("[]") for option in options) if option not in known]
    assert not unknown, f"{command.place}: `{named}` has no option {', '.join(unknown)}"


@pytest.mark.parametrize("command", [one for one in NAMED if not one.synopsis], ids=identify)
def test_the_arguments_of_a_command_are_accepted(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    named, arguments = commands.split(command)
    if named not in commands.PARSERS:
        return
    try:
        commands.parser(named).parse_args(arguments)
    except SystemExit as stop:
        assert not stop.code, f"{command.place}: {capsys.readouterr().err}"


@pytest.mark.parametrize("command", NAMED, ids=identify)
def test_the_files_of_this_project_that_a_command_names_exist(command: Command) -> None:
    _, arguments = commands.split(command)
    paths = [argument.partition("::")[0] for argument in arguments if argument.startswith(OWN_PATHS)]
    missing = [path for path in paths if not list(ROOT.glob(path))]
    assert not missing, f"{command.place}: {', '.join(missing)} does not exist"


@pytest.mark.parametrize("command", [one for one in NAMED if one.words[0] == "scripts/check"], ids=identify)
def test_the_checks_that_a_page_names_exist(command: Command) -> None:
    assert set(command.words[1:]) <= set(CHECKS)


@pytest.mark.parametrize("command", commands.PARSERS)
def test_help_lists_every_option(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0, done.stderr
    assert [option for option in commands.options(command) if option not in done.stdout] == []


@pytest.mark.parametrize("command", FOR_USERS)
def test_version_is_that_of_pyproject(command: str) -> None:
    done = run(command, "--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == VERSION


def test_an_unknown_check_is_a_usage_error() -> None:
    done = subprocess.run([ROOT / "scripts" / "check", "nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "got nonsense" in done.stderr


def test_the_checks_are_those_of_the_script() -> None:
    line = next(line for line in Path(ROOT / "scripts" / "check").read_text().splitlines() if "set -- " in line)
    assert tuple(line.partition("set -- ")[2].split()) == CHECKS
