"""Mutants of `function/`: made and run by mutmut 3, which runs here on a copy of the project."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

KILLED = "killed"
NOT_CHECKED = "not checked"
COPIED = ("benchmarks", "docs", "example", "export", "layer", "scripts", "tests", "template.yaml")
COPIED_PAGES = ("README.md", "CHANGELOG.md")
# The tests of start-up look at the modules that are loaded; mutmut's own are among them.
CONFIG = """[mutmut]
source_paths=function
pytest_add_cli_args_test_selection=
    tests/function
    tests/golden
    tests/http_clients
pytest_add_cli_args=
    -m
    not torch and not build and not runtime and not browser and not long
    --ignore=tests/function/test_lazy_imports.py
timeout_multiplier=10
use_git_change_detection=false
also_copy=
"""
# `mutmut run` needs the names of a sample, and no command of it makes the mutants without running them.
GENERATE = """
from pathlib import Path
from mutmut import __main__ as mutmut
Path("mutants").mkdir(exist_ok=True)
mutmut.copy_src_dir()
mutmut.copy_also_copy_files()
mutmut.setup_source_paths()
mutmut.create_mutants(1)
"""
# Three changes to mutmut 3.8: tests run in the order of their files, so that a server is started once and not for each
# test; pytest does not find a test again whose id has a backslash, so that all cases of that test run; and the tests
# do not run without a mutant a second time, because the run that records which functions they reach has just passed.
RUN = """
from mutmut.runners.harness import PytestRunner
from mutmut.state import state

def in_order(self, tests):
    position = {name: number for number, name in enumerate(state().duration_by_test)}
    ordered = sorted(tests, key=lambda name: position.get(name, 0))
    found = (name.partition("[")[0] if "\\\\" in name else name for name in ordered)
    return arguments(self, list(dict.fromkeys(found)))

def run_once(self, *, mutant_name, tests):
    return 0 if mutant_name is None and tests else run_tests(self, mutant_name=mutant_name, tests=tests)

arguments, PytestRunner._pytest_args_regular_run = PytestRunner._pytest_args_regular_run, in_order
run_tests, PytestRunner.run_tests = PytestRunner.run_tests, run_once
from mutmut.__main__ import cli
cli()
"""


class Mutant(NamedTuple):
    """A mutant and its difference to the code, without indentation."""

    name: str  # function.postprocess.boxes.x_nms__mutmut_8
    removed: str
    added: str
    diff: str


def prepare(root: Path, work: Path) -> Path:
    """Make the folder in which mutmut runs: links to the project and a configuration."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    copied = (*COPIED, *COPIED_PAGES)
    for name in ("function", "pyproject.toml", *copied):
        (work / name).symlink_to(root / name)
    (work / "setup.cfg").write_text(CONFIG + "".join(f"    {name}\n" for name in copied))
    return work


def generate(work: Path) -> list[str]:
    """Make the mutants of every module and return their names."""
    subprocess.run([sys.executable, "-c", GENERATE], cwd=work, check=True, env=_environment())
    return sorted(_states(work))


def select(names: list[str], modules: list[str], sample: int | None, seed: int) -> list[str]:
    """Return the mutants of the modules, or a random sample of them."""
    starts = [
        module.removesuffix("/").removesuffix(".py").replace("/", ".").removesuffix(".__init__") for module in modules
    ]
    chosen = [
        name for name in names if not starts or any(name == start or name.startswith(f"{start}.") for start in starts)
    ]
    if sample is None or sample >= len(chosen):
        return chosen
    return sorted(random.Random(seed).sample(chosen, sample))


def run(work: Path, names: list[str], jobs: int) -> dict[str, str] | None:
    """Run the tests with each mutant.

    Returns:
        The state of each mutant, in the words of mutmut; None if the tests fail without a mutant.
    """
    command = [sys.executable, "-c", RUN, "run", "--max-children", str(jobs), *names]
    with (work / "mutmut.log").open("w") as log:
        subprocess.run(command, cwd=work, stdout=log, stderr=subprocess.STDOUT, check=False, env=_environment())
    states = _states(work)
    chosen = {name: states[name] for name in names}
    return None if NOT_CHECKED in chosen.values() else chosen


def survives_a_start(work: Path, name: str) -> bool:
    """Return whether the tests beside the module pass in a new process, in which the imports run with the mutant too.

    mutmut changes to a mutant when everything is imported; a function that fills a table during the import has run.
    """
    parts = module(name).split(".")[1:]
    packages = [part for part in parts if (work / "tests" / "function" / part).is_dir()]
    tests = Path("tests", "function", *packages)
    files = [str(tests)] if packages else [str(path.relative_to(work)) for path in (work / tests).glob("test_*.py")]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--rootdir=.", *files]
    environment = _environment() | {"MUTANT_UNDER_TEST": name, "PYTHONPATH": "."}
    ignored = "--ignore=tests/function/test_lazy_imports.py"
    done = subprocess.run(
        [*command, ignored], cwd=work / "mutants", env=environment, capture_output=True, check=False, timeout=1800
    )
    return done.returncode == 0


def difference(work: Path, name: str) -> Mutant:
    """Return a mutant with the lines that it changes."""
    command = [sys.executable, "-m", "mutmut", "show", name]
    diff = subprocess.run(command, cwd=work, capture_output=True, text=True, check=True, env=_environment()).stdout
    lines = diff.splitlines()
    changed = [line for line in lines if line[:1] in ("+", "-") and line[:3] not in ("+++", "---")]
    removed, added = ("\n".join(line[1:].strip() for line in changed if line[0] == sign) for sign in "-+")
    return Mutant(name, removed, added, diff)


def module(name: str) -> str:
    """Return the module of a mutant."""
    return name.partition("__mutmut_")[0].rpartition(".")[0]


def function(name: str) -> str:
    """Return the function of a mutant: `function.postprocess.boxes.nms`, or with its class."""
    path, _, mangled = name.partition("__mutmut_")[0].rpartition(".")
    return f"{path}.{mangled.removeprefix('x_').removeprefix('xǁ').replace('ǁ', '.')}"


def _states(work: Path) -> dict[str, str]:
    """Return the state of each mutant from the files of mutmut."""
    states: dict[str, str] = {}
    for path in (work / "mutants" / "function").rglob("*.meta"):
        codes: dict[str, int | None] = json.loads(path.read_text())["exit_code_by_key"]
        states.update({name: _state(code) for name, code in codes.items()})
    return states


def _state(code: int | None) -> str:
    """Return the state for an exit code of the tests; a test that no longer ends kills its mutant."""
    from mutmut.stats import status_by_exit_code

    state = str(status_by_exit_code[code])
    return KILLED if state in ("timeout", "segfault") else state


def _environment() -> dict[str, str]:
    """Return the environment of mutmut; warnings about its configuration stay in its log."""
    return {name: value for name, value in os.environ.items() if name != "MUTANT_UNDER_TEST"}
