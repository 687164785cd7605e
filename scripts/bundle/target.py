"""Python version that zips are built for, if the command line does not name one."""

from __future__ import annotations

from typing import NamedTuple

from layer.targets import DEFAULT_PYTHON, PYTHONS
from scripts import pythons


class TargetPython(NamedTuple):
    """Version of Lambda's Python, and a note for the user; "" if it is the default version."""

    version: str
    note: str


def choose() -> TargetPython:
    """Return the version of the runtime to build for.

    The default version is installed with uv if this machine lacks it. Without network, the newest of Lambda's Pythons
    on this machine is taken, because bytecode needs the same version. If there is none, the zips have no bytecode.
    """
    if pythons.find(DEFAULT_PYTHON) or pythons.install(DEFAULT_PYTHON):
        return TargetPython(DEFAULT_PYTHON, "")
    present = [version for version in reversed(PYTHONS) if pythons.find(version)]
    if not present:
        return TargetPython(DEFAULT_PYTHON, "")  # cli.NO_BYTECODE tells what is lost
    return TargetPython(
        present[0],
        f"Python {DEFAULT_PYTHON} is not on this machine and could not be installed: the zips are for the runtime "
        f"python{present[0]}, and do not run on python{DEFAULT_PYTHON}. --python chooses another one.",
    )
