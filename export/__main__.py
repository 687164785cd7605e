"""Start of ``python -m export WEIGHTS``; cli.py has the command."""

import sys
from pathlib import Path

# `-m` puts the current folder first, and a user's folder may hold a torch.py or an onnx.py.
if sys.path and sys.path[0] in ("", str(Path.cwd())) and Path.cwd() != Path(__file__).resolve().parent.parent:
    del sys.path[0]

from export.cli import main

sys.exit(main(sys.argv[1:]))
