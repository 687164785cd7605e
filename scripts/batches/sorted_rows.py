"""Rows of a JSONL file in the order of their sources, without holding them in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

from scripts.batches import temporary_database
from scripts.batches.results_file import read_rows


class Kinds(NamedTuple):
    """What a file has: the tasks of its models, and whether any detection has a reading."""

    tasks: frozenset[str]
    has_readings: bool


class SortedRows:
    """Rows by source, for several passes; a context manager.

    Attributes:
        kinds: of the rows.
    """

    def __init__(self, path: Path) -> None:
        """Read the file once: where the line of each source is.

        Raises:
            BatchError: a line is not a row.
        """
        self._index = temporary_database.connect()
        self._index.execute("CREATE TABLE lines (source TEXT PRIMARY KEY, offset INT, length INT) WITHOUT ROWID")
        self._index.execute("BEGIN")
        tasks, has_readings = set(), False
        for offset, length, fields in read_rows(path):
            self._index.execute("INSERT OR IGNORE INTO lines VALUES (?, ?, ?)", (fields["source"], offset, length))
            if "model" in fields:
                tasks.add(str(fields["model"].get("task")))
            has_readings = has_readings or any("reading" in row for row in fields.get("detections", ()))
        self._index.execute("COMMIT")
        self.kinds = Kinds(frozenset(tasks), has_readings)
        self._file = path.open("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
        self._index.close()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the fields of each row, by source as UTF-8."""
        for offset, length in self._index.execute("SELECT offset, length FROM lines ORDER BY source"):
            self._file.seek(offset)
            fields: dict[str, Any] = json.loads(self._file.read(length))
            yield fields
