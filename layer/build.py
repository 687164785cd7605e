"""Packages of the layer: installed, trimmed, checked against Amazon Linux 2023, compiled."""

import subprocess
import sys
from pathlib import Path

from layer import amazon_linux, bytecode, cache, edit, trim
from layer.pin import REQUIREMENTS
from layer.targets import Target, pip_options

PREFIX = "/opt/python"  # where Lambda unpacks `python/` of a layer
HERE = Path(__file__).parent


class InstallFailed(Exception):
    """pip found no suitable wheel, or one with a different hash; the message contains pip's output."""


def cached_packages(target: Target, python: Path | None, store: Path) -> Path:
    """Return a folder with the contents of the layer's `python/`; make it again if its inputs changed.

    Args:
        target: architecture and Python version of the function.
        python: an executable of the target's Python version, for the bytecode; None: no bytecode.
        store: the folder that keeps the results.

    Raises:
        InstallFailed, StaleRule, StaleEdit, IncompatibleLayer, CompileFailed: the step of that name failed.
    """
    build = _python_build(python) if python else "no bytecode"
    inputs = cache.key(str(target), *cache.file_contents([REQUIREMENTS, *HERE.glob("*.py")]), build)
    return cache.cached_folder(store / str(target), inputs, lambda folder: make_packages(target, python, folder))


def untrimmed_packages(target: Target, store: Path) -> Path:
    """Return a folder with the wheels as pip installs them, for comparisons; the build does not need it.

    Raises:
        InstallFailed: pip failed.
    """
    inputs = cache.key(str(target), *cache.file_contents([REQUIREMENTS, HERE / "build.py", HERE / "targets.py"]))
    return cache.cached_folder(store / f"{target}-untrimmed", inputs, lambda folder: install(target, folder))


def make_packages(target: Target, python: Path | None, folder: Path) -> None:
    """Build the packages into `folder`, which must be empty, without the cache.

    Raises:
        InstallFailed, StaleRule, StaleEdit, IncompatibleLayer, CompileFailed: the step of that name failed.
    """
    _log(f"installing the pinned wheels for {target}")
    install(target, folder)
    finish(target, python, folder)


def install(target: Target, folder: Path) -> None:
    """Install the pinned packages for `target` into `folder`, without their dependencies and without bytecode.

    Raises:
        InstallFailed: pip failed.
    """
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    # Some versions of pip compare Requires-Python of a wheel with the running Python, not with --python-version.
    pip.append("--ignore-requires-python")
    command = [*pip, "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS), "--target", str(folder)]
    done = subprocess.run([*command, *pip_options(target)], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise InstallFailed(f"pip could not install layer/requirements.txt for {target}:\n{done.stderr.strip()}")


def finish(target: Target, python: Path | None, folder: Path) -> None:
    """Trim, edit, check and compile the installed packages in `folder`.

    Raises:
        StaleRule, StaleEdit, IncompatibleLayer, CompileFailed: the step of that name failed.
    """
    before = total_size(folder)
    trim.trim(folder)
    edit.apply(folder)
    after = total_size(folder)
    count = amazon_linux.check(folder, target.arch)
    _log(f"trimmed {before / 1e6:.1f} MB to {after / 1e6:.1f} MB; {count} shared objects load on Amazon Linux 2023")
    if python:
        count = bytecode.compile_tree(python, folder, PREFIX, bytecode.NO_DOCSTRINGS)
        _log(f"compiled {count} modules with {python}: {(total_size(folder) - after) / 1e6:.1f} MB of bytecode")


def total_size(folder: Path) -> int:
    """Return the size of all files below `folder`, bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _python_build(python: Path) -> str:
    """Return `sys.version` of a Python: its version and build."""
    command = [str(python), "-I", "-S", "-c", "import sys; print(sys.version)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _log(line: str) -> None:
    sys.stderr.write(f"layer: {line}\n")
