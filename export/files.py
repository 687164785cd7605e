"""What kind of file was given, by its first bytes and its table of contents; nothing of it is unpickled.

Runs on any Python from 3.9 on and imports only the standard library.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from export.errors import UsageError

TORCH = "torch"
ONNX = "onnx"

ZIP_START = b"PK\x03\x04"  # how a zip, and so torch.save since torch 1.6, begins
PICKLE_START = b"\x80"  # the protocol opcode of a pickle from protocol 2 on; torch.save before 1.6
LEGACY_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # torch.serialization.MAGIC_NUMBER as a pickle
WANTED = "wanted a .pt that ultralytics saved, or an .onnx"


def kind(path: Path) -> str:
    """TORCH or ONNX.

    An .onnx is told by its suffix (the format has no signature), everything else by its content.

    Raises:
        UsageError: nothing there, not a readable file, or plainly neither of the two.
    """
    _readable(path)
    if path.suffix.lower() == ".onnx":
        return ONNX
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(ZIP_START):
        _torch_zip(path)
    elif not (start.startswith(PICKLE_START) and LEGACY_MAGIC in start):
        what = "a pickle, but not one of torch" if start.startswith(PICKLE_START) else "not a torch file"
        raise UsageError(f"{path} is {what} ({_described(start)}); {WANTED}")
    return TORCH


def _readable(path: Path) -> None:
    if not path.exists():
        raise UsageError(f"{path} does not exist; {WANTED}")
    if not path.is_file():
        raise UsageError(f"{path} is {'a folder' if path.is_dir() else 'not a regular file'}; {WANTED}")
    if not os.access(path, os.R_OK):
        raise UsageError(f"{path} may not be read by this user")
    if path.stat().st_size == 0:
        raise UsageError(f"{path} is empty; {WANTED}")


def _torch_zip(path: Path) -> None:
    """torch.save writes NAME/data.pkl and NAME/data/...; torch.jit.save adds NAME/constants.pkl and code."""
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
        raise UsageError(f"{path} is a TorchScript archive; wanted the .pt that it was made from")
    if "data.pkl" not in members:
        raise UsageError(f"{path} is a zip, but not one of torch (no data.pkl in it); {WANTED}")


def _broken_member(archive: zipfile.ZipFile) -> str:
    """The first member whose checksum is wrong, or "". torch itself does not look at the checksums of tensors."""
    for member in archive.infolist():
        if member.CRC:  # 0: saved with torch.serialization.set_crc32_options(False)
            try:
                with archive.open(member) as file:
                    while file.read(1 << 20):
                        pass
            except (zipfile.BadZipFile, EOFError):
                return member.filename
    return ""


def _described(start: bytes) -> str:
    text = start[:24].split(b"\n")[0]
    if text and all(32 <= byte < 127 for byte in text):
        return f"it begins with {text.decode()!r}"
    return f"it begins with the bytes {start[:8].hex(' ')}"


def check(output: Path, weights: Path) -> None:
    """Finds out before the work whether its result could be written.

    Raises:
        UsageError: the output is a folder, lies in none, is the weights, or may not be written.
    """
    if output.is_dir():
        raise UsageError(
            f"--output {output} is a folder; wanted the path of a file, for instance {output / 'best.onnx'}"
        )
    if output.suffix.lower() != ".onnx":
        raise UsageError(f"--output {output} does not end in .onnx")
    if output.exists() and output.samefile(weights):
        raise UsageError(f"--output {output} is the input itself")
    if output.exists() and not output.is_file():
        raise UsageError(f"--output {output} is not a regular file")
    folder = output.resolve().parent
    if not folder.is_dir():
        raise UsageError(f"the folder of --output {output} does not exist; make it first: mkdir -p {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{folder} may not be written by this user; --output names another place")


def put(content: bytes, output: Path) -> None:
    """Writes the file whole or not at all; what was there before stays until then.

    Raises:
        UsageError: the folder or the disk does not take it.
    """
    target = output.resolve()  # a link stays a link
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


SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
)  # as function/preprocess/image.py
MIN_PICTURES = 8  # six to learn ranges from, two to judge; a result from fewer says nothing
MAX_PICTURES = 400  # evenly chosen from more; each is run at least three times
HELD_OUT = 4  # every fourth only judges


class Split(NamedTuple):
    """Pictures in the order of their names."""

    learned: list[Path]
    held_out: list[Path]


def split(folder: Path) -> Split:
    """The pictures in a folder and below it.

    Raises:
        UsageError: no folder, or too few pictures.
    """
    if not folder.is_dir():
        found = "is not a folder" if folder.exists() else "does not exist"
        raise UsageError(f"--data {folder} {found}; wanted a folder of pictures")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if len(paths) < MIN_PICTURES:
        kinds = ", ".join(suffix[1:] for suffix in SUFFIXES)
        raise UsageError(f"--data {folder} holds {len(paths)} pictures ({kinds}); wanted at least {MIN_PICTURES}")
    count = min(len(paths), MAX_PICTURES)
    paths = [paths[number * len(paths) // count] for number in range(count)]
    held_out = paths[HELD_OUT - 1 :: HELD_OUT]
    return Split([path for path in paths if path not in set(held_out)], held_out)


SAMPLES = Path(__file__).resolve().parent.parent / "example" / "samples"
