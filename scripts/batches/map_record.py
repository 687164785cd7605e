"""Execution of a run, kept beside its file in `results.jsonl.map.json`: the same command follows it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import NamedTuple

from scripts.batches.errors import BatchError


class Execution(NamedTuple):
    """Execution of a run, kept beside its file.

    Attributes:
        base: name without the number: another --out, SOURCE, function or options have another one.
        number: of the execution; a later one has the images without a row.
        is_listing: it lists SOURCE itself, without a manifest.
        is_collected: its rows are in the file.
    """

    base: str
    number: int = 0
    is_listing: bool = False
    is_collected: bool = True

    @property
    def name(self) -> str:
        """Name of the execution, at most 80 characters."""
        return f"{self.base}-{self.number}"


def base_name(results: Path, parts: list[object]) -> str:
    """Return the name of the executions of a file without a number.

    Args:
        results: the file.
        parts: source, function and options: others have another name.
    """
    digest = hashlib.sha256(json.dumps([str(results.resolve()), *parts], sort_keys=True).encode()).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', results.stem)[:50]}-{digest}"


def read(results: Path, base: str) -> Execution:
    """Return the last execution of a file; one that is collected if there is none with this base.

    Raises:
        BatchError: the record cannot be read.
    """
    path = path_of(results)
    try:
        kept = Execution(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Execution(base)
    except (OSError, ValueError, TypeError) as error:
        raise BatchError(f"{path} cannot be read: {error}; remove it to start an execution") from error
    return kept if kept.base == base else Execution(base)


def write(results: Path, execution: Execution) -> None:
    """Write the record of a file, as a whole or not at all."""
    path = path_of(results)
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps(execution._asdict()) + "\n", encoding="utf-8")
    temporary.replace(path)


def path_of(results: Path) -> Path:
    """Return the record of a file."""
    return results.with_name(results.name + ".map.json")
