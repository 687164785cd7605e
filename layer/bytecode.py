"""Bytecode for Lambda: .pyc files next to the sources, compiled by the target's own Python.

Lambda's disk is read-only, so a module without shipped bytecode is compiled again in each cold start. The files are of
the "unchecked hash" kind (PEP 552). The default kind compares the date of the source, which in a reproducible zip is
not the real date, so Python would treat each file as stale.

The target's Python also runs this file as a program, so it imports nothing of the project.
"""

import importlib.util
import os
import py_compile
import subprocess
import sys
from pathlib import Path

ENVIRONMENT = {"PYTHONHASHSEED": "0", "PATH": os.defpath}  # a fixed order of sets; no other variable is inherited
# A level of `python -O`. It removes assertions too, because some assertions of numpy are about docstrings. Of 29,647
# tests of numpy 2.5.5, 88 fail with this level and `function.lazy_imports`: tests of docstrings, and of signatures that
# are read from docstrings.
NO_DOCSTRINGS = 2
# No site-packages, neither the user's folder nor the folder of this file on the path, and no .pyc written on import.
ISOLATED = ("-s", "-S", "-P", "-B")


class CompileFailed(Exception):
    """The target's Python could not compile a source; the message contains its output."""


def compile_tree(python: Path, folder: Path, prefix: str, optimize: int = 0) -> int:
    """Write a .pyc into `__pycache__` for every .py below `folder`.

    Args:
        python: the executable of the target's Python version.
        folder: the tree of sources.
        prefix: the path of `folder` in Lambda, such as "/opt/python"; tracebacks show it.
        optimize: level of `python -O` for the compiler; the file names are those of level 0 at any level.

    Returns:
        The number of compiled files.

    Raises:
        CompileFailed: a source is not valid for that Python.
    """
    command = [str(python), *ISOLATED, str(Path(__file__).resolve()), str(folder), prefix, str(optimize)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CompileFailed(f"{python} could not compile {folder}:\n{done.stderr.strip()}")
    return int(done.stdout)


def _compile_here(folder: Path, prefix: str, optimize: int) -> int:
    """Compile with the running Python, in sorted order: the bytes then are the same in every run."""
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
