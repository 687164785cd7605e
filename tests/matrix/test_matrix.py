"""Detections of the function against those of `predict`, for every model family, task and export form."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.matrix.cells import CELLS, DENSE_TASKS, END2END, NMS, Cell, table
from tests.matrix.compare import LIMITS, Difference

ROWS = [(f"{cell.generation}-{cell.task}", form) for cell in CELLS for form in cell.forms]
PROCESSES = 2  # at the same time; each needs 2 GB


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    """Measurements of `python -m tests.matrix`, by cell and form."""
    folder = tmp_path_factory.mktemp("matrix")
    names = [f"{cell.generation}-{cell.task}" for cell in CELLS]
    parts = [names[start::PROCESSES] for start in range(PROCESSES)]
    running = [_start(part, folder / f"{index}.json") for index, part in enumerate(parts)]
    outputs = [process.communicate()[0] for process in running]
    files = [folder / f"{index}.json" for index in range(len(parts))]
    assert all(file.is_file() for file in files), "\n".join(outputs)
    rows = [row for file in files for row in json.loads(file.read_text())]
    return {(row["cell"], row["form"]): row for row in rows}


def _start(cells: list[str], output: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.matrix", "--only", *cells, "--json", str(output)]
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


def test_matrix_has_every_generation_and_task() -> None:
    assert {cell.generation for cell in CELLS} == {"v3u", "v5u", "v6", "v8", "v9", "v10", "11", "12", "26", "RT-DETR"}
    assert {cell.task for cell in CELLS} == {"detect", "segment", "pose", "obb", "classify", "semantic", "depth"}
    assert END2END in Cell("26", "pose", "").forms
    assert NMS in Cell("11", "obb", "").forms


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
