"""The files of the command line: the format of the weights, by their content, and the output, written atomically.

Nothing of the weights is unpickled. Runs on any Python from 3.9 on and imports only the standard library.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path

from export.errors import UsageError

TORCH = "torch"
ONNX = "onnx"

ZIP_START = b"PK\x03\x04"  # how a zip begins, and so a file of torch.save since torch 1.6
PICKLE_START = b"\x80"  # the protocol opcode of a pickle from protocol 2 on; torch.save before 1.6
LEGACY_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # torch.serialization.MAGIC_NUMBER as a pickle


def kind(path: Path) -> str:
    """Return TORCH or ONNX.

    An .onnx is recognized by its suffix (the format has no signature), everything else by its content.

    Raises:
        UsageError: the path is not a readable file, or the file is neither of the two.
    """
    _check_readable(path)
    if path.suffix.lower() == ".onnx":
        return ONNX
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(ZIP_START):
        _check_torch_zip(path)
    elif not (start.startswith(PICKLE_START) and LEGACY_MAGIC in start):
        reason = "is a pickle, but not one of torch" if start.startswith(PICKLE_START) else "is not a torch file"
        raise _unusable(path, f"{reason} ({_describe_start(start)})")
    return TORCH


def _unusable(path: Path, reason: str) -> UsageError:
    return UsageError(f"weights must be a .pt saved by ultralytics or an .onnx, got {path}, which {reason}")


def _check_readable(path: Path) -> None:
    if not path.exists():
        raise _unusable(path, "does not exist")
    if not path.is_file():
        raise _unusable(path, "is a folder" if path.is_dir() else "is not a regular file")
    if not os.access(path, os.R_OK):
        raise UsageError(f"{path} cannot be read by this user")
    if path.stat().st_size == 0:
        raise _unusable(path, "is empty")


def _check_torch_zip(path: Path) -> None:
    """Check the members: torch.save writes NAME/data.pkl and NAME/data/..., torch.jit.save also NAME/constants.pkl."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [name.partition("/")[2] for name in archive.namelist()]
            broken = _broken_member(archive)
    except zipfile.BadZipFile as error:
        size = path.stat().st_size
        raise UsageError(f"{path} is damaged: it begins like a torch file, but ends after {size} bytes") from error
    if broken:
        raise UsageError(f"{path} is damaged: the checksum of {broken} in it is wrong")
    if "constants.pkl" in members:
        raise _unusable(path, "is a TorchScript archive")
    if "data.pkl" not in members:
        raise _unusable(path, "is a zip, but not one of torch (no data.pkl in it)")


def _broken_member(archive: zipfile.ZipFile) -> str:
    """Return the first member with a wrong checksum, or "". torch itself ignores the checksums of tensors."""
    for member in archive.infolist():
        if member.CRC:  # 0: saved with torch.serialization.set_crc32_options(False)
            try:
                with archive.open(member) as file:
                    while file.read(1 << 20):
                        pass
            except (zipfile.BadZipFile, EOFError):
                return member.filename
    return ""


def _describe_start(start: bytes) -> str:
    text = start[:24].split(b"\n")[0]
    if text and all(32 <= byte < 127 for byte in text):
        return f"it begins with {text.decode()!r}"
    return f"it begins with the bytes {start[:8].hex(' ')}"


def check_output(output: Path, weights: Path) -> None:
    """Check that the output can be written, before the work starts.

    Raises:
        UsageError: the output is not an .onnx, is no file, is the input, or its folder cannot be written.
    """
    if output.is_dir():
        raise UsageError(f"--out must be a file, for instance {output / 'best.onnx'}, got the folder {output}")
    if output.suffix.lower() != ".onnx":
        raise UsageError(f"--out must end in .onnx, got {output}")
    if output.exists() and output.samefile(weights):
        raise UsageError(f"--out must differ from the input, got {output}")
    if output.exists() and not output.is_file():
        raise UsageError(f"--out must be a regular file, got {output}")
    check_folder("--out", output)


def check_folder(option: str, path: Path) -> None:
    """Check that the folder of a file exists and can be written.

    Raises:
        UsageError: it does not, or cannot.
    """
    folder = path.resolve().parent
    if not folder.is_dir():
        raise UsageError(f"{option} must be in a folder that exists, got {path}; make it first: mkdir -p {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{option} must be in a folder that this user can write, got {folder}")


def write(content: bytes, output: Path) -> None:
    """Write the file completely or not at all; an older file stays until then.

    Raises:
        UsageError: the folder or the disk does not take it.
    """
    target = output.resolve()  # a symbolic link stays one
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from error
    scratch = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.chmod(0o666 & ~_umask())  # mkstemp's files are for one user only
        scratch.replace(target)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from error
    finally:
        scratch.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
