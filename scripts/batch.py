#!/usr/bin/env python3
"""Predict thousands of images with a deployed function, into one file.

Runs under any Python from 3.9 on; the environment `aws`, which is set up if needed, has what it uses.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    sys.path[0] = str(ROOT)  # started as a file: the first entry is the folder of this file

from scripts import environments  # noqa: E402
from scripts.batches.options import parse, parser  # noqa: E402

__all__ = ["main", "parser"]


def main(arguments: list[str]) -> int:
    """Run the command; return the exit code: 0, 1, 2 or 130."""
    options = parse(arguments)
    if not environments.has_packages("aws"):
        return environments.run_in("aws", [str(ROOT / "scripts" / "batch.py"), *arguments])
    from scripts.batches.command import execute

    return execute(options, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
