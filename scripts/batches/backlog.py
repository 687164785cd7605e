"""The images that are not done, in a temporary database on disk: each once, in the order of the source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Self

from scripts.batches import temporary_database
from scripts.batches.sources import Item

PAGE = 500  # images that are read at a time


class Backlog:
    """Images to do, in rounds: an image that fails in one round is in the next. A context manager.

    Attributes:
        count: images that were added.
    """

    def __init__(self) -> None:
        """Make an empty backlog; the file of its database has no name and ends with the process."""
        self.count = 0
        self._database = temporary_database.connect()
        self._database.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, source TEXT UNIQUE, path BLOB)")
        self._database.execute(
            "CREATE TABLE failed (round INT, id INT, source TEXT, path BLOB, row TEXT, PRIMARY KEY (round, id))"
        )
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._database.close()

    def add(self, item: Item) -> bool:
        """Add an image, and return whether it is new."""
        statement = "INSERT OR IGNORE INTO items (source, path) VALUES (?, ?)"
        is_new = self._database.execute(statement, item).rowcount == 1
        self.count += is_new
        return is_new

    def fail(self, item: Item, row: dict[str, Any], number: int) -> None:
        """Keep an image for the round after a round, with its error."""
        self._database.execute(
            "INSERT OR REPLACE INTO failed SELECT ?, id, source, path, ? FROM items WHERE source = ?",
            (number + 1, json.dumps(row), item.source),
        )

    def failures(self, number: int) -> int:
        """Return how many images a round has that failed before."""
        return int(self._database.execute("SELECT count(*) FROM failed WHERE round = ?", (number,)).fetchone()[0])

    def items(self, number: int) -> Iterator[Item]:
        """Yield the images of a round: 0 has all of them."""
        statement = "SELECT id, source, path FROM items WHERE id > ? ORDER BY id LIMIT ?"
        values: tuple[int, ...] = ()
        if number:
            statement = "SELECT id, source, path FROM failed WHERE round = ? AND id > ? ORDER BY id LIMIT ?"
            values = (number,)
        last = 0
        while page := self._database.execute(statement, (*values, last, PAGE)).fetchall():
            for _, source, path in page:
                yield Item(source, path)
            last = page[-1][0]

    def rows(self, number: int) -> Iterator[dict[str, Any]]:
        """Yield the errors of the images of a round that failed before."""
        for (row,) in self._database.execute("SELECT row FROM failed WHERE round = ? ORDER BY id", (number,)):
            yield json.loads(row)
