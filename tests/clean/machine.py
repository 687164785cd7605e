"""A machine with a stated Python, a few tools, an empty home and no variables, and a fresh checkout on it."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from scripts import pythons
from tests.conftest import ROOT

TOOLS = ("bash", "dirname", "env", "sh", "tail")  # what the scripts call; no git, gcc, unzip, sed
PIP_VARIABLES = re.compile(r"PIP_\w+|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|(https?|no)_proxy", re.IGNORECASE)
UNREACHABLE = "http://127.0.0.1:9"  # the port "discard", where nothing listens
NO_NETWORK = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_INDEX_URL": f"{UNREACHABLE}/simple",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_NO_CACHE_DIR": "1",
    "YOLO_LAMBDA_TORCH_INDEX": UNREACHABLE,
}


class Finished(NamedTuple):
    """Exit code, standard output, the lines of standard error, and the seconds that the command took."""

    code: int
    stdout: str
    errors: list[str]
    seconds: float


class Machine:
    """Attributes: `checkout`, the sources; `programs`, the only folder of the PATH; `home`, empty at first."""

    def __init__(self, folder: Path, version: str | None) -> None:
        """Make the machine below `folder`, with CPython `version` as `python3`; None: without a Python."""
        self.checkout = folder / "my prøjects" / "yolo lambda"
        self.programs, self.home = folder / "bin", folder / "home"
        self.programs.mkdir()
        self.home.mkdir()
        copy_sources(self.checkout)
        for tool in TOOLS:
            (self.programs / tool).symlink_to(str(shutil.which(tool)))
        if version:
            python = pythons.find(version)
            assert python, version
            self.add("python3", f'exec {python} "$@"')
        self.without_uv()

    def add(self, name: str, body: str) -> None:
        """Add a shell script to the PATH."""
        (self.programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.programs / name).chmod(0o755)

    def without_uv(self) -> None:
        """Put a `uv` on the PATH that cannot reach the network."""
        self.add("uv", f'[ "$2" = find ] || echo "error: Failed to fetch {UNREACHABLE}" >&2; exit 2')

    def with_uv(self, version: str) -> None:
        """Put a `uv` on the PATH that installs a Python, by a link to one of this machine instead of a download."""
        python = pythons.find(version)
        assert python, version
        folder = f'"$UV_PYTHON_INSTALL_DIR/cpython-{version}.0-any/bin"'
        link = f"{shutil.which('mkdir')} -p {folder} && {shutil.which('ln')} -sf {python} {folder}/python{version}"
        self.add("uv", f'[ "$2" = install ] || exit 2\n[ "$*" = "${{*%{version}}}" ] && exit 3\n{link}')

    def run(self, *command: str, prefix: Sequence[str] = (), **environ: str) -> Finished:
        """Run a command in the checkout with nothing but the PATH, HOME, what pip needs, and `environ`."""
        variables = {"PATH": str(self.programs), "HOME": str(self.home), **pip_variables(), **environ}
        started = time.monotonic()
        done = subprocess.run(
            [*prefix, *command], cwd=self.checkout, env=variables, capture_output=True, text=True, check=False
        )
        return Finished(done.returncode, done.stdout, done.stderr.splitlines(), time.monotonic() - started)


def copy_sources(folder: Path) -> None:
    """Copy what git tracks, and new files, as `git clone` would."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def pip_variables() -> dict[str, str]:
    """Return how this machine reaches a package index, and its cache of packages: the variables and files of pip."""
    variables = {name: value for name, value in os.environ.items() if PIP_VARIABLES.fullmatch(name)}
    cache = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=False)
    if cache.returncode == 0:
        variables.setdefault("PIP_CACHE_DIR", cache.stdout.strip())
    for file in (Path.home() / ".config" / "pip" / "pip.conf", Path.home() / ".pip" / "pip.conf"):
        if file.is_file():
            variables.setdefault("PIP_CONFIG_FILE", str(file))
    return variables


def disk_usage(folder: Path) -> int:
    """Return the bytes that `du` counts for a folder: allocated blocks, and those of a hard link once."""
    done = subprocess.run(["du", "-sk", str(folder)], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0]) * 1024
