"""Imports of export/: one way, and only the parts of the project that it needs."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

EXPORT = ROOT / "export"
ALLOWED = {  # module or folder of export/ -> the others that it may import, all of them above it in this table
    "__init__": set(),
    "errors": set(),
    "crash_log": set(),
    "files": {"errors"},
    "images": {"errors"},
    "venv": {"errors"},
    "console": {"files"},
    "options": {"errors", "files", "images"},
    "model_info": {"errors"},
    "ultralytics_setup": set(),
    "other_repositories": set(),
    "open_vocabulary": {"errors"},
    "yolov12": {"errors"},
    "safe_load": {"errors", "other_repositories", "ultralytics_setup"},
    "transforms": {"errors", "safe_load"},
    "checkpoint_fields": {"errors", "safe_load", "yolov12"},
    "checkpoint": {"checkpoint_fields", "errors", "open_vocabulary", "safe_load", "transforms"},
    "onnx_graph": {"checkpoint"},
    "convert": {"checkpoint", "errors", "onnx_graph", "transforms"},
    "verify": {"checkpoint", "console", "convert", "errors", "images"},
    "compress": {"console", "errors", "images", "model_info", "options"},
    "pipeline": {
        *(
            "checkpoint",
            "compress",
            "console",
            "convert",
            "errors",
            "files",
            "model_info",
            "options",
            "ultralytics_setup",
        ),
        "verify",
    },
    "cli": {"console", "crash_log", "errors", "files", "options", "pipeline", "venv"},
    "__main__": {"cli"},
}
OTHER_PARTS = {  # module or folder of export/ -> parts of the project outside of export/
    "options": {"scripts.command_line"},  # the parser
    "model_info": {"function"},
    "transforms": {"function"},  # the metadata that the function reads
    "verify": {"function"},  # its results are compared with those of predict
    "compress": {"function"},
}
PROJECT = {"benchmarks", "example", "function", "layer", "scripts", "tests"}
ANY_PYTHON = (
    "__init__",
    "__main__",
    "cli",
    "console",
    "crash_log",
    "errors",
    "files",
    "images",
    "model_info",
    "options",
    "venv",
)
FILES = sorted(EXPORT.rglob("*.py"))
IDS = [str(path.relative_to(EXPORT)) for path in FILES]


def home(path: Path) -> str:
    """Return the row of the table that a file belongs to."""
    return path.relative_to(EXPORT).parts[0].removesuffix(".py")


def imports(nodes: Iterator[ast.AST]) -> set[str]:
    """Return the dotted names of imports, `from a import b` as `a.b`."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def all_imports(path: Path) -> set[str]:
    return imports(ast.walk(ast.parse(path.read_text("utf-8"))))


def test_table_has_every_module_and_no_cycle() -> None:
    assert {home(path) for path in FILES} == ALLOWED.keys()
    above: set[str] = set()
    for name, allowed in ALLOWED.items():
        assert allowed <= above, name
        above.add(name)


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_imports_go_one_way(path: Path) -> None:
    own = home(path)
    used = {name.split(".")[1] for name in all_imports(path) if name.startswith("export.")}
    assert used - {own} <= ALLOWED[own]


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_other_parts_of_the_project_are_imported_only_as_the_table_allows(path: Path) -> None:
    allowed = OTHER_PARTS.get(home(path), set())
    for name in all_imports(path):
        if name.split(".")[0] in PROJECT:
            assert any(f"{name}.".startswith(f"{part}.") for part in allowed), name


@pytest.mark.parametrize("module", ANY_PYTHON)
def test_modules_for_any_python_load_only_the_standard_library(module: str) -> None:
    tree = ast.parse((EXPORT / f"{module}.py").read_text("utf-8"))
    for name in imports(iter(tree.body)):  # not those below `if TYPE_CHECKING` and in functions
        part = name.split(".")[0]
        own = part == "export" and name.split(".")[1] in ANY_PYTHON
        parser = name == "scripts.command_line.Parser"  # tests/scripts/test_imports.py checks what that imports
        assert own or parser or part in sys.stdlib_module_names, name


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_search_path_is_changed_only_by_main(path: Path) -> None:
    assert ("sys.path" in path.read_text("utf-8")) == (home(path) == "__main__")
