"""Imports of the function: which module imports which, and what a start loads."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.support import color_model

FUNCTION = ROOT / "function"
ALLOWED = {  # module or folder of function/ -> those that it may import; every module may import errors
    "__init__": set(),
    "errors": set(),
    "arrays": set(),
    "reading_settings": set(),
    "settings": {"metadata", "option_values", "reading_settings", "request"},
    "option_values": set(),
    "tile_option": set(),
    "request": {"metadata", "option_values", "tile_option"},
    "storage": {"storage_errors"},
    "storage_errors": set(),
    "fetch": set(),
    "metadata": set(),
    "draw": set(),
    "lazy_imports": set(),
    "time_limit": set(),
    "preprocess": {"arrays", "metadata"},
    "postprocess": {"arrays", "metadata", "preprocess"},
    "results": {"arrays", "metadata", "postprocess"},
    "tensors": {"arrays", "results", "settings"},
    "model": {"arrays", "metadata", "postprocess", "tensors"},
    "classes": {"arrays", "option_values"},
    "input_size": {"arrays", "model"},
    "regions": {"arrays"},
    "detections": {"arrays", "metadata", "model", "postprocess", "preprocess", "results"},
    "tiling": {
        "arrays", "detections", "input_size", "model", "postprocess", "preprocess", "regions", "request", "results",
        "settings",
    },
    "predictor": {
        "arrays", "classes", "detections", "input_size", "maps", "metadata", "model", "postprocess", "preprocess",
        "regions", "request", "results", "settings", "tiling",
    },
    "readings": {
        "arrays", "classes", "metadata", "model", "predictor", "preprocess", "reading_settings", "request", "results",
        "settings", "storage", "tensors",
    },
    "image_loading": {"fetch", "request", "settings", "storage"},
    "service": {
        "image_loading", "model", "predictor", "preprocess", "readings", "request", "results", "settings", "tensors",
        "time_limit",
    },
    "api": {
        "arrays", "draw", "image_loading", "metadata", "model", "page", "postprocess", "predictor", "preprocess",
        "request", "results", "service", "settings", "storage", "tensors",
    },
    "maps": {"arrays", "metadata", "postprocess", "preprocess", "results"},
    "metrics": {"arrays", "results"},
    "page": {"draw", "metadata", "predictor", "service", "settings", "tensors"},
    "sources": {
        "api", "draw", "image_loading", "page", "preprocess", "request", "results", "service", "settings", "storage",
        "tensors",
    },
    "snapstart": {"lazy_imports", "preprocess", "storage"},
}  # fmt: skip
ONLY_IN = {
    "onnxruntime": {"model"},
    "boto3": {"storage", "readings"},
    "botocore": {"storage", "storage_errors", "readings"},
    "torch": set(),
    "cv2": set(),
}
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
    "function.api.cors",  # CORS_ORIGINS
    "function.api.encodings",  # compressed bodies, images as text
    "function.api.multipart",  # forms
    "function.api.uploads",  # UPLOAD_BUCKET
    "function.api.accept",  # Accept: image/...
    "function.api.annotated",  # annotate
    "function.draw",  # ANNOTATE, annotate
    "function.fetch",  # images from a URL
    "function.page",  # GET /
    "function.sources.routes",  # requests of GET
    "function.api.keys",  # API_KEY_SHA256
    "function.api.model_info",  # GET /model
    "function.api.openapi",  # GET /openapi.json, GET /docs
    "function.api.authentication",  # readings
    "function.api.reading_fields",
    "function.reading_settings",
    "function.readings",
    "function.classes",  # classes in a request or a setting
    "function.input_size",  # IMGSZ, imgsz
    "function.option_values",  # thresholds of classes, imgsz, region
    "function.regions",  # region
    "function.tile_option",  # tile
    "function.tiling",  # tile, TILE
    "function.preprocess.decode_time",  # invocations with little time left
    "function.postprocess.evidence",  # ambiguous output layouts
    "function.sources.s3_results",  # results of S3 events
    "function.snapstart",  # SnapStart
    "function.time_limit",  # invocations with a time limit
    "function.api.map_fields",  # semantic segmentation, depth
    "function.maps",
    "function.postprocess.dense",
    "function.tensors",  # generic ONNX models
    "function.tensors.inference",
    "function.tensors.signature",
]
MAX_MODULES = 48  # of function/ at a start: each costs time to find and to load
FILES = sorted(FUNCTION.rglob("*.py"))


def row(path: Path) -> str:
    """The row of the table that a file belongs to."""
    return path.relative_to(FUNCTION).parts[0].removesuffix(".py")


ROWS = {row(path) for path in FILES}


def imports(path: Path) -> set[str]:
    """Dotted names of everything that a file imports, `from a import b` as `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_every_module_is_in_the_table() -> None:
    assert set(ALLOWED) == ROWS - {"handler"}


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(FUNCTION)) for path in FILES])
def test_module_imports_only_what_the_table_allows(path: Path) -> None:
    imported = {name.split(".")[1] for name in imports(path) if name.startswith("function.")} & ROWS
    own = row(path)
    if own != "handler":  # the handler may import everything
        assert imported - {own, "errors"} <= ALLOWED[own]


def test_table_has_no_cycle() -> None:
    remaining = {name: allowed - {"errors"} for name, allowed in ALLOWED.items()}
    while remaining:
        free = {name for name, allowed in remaining.items() if not allowed & remaining.keys()}
        assert free, f"cycle among {sorted(remaining)}"
        remaining = {name: allowed for name, allowed in remaining.items() if name not in free}


@pytest.mark.parametrize(("library", "rows"), ONLY_IN.items())
def test_heavy_library_is_imported_by_one_module(library: str, rows: set[str]) -> None:
    users = {row(path) for path in FILES if any(name.split(".")[0] == library for name in imports(path))}
    assert users <= rows


def test_no_module_has_the_name_of_a_library() -> None:
    names = {
        path.stem for folder in ("export", "function", "layer", "example") for path in (ROOT / folder).rglob("*.py")
    }
    assert not names & {"onnx", "torch", "onnxruntime", "numpy", "PIL", "ultralytics", "types", "utils", "helpers"}


def test_start_loads_no_module_that_it_does_not_need(run_python: Callable[..., Any], model_path: Path) -> None:
    program = f"import sys, json, function.handler; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    assert run_python(program, MODEL_PATH=str(model_path)) == []


@pytest.mark.parametrize("save", [color_model.save, color_model.save_maps])
def test_start_loads_few_modules_of_the_function(
    save: Callable[[Path], Path], run_python: Callable[..., Any], tmp_path: Path
) -> None:
    model_path = save(tmp_path / "model.onnx")
    program = """
import json, sys
import function.handler
print(json.dumps([name for name in sys.modules if name.partition(".")[0] == "function"]))
"""
    assert len(run_python(program, MODEL_PATH=str(model_path))) <= MAX_MODULES


def test_garbage_collection_is_off_at_the_start_and_on_afterwards(
    run_python: Callable[..., Any], model_path: Path
) -> None:
    program = """
import gc, json
def count():
    return sum(generation["collections"] for generation in gc.get_stats())
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
