"""Results as tables: the columns of CSV and Parquet, and their rows. One row for each detection.

An image without detections has one row with empty fields, and so has an image with an error, whose column `error` is
the type of the error. There are no times and no messages: two runs give the same bytes.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.batches.errors import BatchError
from scripts.batches.sorted_rows import Kinds, SortedRows
from scripts.predictions.csv_rows import BOX, CLASS, READING, TASK_FIELDS, rows

SOURCE = ("source", "width", "height")
ERROR = "error"
TEXT = {"source", "class_name", "segments", "mask", "keypoints", "corners", READING, ERROR}  # the others are numbers
INTEGERS = {"width", "height", "class_id"}
ROWS_PER_GROUP = 20_000  # of a Parquet file, which are in memory at the same time
NO_PYARROW = "--format parquet requires pyarrow: `{python} -m pip install pyarrow` installs it, and the command goes on"


def columns(kinds: Kinds) -> tuple[str, ...]:
    """Return the columns for the tasks of the results."""
    of_tasks = dict.fromkeys(name for task in sorted(kinds.tasks) for name in TASK_FIELDS.get(task, ()))
    return (*SOURCE, *CLASS, *BOX, *of_tasks, *((READING,) if kinds.has_readings else ()), ERROR)


def write_csv(results: SortedRows, path: Path) -> None:
    """Write CSV with a line of names."""
    names = columns(results.kinds)
    with path.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for row in _table(results):
            writer.writerow([row.get(name, "") for name in names])


def write_parquet(results: SortedRows, path: Path) -> None:
    """Write Parquet; arrays are JSON text, as in CSV, and empty fields are null.

    Raises:
        BatchError: pyarrow is not installed.
    """
    arrow, parquet = require_pyarrow()
    names = columns(results.kinds)
    schema = arrow.schema([(name, _type(name, arrow)) for name in names])
    table = _table(results)
    with contextlib.closing(parquet.ParquetWriter(path, schema)) as writer:
        while group := list(itertools.islice(table, ROWS_PER_GROUP)):
            values = {name: [_value(row.get(name), name) for row in group] for name in names}
            writer.write_table(arrow.table(values, schema=schema))


def require_pyarrow() -> tuple[Any, Any]:
    """Return the modules `pyarrow` and `pyarrow.parquet`.

    Raises:
        BatchError: they are not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        import sys

        raise BatchError(NO_PYARROW.format(python=sys.executable)) from None
    return pyarrow, parquet


def _table(results: SortedRows) -> Iterator[dict[str, Any]]:
    for body in results:
        start: dict[str, Any] = {"source": body["source"]}
        if "error" in body:
            yield start | {ERROR: body.get("type", "")}
            continue
        start |= body["image_dimensions"]
        for fields in rows(body) or [{}]:
            yield start | fields


def _type(name: str, arrow: Any) -> Any:
    if name in TEXT:
        return arrow.string()
    return arrow.int64() if name in INTEGERS else arrow.float64()


def _value(value: Any, name: str) -> Any:
    """Return a value for a column of Parquet; None for an empty one."""
    if value is None or value == "":
        return None
    if name in TEXT:
        return str(value).encode("utf-8", "backslashreplace").decode()
    return int(value) if name in INTEGERS else float(value)
