"""Bytecode that Lambda takes as it is: .pyc files beside the sources, made by the target's own Python.

Lambda's disk is read-only, so what is not shipped is compiled anew in each cold start. The files are of the
"unchecked hash" kind: the usual kind compares the source's date, which in a reproducible zip is not the real one, and
would be taken for stale each time.

Docstrings are left out: nobody reads them there, and each start would. `python -OO` does so too, but leaves out
assertions as well. The sources beside keep both.

This file is also the program that the target's Python runs, so it imports nothing of ours.
"""

import ast
import importlib.util
import marshal
import os
import subprocess
import sys
from pathlib import Path

ENVIRONMENT = {"PYTHONHASHSEED": "0", "PATH": os.defpath}  # sets come out in one order; nothing else is inherited
UNCHECKED_HASH = (0b01).to_bytes(4, "little")  # PEP 552: the kind of the file, by its flags
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
ISOLATED = ("-s", "-S", "-P", "-B")  # no site-packages, no folder of the user or of this file, nothing written unasked


class CompileFailed(Exception):
    """The target's Python could not compile a source; the message holds what it said."""


def compile_tree(python: Path, folder: Path, prefix: str) -> int:
    """Writes a .pyc for every .py below `folder`, each in its `__pycache__`.

    Args:
        python: the executable of the target's Python version.
        folder: the tree of sources.
        prefix: where `folder` will lie in Lambda, such as "/opt/python": the path that tracebacks show.

    Returns:
        How many there are.

    Raises:
        CompileFailed: a source is not valid for that Python.
    """
    command = [str(python), *ISOLATED, str(Path(__file__).resolve()), str(folder), prefix]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CompileFailed(f"{python} could not compile {folder}:\n{done.stderr.strip()}")
    return int(done.stdout)


def _compile_here(folder: Path, prefix: str) -> int:
    """The same with the Python that runs this; sorted, so that one state follows from the other in every run."""
    sources = sorted(folder.rglob("*.py"))
    for source in sources:
        content = source.read_bytes()
        tree = ast.parse(content, str(source))
        _drop_docstrings(tree)
        code = compile(tree, f"{prefix}/{source.relative_to(folder).as_posix()}", "exec", dont_inherit=True, optimize=0)
        file = Path(importlib.util.cache_from_source(source, optimization=""))
        file.parent.mkdir(exist_ok=True)
        head = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(content)
        file.write_bytes(head + marshal.dumps(code))
    return len(sources)


def _drop_docstrings(tree: ast.Module) -> None:
    """A body of nothing but a docstring becomes `pass`, on the same line."""
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            docstring = node.body.pop(0)
            if not node.body:
                node.body.append(ast.copy_location(ast.Pass(), docstring))


if __name__ == "__main__":
    sys.stdout.write(str(_compile_here(Path(sys.argv[1]), sys.argv[2])))
