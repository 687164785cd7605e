"""Imports of scripts/: one way between its parts, no cycle, and which other parts of the project use it."""

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from scripts import pythons
from tests.conftest import ROOT

SCRIPTS = ROOT / "scripts"
ALLOWED = {  # module or folder of scripts/ -> the others that it may import, all of them above it in this table
    "home": set(),
    "pythons": {"home"},
    "environments": {"home", "pythons"},
    "command_line": {"environments"},
    "glyphs": set(),
    "manifest": set(),
    "result_table": set(),
    "aws.limits": set(),
    "aws.prices": set(),
    "aws": {"aws.limits", "command_line", "environments", "manifest"},
    "bundle": {"aws", "aws.limits", "command_line", "environments", "home", "manifest", "pythons"},
    "verify": {"bundle", "command_line", "environments", "home", "manifest", "pythons"},
    "local_lambda.errors": set(),
    "local_lambda.sandbox": {"local_lambda.errors"},
    "local_lambda": {
        *("aws.limits", "environments", "home", "local_lambda.errors", "local_lambda.sandbox", "manifest", "pythons"),
        "result_table",
    },
    "predictions": {"aws.limits", "environments", "local_lambda", "local_lambda.errors", "manifest", "result_table"},
    "client": {"aws", "aws.limits", "command_line", "predictions", "result_table"},
    "batches": {"aws", "aws.limits", "aws.prices", "command_line", "predictions"},
    "server": {"aws.limits", "bundle", "local_lambda", "local_lambda.errors", "manifest"},
    "fuzz": {"command_line", "environments"},
    "soak": {"aws.limits", "aws.prices", "command_line", "local_lambda", "local_lambda.errors"},
    "batch": {"batches", "environments"},
    "call": {"aws", "client", "command_line", "environments"},
    "invoke_local": {"aws.limits", "command_line", "local_lambda", "local_lambda.errors"},
    "predict": {"aws.limits", "command_line", "local_lambda", "manifest", "predictions"},
    "serve": {
        *("aws.limits", "bundle", "command_line", "environments", "local_lambda", "local_lambda.errors", "server"),
    },
    "compare": {"command_line", "environments", "local_lambda", "manifest", "predictions"},
    "tuning": {
        *(
            "aws",
            "aws.limits",
            "aws.prices",
            "client",
            "home",
            "local_lambda",
            "local_lambda.errors",
            "manifest",
            "result_table",
        ),
    },
    "tune": {"aws", "aws.limits", "client", "command_line", "environments", "home", "local_lambda.errors", "tuning"},
    "soak_s3": {"command_line", "soak"},
    "cli_reference": {"command_line"},
}
OTHER_PARTS = {  # module or folder of scripts/ -> other parts of the project that it may import
    "aws": {"layer"},
    "bundle": {"export", "function", "layer"},  # whether a model reads dials
    "call": {"function"},  # draws the boxes
    "verify": {"export", "layer"},
    "compare": {"function"},  # draws the boxes
    "local_lambda": {"function"},  # draws the boxes
    "predict": {"function"},  # draws the boxes
    "server": {"function", "layer"},  # the CORS headers; writes the zip of --reload
    "tune": {"benchmarks"},  # limits of CPU time
    "tuning": {"benchmarks"},
    "predictions": {"export", "function"},  # loads the weights for `predict`; IoU of boxes
}
USERS = {  # other part of the project -> what it may import of scripts/
    "function": set(),
    "layer": {"environments"},  # the version
    "export": {"command_line"},  # the parser
    "example": {"environments", "local_lambda", "local_lambda.errors"},
    "benchmarks": {
        "aws.limits",
        "aws.prices",
        "command_line",
        "environments",
        "home",
        "local_lambda",
        "local_lambda.errors",
        "local_lambda.sandbox",
        "manifest",
        "pythons",
    },
}
PATH_EDITORS = {  # programs that are started as a file, and the text of such programs
    *(
        "scripts/batch.py",
        "scripts/call.py",
        "scripts/cli_reference.py",
        "scripts/invoke_local.py",
        "scripts/soak_s3.py",
    ),
    "scripts/soak.py",
    *("scripts/compare.py", "scripts/environments.py", "scripts/predict.py", "scripts/serve.py", "scripts/tune.py"),
    *(
        "scripts/local_lambda/bootstrap.py",
        "scripts/local_lambda/sandbox/__init__.py",
        "scripts/local_lambda/worker.py",
    ),
    *("benchmarks/baselines/with_ultralytics.py", "benchmarks/workers/probe.py", "benchmarks/workers/serve.py"),
    *("export/__main__.py", "scripts/local_lambda/worker.py"),
}
ANY_PYTHON = (  # run on Python 3.9 without installed packages
    *(
        "aws.deploy",
        "aws.undeploy",
        "batches.options",
        "bundle.options",
        "call",
        "command_line",
        "compare",
        "environments",
        "home",
    ),
    *("invoke_local", "manifest", "predict", "pythons", "result_table", "serve", "soak_s3"),
    *("verify.options", "soak.cli", "fuzz.options", "tune"),
)
CODE = ("function", "layer", "export", "scripts", "benchmarks", "example")
FILES = [path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))]
FILES.sort(key=lambda path: path.name == "__init__.py")  # `scripts.soak` is the folder, not the command scripts/soak.py
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}
OWN_VERSION = ".".join(map(str, sys.version_info[:2]))
OWN = [name for name in MODULES if name.startswith("scripts.")]


def imports(nodes: Iterator[ast.AST]) -> set[str]:
    """Return the dotted names of imports; `from a import b` is `a.b`."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def all_imports(module: str) -> set[str]:
    return imports(ast.walk(ast.parse(MODULES[module].read_text("utf-8"))))


def imported_modules(module: str) -> set[str]:
    """Return our modules that a module imports when it is imported: not those of functions and of TYPE_CHECKING."""
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    names = imports(iter(tree.body))
    parents = {name.rpartition(".")[0] for name in names if name not in MODULES}
    return {name for name in names | parents if name in MODULES} - {module}


def row(name: str) -> str:
    """Return the row of the table for a name below `scripts.`: the longest one that is a prefix of it."""
    parts = name.split(".")[1:]
    prefixes = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next(prefix for prefix in prefixes if prefix in ALLOWED)


def test_the_table_has_every_module_and_no_cycle() -> None:
    assert {row(name) for name in OWN} == ALLOWED.keys()
    above: set[str] = set()
    for name, allowed in ALLOWED.items():
        assert allowed <= above, name
        above.add(name)


@pytest.mark.parametrize("module", OWN)
def test_imports_go_one_way(module: str) -> None:
    used = {row(name) for name in all_imports(module) if name.startswith("scripts.")}
    assert used - {row(module)} <= ALLOWED[row(module)]


@pytest.mark.parametrize("module", OWN)
def test_other_parts_of_the_project_are_imported_only_as_the_table_allows(module: str) -> None:
    used = {name.split(".")[0] for name in all_imports(module)} & {*CODE, "tests"} - {"scripts"}
    assert used <= OTHER_PARTS.get(row(module), set())


@pytest.mark.parametrize("folder", USERS)
def test_other_parts_of_the_project_import_only_what_the_table_allows(folder: str) -> None:
    for module in MODULES:
        if module.split(".")[0] == folder:
            used = {row(name) for name in all_imports(module) if name.startswith("scripts.")}
            assert used <= USERS[folder], module


def test_no_modules_of_scripts_import_each_other() -> None:
    remaining = {module: imported_modules(module) & set(OWN) for module in OWN}
    while remaining:
        leaves = [module for module, used in remaining.items() if not used & remaining.keys()]
        assert leaves, f"a cycle is among {sorted(remaining)}"
        for module in leaves:
            del remaining[module]


def test_the_search_path_is_changed_only_by_programs() -> None:
    editors = {
        str(path.relative_to(ROOT))
        for path in FILES
        for line in path.read_text("utf-8").splitlines()
        if line.strip().startswith(("sys.path", "del sys.path"))
    }
    assert editors == PATH_EDITORS


@pytest.mark.parametrize("version", ["3.9", OWN_VERSION])
@pytest.mark.parametrize("module", ANY_PYTHON)
def test_a_command_for_any_python_needs_no_installed_package(module: str, version: str) -> None:
    python = pythons.find(version)
    if not python:
        pytest.skip(f"Python {version} is not on this machine")
    program = f"import sys; sys.path.append({str(ROOT)!r}); import scripts.{module}"
    done = subprocess.run([str(python), "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
