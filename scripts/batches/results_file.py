"""The JSONL file of a run: one line for each image, appended as the responses come.

The file is the truth. Which images it has is read from it at the start, into a temporary database on disk, so that the
memory does not grow with the number of rows. A line is one write, so that a killed process leaves whole lines; a line
that was cut by a full disk or a power failure is removed at the next start.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

from scripts.batches import run_record, temporary_database
from scripts.batches.errors import BatchError, is_transient


class Row(NamedTuple):
    """A line of the file: its first byte, its length with the line break, and its fields."""

    offset: int
    length: int
    fields: dict[str, Any]


class ResultsFile:
    """Open file with its lock; a context manager.

    Attributes:
        path: of the file.
        count: rows in it.
        errors: rows in it that are errors.
        retried: rows with a transient error that were removed when the file was opened: their images are not done.
    """

    def __init__(self, path: Path, record: dict[str, Any], overwrite: bool = False) -> None:
        """Open a file, lock it, repair its last line, and read which images are done.

        Args:
            path: of the JSONL file; it and its folder are made if they do not exist.
            record: what is written to the record of the run, and must equal the record of a file that has rows.
            overwrite: remove the rows of another run.

        Raises:
            BatchError: another process has the file open, it has rows of another run, or a line is not a row.
            OSError: it cannot be written.
        """
        self.path, self.count, self.errors, self.retried = path, 0, 0, 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _open_locked(path)
        self._replaced: list[int] = []  # earlier files of this path, whose locks are kept
        self._index = temporary_database.connect()
        self._index.execute("CREATE TABLE done (source TEXT PRIMARY KEY) WITHOUT ROWID")
        try:
            self._begin(record, overwrite)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def done(self, source: str) -> bool:
        """Return whether an image has its row."""
        return self._index.execute("SELECT 1 FROM done WHERE source = ?", (source,)).fetchone() is not None

    def append(self, row: dict[str, Any]) -> bool:
        """Write the row of an image, and return whether it was written: not if the image has one already.

        Args:
            row: `source` with the fields of the response, or with `error` and `type`.

        Raises:
            OSError: it cannot be written; no part of it is in the file.
        """
        if self._index.execute("INSERT OR IGNORE INTO done VALUES (?)", (row["source"],)).rowcount == 0:
            return False
        _write_all(self._file, _line(row))
        self.count += 1
        self.errors += "error" in row
        return True

    def rows(self) -> Iterator[Row]:
        """Yield the rows in the order of the file."""
        return read_rows(self.path)

    def close(self) -> None:
        """Write the file to the disk and unlock it."""
        os.fsync(self._file)
        for descriptor in (self._file, *self._replaced):
            os.close(descriptor)
        self._index.close()

    def _begin(self, record: dict[str, Any], overwrite: bool) -> None:
        if os.fstat(self._file).st_size:
            found = None if overwrite else run_record.read(self.path)
            if overwrite:
                os.ftruncate(self._file, 0)
            else:
                run_record.require_same(self.path, found, record)
        run_record.write(self.path, record)
        _repair(self._file)
        if self._load():
            self._rewrite()

    def _load(self) -> bool:
        """Read which images are done; return whether the file has rows to remove: transient errors, repetitions."""
        repeated = 0
        self._index.execute("BEGIN")
        for row in self.rows():
            if is_transient(row.fields):
                self.retried += 1
                continue
            is_new = self._index.execute("INSERT OR IGNORE INTO done VALUES (?)", (row.fields["source"],)).rowcount
            repeated += not is_new
            self.count += is_new
            self.errors += bool(is_new) and "error" in row.fields
        self._index.execute("COMMIT")
        return bool(self.retried or repeated)

    def _rewrite(self) -> None:
        """Replace the file by one without transient errors and repetitions."""
        temporary = self.path.with_name(self.path.name + ".new")
        temporary.unlink(missing_ok=True)
        copy = _open_locked(temporary)
        self._index.execute("CREATE TEMP TABLE kept (source TEXT PRIMARY KEY) WITHOUT ROWID")
        self._index.execute("BEGIN")
        for row in self.rows():
            statement = "INSERT OR IGNORE INTO kept VALUES (?)"
            if not is_transient(row.fields) and self._index.execute(statement, (row.fields["source"],)).rowcount:
                _write_all(copy, _line(row.fields))
        self._index.execute("COMMIT")
        self._index.execute("DROP TABLE kept")
        os.fsync(copy)
        temporary.replace(self.path)
        self._replaced.append(self._file)
        self._file = copy


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a file in their order.

    Raises:
        BatchError: a line is not a JSON object with `source`.
    """
    offset = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                fields = json.loads(line)
                if not isinstance(fields["source"], str):
                    raise TypeError
            except (ValueError, TypeError, KeyError):
                raise BatchError(
                    f"{path}, line {number}: a line must be a JSON object with source; remove it, or set --overwrite"
                ) from None
            yield Row(offset, len(line), fields)
            offset += len(line)


def _open_locked(path: Path) -> int:
    """Open a file for appending, and lock it against other processes until it is closed.

    Raises:
        BatchError: another process has the lock.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(descriptor), path.stat()):  # replaced between the two calls
            raise BlockingIOError
    except BlockingIOError:
        os.close(descriptor)
        raise BatchError(f"{path} is written by another process; wait for its end, or set another --out") from None
    return descriptor


def _repair(descriptor: int) -> None:
    """Remove a last line that has no line break: it was cut, and its image is not done."""
    size = end = os.fstat(descriptor).st_size
    block = 1 << 16
    while end:
        start = max(end - block, 0)
        position = os.pread(descriptor, end - start, start).rfind(b"\n")
        if position >= 0:
            end = start + position + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)


def _line(row: dict[str, Any]) -> bytes:
    """Return a row as one line, `source` first."""
    fields = {"source": row["source"], **row}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"


def _write_all(descriptor: int, data: bytes) -> None:
    """Append bytes, all of them or none."""
    before = os.fstat(descriptor).st_size
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError:
        os.ftruncate(descriptor, before)
        raise
