"""CSV, COCO and Parquet out of the JSONL file of a run: sorted by source, without times, equal for equal results."""

from __future__ import annotations

from pathlib import Path

from scripts.batches import coco_file, tables
from scripts.batches.sorted_rows import SortedRows

WRITERS = {"csv": tables.write_csv, "coco": coco_file.write, "parquet": tables.write_parquet}


def convert(results: Path, out: Path, form: str) -> None:
    """Write the rows of a JSONL file in another format; the file is replaced when it is complete.

    Args:
        results: the JSONL file, whose last line is complete.
        out: the file to write.
        form: csv, coco or parquet.

    Raises:
        BatchError: the format cannot hold the results, or pyarrow is not installed.
        OSError: the file cannot be written.
    """
    temporary = out.with_name(out.name + ".new")
    try:
        with SortedRows(results) as rows:
            WRITERS[form](rows, temporary)
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)


def require(form: str, task: str | None = None) -> None:
    """Check before the run that a format can be written.

    Args:
        form: of the option.
        task: of the model; None: not known yet.

    Raises:
        BatchError: pyarrow is not installed, or the format cannot hold the results of the task.
    """
    if form == "parquet":
        tables.require_pyarrow()
    if form == "coco" and task is not None:
        coco_file.require_detections(task)
