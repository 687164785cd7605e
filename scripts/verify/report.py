"""Result of scripts/verify.sh: a table, or the document of --json."""

import sys
from typing import Any, NamedTuple

from scripts.verify.comparison import Comparison
from scripts.verify.options import Options

MAX_LINES = 10  # members that differ and are listed, for each file


class Row(NamedTuple):
    """A line of the table: the file and the result for it."""

    name: str
    compared: Comparison


def table(rows: list[Row], is_verbose: bool = False) -> list[str]:
    """Return the lines of the table; under a file, the first members that differ, or with `is_verbose` all."""
    max_lines = sys.maxsize if is_verbose else MAX_LINES
    width = max(len(row.name) for row in rows)
    lines = [f"{'file':{width}}  {'sha256':64}  result"]
    for name, compared in rows:
        lines.append(f"{name:{width}}  {compared.sha256:64}  {compared.result}")
        lines += [f"  {line}" for line in compared.differences[:max_lines]]
        more = len(compared.differences) - max_lines
        if more > 0:
            lines.append(f"  and {more:,} more")
    return lines


def document(options: Options, rows: list[Row], code: int, reason: str) -> dict[str, Any]:
    """Return the document of --json; `holds` is true if every file is the same."""
    files = [
        {
            "name": name,
            "sha256": compared.sha256 or None,
            "result": compared.result,
            "is_equal": compared.is_equal,
            "differences": list(compared.differences),
        }
        for name, compared in rows
    ]
    return {
        "exit_code": code,
        "error": reason or None,
        "folder": str(options.folder),
        "revision": options.revision,
        "holds": code == 0,
        "files": files,
    }
