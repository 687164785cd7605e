"""Where the result goes: checked before the work, put there whole or not at all.

Runs on any Python from 3.9 on and imports only the standard library.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from export.errors import Refused


def check(output: Path, weights: Path) -> None:
    """Finds out before the work whether its result could be written.

    Raises:
        Refused: the output is a folder, lies in none, is the weights, or may not be written.
    """
    if output.is_dir():
        raise Refused(f"--output {output} is a folder; wanted the path of a file, for instance {output / 'best.onnx'}")
    if output.suffix.lower() != ".onnx":
        raise Refused(f"--output {output} does not end in .onnx")
    if output.exists() and output.samefile(weights):
        raise Refused(f"--output {output} is the input itself")
    if output.exists() and not output.is_file():
        raise Refused(f"--output {output} is not a regular file")
    folder = output.resolve().parent
    if not folder.is_dir():
        raise Refused(f"the folder of --output {output} does not exist; make it first: mkdir -p {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Refused(f"{folder} may not be written by this user; --output names another place")


def put(content: bytes, output: Path) -> None:
    """Writes the file whole or not at all; what was there before stays until then.

    Raises:
        Refused: the folder or the disk does not take it.
    """
    target = output.resolve()  # a link stays a link
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise Refused(f"{output} cannot be written: {error.strerror}") from error
    scratch = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.chmod(0o666 & ~_umask())  # mkstemp's files are for one user only
        scratch.replace(target)
    except OSError as error:
        raise Refused(f"{output} cannot be written: {error.strerror}") from error
    finally:
        scratch.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
