"""The shape of the package: who imports whom, and what starting the function loads."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

FUNCTION = ROOT / "function"
ALLOWED = {  # module or folder of function/ -> the others that it may import; errors may be imported by all
    "__init__": set(),
    "errors": set(),
    "arrays": set(),
    "settings": set(),
    "request": set(),
    "storage": set(),
    "fetch": set(),
    "metadata": set(),
    "draw": set(),
    "lazy_imports": set(),
    "preprocess": {"arrays"},
    "postprocess": {"arrays", "metadata", "preprocess"},
    "results": {"arrays", "metadata", "postprocess"},
    "tensors": {"results", "settings"},
    "model": {"arrays", "metadata", "postprocess", "tensors"},
    "predictor": {
        "arrays", "metadata", "model", "postprocess", "preprocess", "request", "results", "settings",
    },
    "service": {"request", "results", "settings"},
    "api": {"arrays", "fetch", "postprocess", "request", "results", "service", "settings", "storage"},
    "metrics": {"arrays", "results"},
    "sources": {"api", "draw", "preprocess", "request", "results", "service", "settings", "storage"},
    "snapstart": {"lazy_imports", "preprocess", "storage"},
}  # fmt: skip
ONLY_IN = {"onnxruntime": {"model"}, "boto3": {"storage"}, "botocore": {"storage"}, "torch": set(), "cv2": set()}
HEAVY = [
    "boto3",
    "botocore",
    "torch",
    "cv2",
    "ultralytics",
    "onnx",
    "pydantic",
    "dataclasses",
    "urllib.request",
    "ssl",
    "socket",
    "function.draw",  # is for ANNOTATE
    "function.fetch",  # is for links
    "function.tensors.inference",  # is for models of tensors
    "function.tensors",
    "function.tensors.signature",
]
FILES = sorted(FUNCTION.rglob("*.py"))


def home(path: Path) -> str:
    """The row of the table that a file belongs to."""
    return path.relative_to(FUNCTION).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Dotted names of everything that a file imports, `from a import b` as `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(FUNCTION)) for path in FILES])
def test_imports_run_one_way(path: Path) -> None:
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("function.")}
    own = home(path)
    if own != "handler":  # it puts the parts together
        assert ours - {own, "errors"} <= ALLOWED[own]


@pytest.mark.parametrize(("library", "homes"), ONLY_IN.items())
def test_a_heavy_library_is_known_to_one_module(library: str, homes: set[str]) -> None:
    users = {home(path) for path in FILES if any(name.split(".")[0] == library for name in imports(path))}
    assert users <= homes


def test_nothing_of_ours_is_named_after_a_library() -> None:
    names = {
        path.stem for folder in ("export", "function", "layer", "example") for path in (ROOT / folder).rglob("*.py")
    }
    assert not names & {"onnx", "torch", "onnxruntime", "numpy", "PIL", "ultralytics", "types", "utils", "helpers"}


def test_starting_the_function_loads_nothing_that_it_does_not_use(
    run_python: Callable[..., Any], model_path: Path
) -> None:
    program = f"import sys, json, function.handler; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    assert run_python(program, MODEL_PATH=str(model_path)) == []


def test_starting_the_function_looks_for_no_garbage_and_later_requests_do(
    run_python: Callable[..., Any], model_path: Path
) -> None:
    program = """
import gc, json
def count():
    return sum(one["collections"] for one in gc.get_stats())
before = count()
import function.handler
at_init = count() - before
kept = []
for _ in range(100_000):
    kept.append([])
print(json.dumps([at_init, gc.isenabled(), gc.get_freeze_count() > 10_000, count() > before]))
"""
    assert run_python(program, MODEL_PATH=str(model_path)) == [0, True, True, True]


def test_telemetry_is_off_before_onnxruntime_is_imported(run_python: Callable[..., Any], model_path: Path) -> None:
    program = """
import builtins, json, os
real, seen = builtins.__import__, []
def watching(name, *rest, **kwargs):
    if name.split(".")[0] == "onnxruntime":
        seen.append(os.environ.get("ORT_DISABLE_TELEMETRY"))
    return real(name, *rest, **kwargs)
builtins.__import__ = watching
import function.handler
print(json.dumps(sorted(set(map(str, seen)))))
"""
    assert run_python(program, MODEL_PATH=str(model_path)) == ["1"]
