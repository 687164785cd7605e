"""The finished packages of the layer: installed, trimmed, checked against Amazon Linux 2023, compiled."""

import shutil
import subprocess
import sys
from pathlib import Path

from layer import amazon_linux, bytecode, cache, trim
from layer.pin import REQUIREMENTS
from layer.targets import Target, pip_options

PREFIX = "/opt/python"  # where Lambda unpacks `python/` of a layer
HERE = Path(__file__).parent


def kept(target: Target, python: Path | None, store: Path) -> Path:
    """A folder below `store` with what goes into `python/` of the layer, made anew if anything it is made from changed.

    Args:
        target: the machine it is for.
        python: an executable of the target's Python version for the bytecode; None leaves the bytecode out.
        store: where such folders are kept.

    Raises:
        InstallFailed, StaleRule, UnfitLayer, CompileFailed: the step of that name did not work out.
    """
    wheels = cache.key(str(target), *cache.contents([REQUIREMENTS, HERE / "build.py", HERE / "targets.py"]))

    def make_installed(folder: Path) -> None:
        _say(f"installing the pinned wheels for {target}")
        install(target, folder)

    def make_finished(folder: Path) -> None:
        installed = cache.kept(store / f"{target}-wheels", wheels, make_installed)
        shutil.copytree(installed, folder, dirs_exist_ok=True)
        finish(target, python, folder)

    code = cache.key(wheels, *cache.contents(HERE.glob("*.py")), _build(python) if python else "no bytecode")
    return cache.kept(store / str(target), code, make_finished)


def make(target: Target, python: Path | None, folder: Path) -> None:
    """The same in `folder`, which is empty, and from nothing."""
    install(target, folder)
    finish(target, python, folder)


def finish(target: Target, python: Path | None, folder: Path) -> None:
    """Everything after the installation, in place."""
    before = size(folder)
    trim.trim(folder)
    after = size(folder)
    objects = amazon_linux.check(folder, target.arch)
    _say(f"trimmed {before / 1e6:.1f} MB to {after / 1e6:.1f} MB; {objects} shared objects fit Amazon Linux 2023")
    if python:
        count = bytecode.compile_tree(python, folder, PREFIX, bytecode.NO_DOCSTRINGS)
        _say(f"compiled {count} modules with {python}: {(size(folder) - after) / 1e6:.1f} MB of bytecode")


def size(folder: Path) -> int:
    """Bytes of all files below `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _build(python: Path) -> str:
    """What a Python says of its own version and build."""
    command = [str(python), "-I", "-S", "-c", "import sys; print(sys.version)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _say(line: str) -> None:
    sys.stderr.write(f"layer: {line}\n")


class InstallFailed(Exception):
    """pip found no such wheel, or one whose hash is another; what it said is in the message."""


def install(target: Target, folder: Path) -> None:
    """Puts the pinned packages for `target` into `folder`, without their dependencies and without bytecode.

    Raises:
        InstallFailed: pip could not do it.
    """
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command = [*pip, "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS), "--target", str(folder)]
    done = subprocess.run([*command, *pip_options(target)], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise InstallFailed(f"pip could not install layer/requirements.txt for {target}:\n{done.stderr.strip()}")
