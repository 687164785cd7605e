"""Folder for /var/runtime: the real runtime client and its dependencies, installed once for each Python.

It is cached in .envs/runtime-3.X and installed again if the pinned versions change.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts import home
from scripts.local_lambda.artifacts import Interpreter
from scripts.local_lambda.errors import NotRunnable

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "runtime-requirements.txt"
PROGRAMS = ("bootstrap.py", "draw_boxes.py")  # copied next to the client
SERVICES = ("bedrock-runtime", "s3", "signin", "sso", "sso-oidc", "sts")  # that function/ calls, and for credentials
WHEEL_TAGS = {  # architecture -> platform tags for pip, which does not add older tags itself
    "x86_64": ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "arm64": ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
}


def ensure(interpreter: Interpreter, arch: str) -> Path:
    """Return the runtime folder of a Python; install it if it is missing or the pinned versions changed.

    Raises:
        NotRunnable: no Python has pip, or pip failed.
    """
    state = f"{interpreter.version} {arch} {SERVICES}"
    stamp = hashlib.sha256(REQUIREMENTS.read_bytes() + state.encode()).hexdigest()
    folder = home.environments() / f"runtime-{interpreter.minor}"
    stamp_file = folder / "stamp"
    try:
        cache = home.make(home.environments())
    except home.NotWritable as error:
        if _is_current(folder, stamp) and all(_is_copy(HERE / name, folder / name) for name in PROGRAMS):
            return folder  # made before by a user who could write
        raise NotRunnable(str(error)) from error
    with (cache / f"runtime-{interpreter.minor}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may start at the same time
        if not _is_current(folder, stamp):
            _install(interpreter, arch, folder)
            stamp_file.write_text(stamp)
        for name in PROGRAMS:
            _refresh(HERE / name, folder / name)
    return folder


def _install(interpreter: Interpreter, arch: str, folder: Path) -> None:
    sys.stderr.write(f"installing the Lambda runtime client for Python {interpreter.minor} into {folder} (once)\n")
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    tags = [argument for tag in WHEEL_TAGS[arch] for argument in ("--platform", tag)]
    command = [
        str(_pip_python(interpreter)), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-compile",
        "--no-deps", "--only-binary=:all:", "--implementation", "cp", "--python-version", interpreter.minor, *tags,
        "--root-user-action=ignore", "--target", str(fresh), "-r", str(REQUIREMENTS),
    ]  # fmt: skip
    environ = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    if subprocess.run(command, stdout=sys.stderr, env=environ).returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        raise NotRunnable("the Lambda runtime client could not be installed; see the output of pip above")
    for description in (fresh / "botocore" / "data").iterdir():  # of all services of AWS, 25 MB
        if description.is_dir() and description.name not in SERVICES:
            shutil.rmtree(description)
    compile_all = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(fresh)]
    subprocess.run([str(interpreter.executable), "-I", "-S", *compile_all], check=True, stdout=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _pip_python(interpreter: Interpreter) -> Path:
    """Return any Python with pip: pip installs for the target Python."""
    candidates = [interpreter.executable, Path(sys.executable), *sorted(home.environments().glob("*/bin/python"))]
    for candidate in candidates:
        if not subprocess.run([str(candidate), "-m", "pip", "--version"], capture_output=True).returncode:
            return candidate
    raise NotRunnable(f"no Python with pip available; tried: {', '.join(map(str, candidates))}")


def _is_current(folder: Path, stamp: str) -> bool:
    return (folder / "stamp").is_file() and (folder / "stamp").read_text() == stamp


def _is_copy(source: Path, copy: Path) -> bool:
    return copy.is_file() and copy.read_bytes() == source.read_bytes()


def _refresh(source: Path, copy: Path) -> None:
    """Copy a file atomically if the copy differs."""
    if not _is_copy(source, copy):
        fresh = copy.with_name(copy.name + ".new")
        shutil.copyfile(source, fresh)
        fresh.replace(copy)
