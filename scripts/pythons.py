"""Which CPythons are on this machine. Nothing is installed or changed.

Looked for on PATH, in pyenv's folder, in uv's folder and in /opt/pythonX.Y; a candidate counts only after it has run,
since pyenv's shims and broken virtual environments look like Pythons too. Only the standard library, any Python from
3.9 on.
"""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional

MINORS = tuple(range(9, 16))  # 3.9 to 3.15: what `available` asks for
PROBE_TIMEOUT = 20  # seconds; a shim that asks a network for something must not hang the build

# What a candidate says about itself. A pre-release has bytecode of its own, a free-threaded build extension modules of
# its own: neither stands in for Lambda's Python. Of a virtual environment, the Python that it was made from is taken.
PROBE = """
import os, sys
v = sys.version_info
fit = sys.implementation.name == "cpython" and v.releaselevel == "final" and not getattr(sys, "abiflags", "")
print("%d.%d" % v[:2] if fit else "unfit")
print(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))
"""


class Found(NamedTuple):
    """A Python that runs: its version as Lambda writes it ("3.13") and its executable."""

    version: str
    path: Path


@functools.lru_cache(maxsize=None)
def find(version: str) -> Optional[Path]:
    """The executable of CPython `version` ("3.13"), or None if this machine has none."""
    for candidate in _candidates(version):
        base = _probe(candidate, version)
        if base:
            return base
    return None


def available() -> List[Found]:
    """Every CPython of a version that `find` knows of, oldest first."""
    paths: Dict[str, Optional[Path]] = {version: find(version) for version in (f"3.{minor}" for minor in MINORS)}
    return [Found(version, path) for version, path in paths.items() if path]


def _candidates(version: str) -> Iterator[Path]:
    name = f"python{version}"
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        yield Path(folder or ".", name)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    yield from sorted(pyenv.glob(f"{version}*/bin/{name}"), key=_patch, reverse=True)
    yield from _uv_candidates(version)
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    yield from sorted(uv.glob(f"cpython-{version}*/bin/{name}"), key=_patch, reverse=True)
    yield Path("/opt", name, "bin", name)


def _patch(path: Path) -> List[int]:
    """Sorts 3.13.10 after 3.13.9."""
    digits = "".join(c if c.isdigit() else " " for c in path.parent.parent.name)
    return [int(part) for part in digits.split()[:3]]


def _uv_candidates(version: str) -> Iterator[Path]:
    uv = shutil.which("uv")
    if uv:
        found = _output([uv, "python", "find", "--no-project", "--no-python-downloads", version])
        if found:
            yield Path(found[0])


def _probe(candidate: Path, version: str) -> Optional[Path]:
    if not os.access(candidate, os.X_OK):
        return None
    said = _output([str(candidate), "-I", "-S", "-c", PROBE])
    return Path(said[1]) if len(said) == 2 and said[0] == version else None


def _output(command: List[str]) -> List[str]:
    """The lines that a command printed; none if it did not start, failed, or took too long."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROBE_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else []


if __name__ == "__main__":
    for python in available():
        sys.stdout.write(f"{python.version}  {python.path}\n")
