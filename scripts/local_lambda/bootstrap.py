"""Program at /var/runtime/bootstrap.py: sets Lambda's module search path, then starts the real runtime client.

Runs on the target Python inside the sandbox, never in this project's own environments.
"""

import os
import sys
from time import monotonic

STARTED = monotonic()  # the interpreter is running; the benchmarks read it


def set_search_path(opt: str) -> None:
    """Put the task root, then the two folders of the layer, before the runtime and the standard library.

    Args:
        opt: folder of the layer; /opt where the sandbox can provide it.

    Source: docs.aws.amazon.com/lambda/latest/dg/python-package, "Search path".
    """
    layer = f"{opt}/python"
    packages = f"{layer}/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], packages, layer]
    if os.environ.get("LC_CTYPE") == "C.UTF-8":  # Python sets it where en_US.UTF-8 is not installed (PEP 538)
        del os.environ["LC_CTYPE"]


def main() -> None:
    """Serve the handler of `_HANDLER` until the process is ended."""
    set_search_path(sys.argv.pop())
    from awslambdaric.__main__ import main as serve

    serve([__file__, os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
