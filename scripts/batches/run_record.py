"""Record of a run beside its file, `results.jsonl.run.json`: source, function and options of the rows in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripts.batches.errors import BatchError

VERSION = 1


def path_of(results: Path) -> Path:
    """Return the record of a file."""
    return results.with_name(results.name + ".run.json")


def read(results: Path) -> dict[str, Any] | None:
    """Return the record of a file; None if there is none.

    Raises:
        BatchError: it cannot be read.
    """
    path = path_of(results)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BatchError(f"{path} cannot be read: {error}; --overwrite begins again") from error
    return record if isinstance(record, dict) else {}


def write(results: Path, record: dict[str, Any]) -> None:
    """Write the record of a file, as a whole or not at all."""
    path = path_of(results)
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps({"version": VERSION, **record}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    temporary.replace(path)


def require_same(results: Path, found: dict[str, Any] | None, record: dict[str, Any]) -> None:
    """Raise BatchError unless the rows of a file that is not empty are those of this run.

    Args:
        results: the file.
        found: its record.
        record: of this run: names and values that must be equal.
    """
    if found is None:
        raise BatchError(f"{results} has rows of another program; set another --out, or --overwrite to begin again")
    for name, value in record.items():
        if found.get(name) != value:
            raise BatchError(
                f"{results} has rows of another run: {name} must be {json.dumps(found.get(name))}, "
                f"got {json.dumps(value)}; set another --out, or --overwrite to begin again"
            )
