#!/usr/bin/env python3
"""Soak test of the built zips. The command is `scripts/soak/cli.py`: `import scripts.soak` finds the folder.

Run it with the Python that `python3 scripts/environments.py dev` prints.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)  # the first entry is the folder of this file

    from scripts.soak import cli

    sys.exit(cli.main(sys.argv[1:]))
