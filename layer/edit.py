"""Changes to sources of the installed packages, with the reason for each.

An edit whose text is not in the file exactly once is an error: the package no longer has the source that the edit was
written for. Check this table when a version changes.
"""

from pathlib import Path
from typing import NamedTuple


class Edit(NamedTuple):
    """A change of a source file.

    Attributes:
        file: path below the folder of the packages.
        before: text that occurs once in the file.
        after: text in its place.
        reason: why the change is right for the function.
    """

    file: str
    before: str
    after: str
    reason: str


class StaleEdit(Exception):
    """The text of an edit is not in its file exactly once."""


OVERRIDES = "numpy/_core/overrides.py"
FUNCTION_BASE = "numpy/_core/function_base.py"
MATRIX = "numpy/matrixlib/defmatrix.py"

# Without these, `import numpy` reads the arguments of 300 functions and imports inspect, dis and ast, and
# `import onnxruntime` imports tokenize.
EDITS = (
    Edit(
        OVERRIDES,
        """            if dispatcher is not None:
                verify_matching_signatures(implementation, dispatcher)
            else:
""",
        """            if dispatcher is None:
""",
        "compares the signatures of numpy's own functions; the tests of numpy have done it",
    ),
    Edit(
        OVERRIDES,
        """        if not verify and not getattr(implementation, "__text_signature__", None):
            public_api.__signature__ = inspect.signature(dispatcher)
""",
        "",
        "signatures of functions written in C, for help()",
    ),
    Edit(
        OVERRIDES,
        "            doc = inspect.cleandoc(dispatcher.__doc__)\n",
        "            doc = dispatcher.__doc__\n",
        "indentation of documentation; the bytecode has none",
    ),
    Edit(OVERRIDES, "import inspect\n", "", "is not used any more"),
    Edit(
        FUNCTION_BASE,
        "    doc = inspect.cleandoc(doc)\n",
        "    import inspect\n    doc = inspect.cleandoc(doc)\n",
        "is imported where it is used: `function.lazy_imports` does not add documentation",
    ),
    Edit(FUNCTION_BASE, "import functools\nimport inspect\n", "import functools\n", "is imported where it is used"),
    Edit(MATRIX, "import ast\nimport sys\n", "import sys\n", "is imported where it is used"),
    Edit(
        MATRIX,
        "    for char in '[]':\n",
        "    import ast\n    for char in '[]':\n",
        "is imported where it is used: for a matrix that is a text",
    ),
    Edit(
        "onnxruntime/__init__.py",
        "onnxruntime_validation.check_distro_info()\n",
        "",
        "reads /etc/os-release and does nothing with it; on Linux it warns of nothing",
    ),
)


def apply(packages: Path, edits: tuple[Edit, ...] = EDITS) -> None:
    """Change the sources of the installed packages.

    Args:
        packages: the folder of the installed packages.
        edits: applied in this order.

    Raises:
        StaleEdit: a file does not exist, or does not contain the text of an edit exactly once.
    """
    for edit in edits:
        path = packages / edit.file
        source = path.read_bytes().decode() if path.is_file() else ""
        if source.count(edit.before) != 1:
            raise StaleEdit(
                f"edit of {edit.file} ({edit.reason}): its text must occur once, got {source.count(edit.before)} times"
            )
        path.write_bytes(source.replace(edit.before, edit.after).encode())
