"""Command line of the matrix: `python -m tests.matrix [--only 11-pose] [--json FILE]`, in the export environment.

Each network gets seeded random weights and is exported in each of its forms. On two images, the detections of the
function are compared with those of `YOLO(...).predict`, with a confidence threshold that at least 50 candidates pass.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from export import venv
from export.errors import ExportError
from scripts.environments import project_version
from tests.matrix.cells import INPUT_SIZES


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog="python -m tests.matrix", description="Compare the function with Ultralytics for every family and task."
    )
    add = command.add_argument
    add("--only", nargs="*", default=[], metavar="NAME", help="cells, such as v8-detect or v8 (default: all cells)")
    add(
        "--imgsz", nargs="*", default=[], type=int, choices=INPUT_SIZES, metavar="N",
        help="sides of the model input in pixels that are compared too, for v8, 11 and 26: 640 (default: none)",
    )  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="write the measurements as JSON (default: no file)")
    add("--version", action="version", version=f"%(prog)s {project_version()}", help="print the version and exit")
    return command


def main(arguments: list[str]) -> int:
    """Run the matrix; return 0 if every cell agrees, 1 if one does not, 2 without an export environment."""
    options = parser().parse_args(arguments)
    try:
        venv.enter("tests.matrix", arguments)
    except ExportError as error:
        sys.stderr.write(f"matrix: {error}\n")
        return error.exit_code
    from tests.matrix import run

    with tempfile.TemporaryDirectory(prefix="matrix-") as folder:
        rows = list(run.run(options.only, options.imgsz, Path(folder)))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if rows and not any(row["violations"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
