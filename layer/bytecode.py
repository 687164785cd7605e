"""Bytecode that Lambda takes as it is: .pyc files beside the sources, made by the target's own Python.

Lambda's disk is read-only, so what is not shipped is compiled anew in each cold start. The files are of the
"unchecked hash" kind: the usual kind compares the source's date, which in a reproducible zip is not the real one, and
would be taken for stale each time.

This file is also the program that the target's Python runs, so it imports nothing of ours.
"""

import importlib.util
import os
import py_compile
import subprocess
import sys
from pathlib import Path

ENVIRONMENT = {"PYTHONHASHSEED": "0", "PATH": os.defpath}  # sets come out in one order; nothing else is inherited
# A level of `python -O`; assertions go too, since some of numpy's are about docstrings. Of 29,647 tests of numpy 2.5.5,
# 88 fail with this and `function.lazy_imports`: those of docstrings, and of signatures that are read from them.
NO_DOCSTRINGS = 2
ISOLATED = ("-s", "-S", "-P", "-B")  # no site-packages, no folder of the user or of this file, nothing written unasked


class CompileFailed(Exception):
    """The target's Python could not compile a source; the message holds what it said."""


def compile_tree(python: Path, folder: Path, prefix: str, optimize: int = 0) -> int:
    """Writes a .pyc for every .py below `folder`, each in its `__pycache__`.

    Args:
        python: the executable of the target's Python version.
        folder: the tree of sources.
        prefix: where `folder` will lie in Lambda, such as "/opt/python": the path that tracebacks show.
        optimize: level of `python -O` that the code is compiled at; the files are found at level 0 all the same.

    Returns:
        How many there are.

    Raises:
        CompileFailed: a source is not valid for that Python.
    """
    command = [str(python), *ISOLATED, str(Path(__file__).resolve()), str(folder), prefix, str(optimize)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CompileFailed(f"{python} could not compile {folder}:\n{done.stderr.strip()}")
    return int(done.stdout)


def _compile_here(folder: Path, prefix: str, optimize: int) -> int:
    """The same with the Python that runs this; sorted, so that one state follows from the other in every run."""
    sources = sorted(folder.rglob("*.py"))
    for source in sources:
        py_compile.compile(
            str(source),
            cfile=importlib.util.cache_from_source(source, optimization=""),
            dfile=f"{prefix}/{source.relative_to(folder).as_posix()}",
            doraise=True,
            optimize=optimize,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    return len(sources)


if __name__ == "__main__":
    sys.stdout.write(str(_compile_here(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
