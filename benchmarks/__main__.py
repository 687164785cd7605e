"""``python -m benchmarks``; everything is in cli.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))  # the local Lambda and its neighbours

from benchmarks.cli import main  # imports from that folder

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
