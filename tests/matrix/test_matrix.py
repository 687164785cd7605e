"""Detections of the function against those of `predict`, for every model family, task and export form."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.export.conftest import export_python  # noqa: F401
from tests.matrix.cells import CELLS, DENSE_TASKS, END2END, INPUT_SIZES, LEFT_OUT, NMS, SIZES, Cell, table
from tests.matrix.compare import LIMITS, Difference
from tests.support.export_commands import probe

ROWS = [
    pytest.param(cell.name, form, marks=[pytest.mark.long] if cell.is_long else [])
    for cell in CELLS
    for form in cell.forms
]
SIZE_ROWS = [(cell.name, f"imgsz {size}") for cell in CELLS for size in cell.sizes]
PROCESSES = 2  # at the same time; each needs 2 GB


@pytest.fixture(scope="module")
def matrix(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], dict[str, Any]]:
    """Measurements of `python -m tests.matrix` for the cells of the selected tests, by cell and form."""
    folder = tmp_path_factory.mktemp("matrix")
    selected = [item.callspec.params.get("cell") for item in request.session.items if hasattr(item, "callspec")]
    names = [cell.name for cell in CELLS if cell.name in selected]
    forms = [item.callspec.params.get("form") for item in request.session.items if hasattr(item, "callspec")]
    sizes = [str(size) for size in INPUT_SIZES if f"imgsz {size}" in forms]
    parts = [names[start::PROCESSES] for start in range(PROCESSES)]
    running = [_start(part, sizes, folder / f"{index}.json") for index, part in enumerate(parts)]
    outputs = [process.communicate()[0] for process in running]
    files = [folder / f"{index}.json" for index in range(len(parts))]
    assert all(file.is_file() for file in files), "\n".join(outputs)
    rows = [row for file in files for row in json.loads(file.read_text())]
    return {(row["cell"], row["form"]): row for row in rows}


def _start(cells: list[str], sizes: list[str], output: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.matrix", "--only", *cells, "--imgsz", *sizes, "--json", str(output)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.torch
@pytest.mark.alone
@pytest.mark.parametrize(("cell", "form"), ROWS)
def test_function_detects_the_same_as_predict(matrix: dict[tuple[str, str], Any], cell: str, form: str) -> None:
    row = matrix[cell, form]
    assert not row["violations"], row
    assert row["results"] > 0
    if not cell.endswith(("classify", *DENSE_TASKS)):
        assert row["candidates"] >= 50


@pytest.mark.torch
@pytest.mark.alone
@pytest.mark.long
@pytest.mark.parametrize(("cell", "form"), SIZE_ROWS)
def test_function_detects_the_same_as_predict_at_other_sizes(
    matrix: dict[tuple[str, str], Any], cell: str, form: str
) -> None:
    row = matrix[cell, form]
    assert not row["violations"], row
    assert row["results"] > 0


def test_matrix_has_every_generation_and_task() -> None:
    quick = [cell for cell in CELLS if not cell.is_long]
    assert len({cell.name for cell in CELLS}) == len(CELLS)
    assert {cell.generation for cell in quick} == {"v3u", "v5u", "v6", "v8", "v9", "v10", "11", "12", "26", "RT-DETR"}
    assert {cell.task for cell in quick} == {"detect", "segment", "pose", "obb", "classify", "semantic", "depth"}
    assert END2END in Cell("26", "pose", "").forms
    assert NMS in Cell("11", "obb", "").forms


@pytest.mark.torch
def test_every_architecture_of_ultralytics_is_a_cell_or_is_left_out(export_python: Path) -> None:  # noqa: F811
    code = """
        import re
        from pathlib import Path
        from ultralytics.utils import ROOT
        files = {path.stem for path in (ROOT / "cfg/models").glob("**/*.yaml")}
        named = [name.removesuffix(".yaml") for name in json.loads(sys.argv[1])]
        unscaled = lambda name: re.sub(r"(\\d+)([nslmx])(.+)?$", r"\\1\\3", name)  # as `yaml_model_load`
        print(json.dumps([sorted(files), [name if name in files else unscaled(name) for name in named]]))
    """
    files, compared = probe(export_python, code, json.dumps([cell.architecture for cell in CELLS]))
    named = [*compared, *SIZES, *LEFT_OUT]
    assert sorted(named) == files  # each exactly once
    assert set(SIZES.values()) <= set(compared)


def test_table_in_the_docs_equals_the_matrix() -> None:
    _, _, after = (ROOT / "docs" / "models.md").read_text().partition("<!-- matrix -->\n")
    assert after.partition("<!-- end of matrix -->")[0] == table()


def test_difference_above_a_limit_is_a_violation() -> None:
    within = dict.fromkeys(LIMITS, 0.0) | {"iou": 1.0, "masks": 1.0, "run_lengths": 1.0}
    assert Difference(2, 2, True, within).violations == []
    assert Difference(2, 1, True, within).violations == ["1 results instead of 2"]
    assert Difference(2, 2, False, within).violations == ["other classes"]
    for name in LIMITS:
        outside = within | {name: 0.9 if within[name] else 1.1}
        assert Difference(2, 2, True, outside).violations == [f"{name} {outside[name]:.4g}"]
