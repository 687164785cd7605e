"""Entry point of `python -m benchmarks`; the command line is in cli.py."""

import sys

from benchmarks.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
