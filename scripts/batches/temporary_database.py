"""Temporary SQLite databases on disk: what a run knows of each image, without memory for each image."""

from __future__ import annotations

import sqlite3

CACHE_KB = 16_000  # of memory; keys in random order otherwise wait for the disk


def connect() -> sqlite3.Connection:
    """Return a database without a name, which ends with the connection or the process.

    SQLITE_TMPDIR sets its folder. Every statement is its own transaction until BEGIN.
    """
    database = sqlite3.connect("", isolation_level=None)
    database.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    database.execute("PRAGMA journal_mode = OFF")
    return database
