"""Runs the matrix: `python -m tests.matrix [--only 11-pose] [--json FILE]`, in the export environment.

Each network is built with seeded random weights, exported in each of its forms, and compared on two pictures with
what `YOLO(...).predict` finds, at a confidence that at least 50 candidates pass.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from export import venv
from export.errors import ExportError


def main(arguments: list[str]) -> int:
    """The exit code: 0 if every cell agrees, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], metavar="CELL", help="such as v8-detect or v8; default: all")
    parser.add_argument("--json", type=Path, help="where the measures go")
    order = parser.parse_args(arguments)
    try:
        venv.enter("tests.matrix", arguments)
    except ExportError as error:
        sys.stderr.write(f"matrix: {error}\n")
        return error.exit_code
    from tests.matrix import run

    with tempfile.TemporaryDirectory(prefix="matrix-") as folder:
        rows = list(run.run(order.only, Path(folder)))
    if order.json:
        order.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if rows and not any(row["complaints"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
