"""``python -m export WEIGHTS``; everything is in cli.py."""

import sys

from export.cli import main

sys.exit(main(sys.argv[1:]))
