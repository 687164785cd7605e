"""What kind of file was given, by its first bytes and its table of contents; nothing of it is unpickled.

Runs on any Python from 3.9 on and imports only the standard library.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from export.errors import Refused

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
        Refused: nothing there, not a readable file, or plainly neither of the two.
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
        raise Refused(f"{path} is {what} ({_described(start)}); {WANTED}")
    return TORCH


def _readable(path: Path) -> None:
    if not path.exists():
        raise Refused(f"{path} does not exist; {WANTED}")
    if not path.is_file():
        raise Refused(f"{path} is {'a folder' if path.is_dir() else 'not a regular file'}; {WANTED}")
    if not os.access(path, os.R_OK):
        raise Refused(f"{path} may not be read by this user")
    if path.stat().st_size == 0:
        raise Refused(f"{path} is empty; {WANTED}")


def _torch_zip(path: Path) -> None:
    """torch.save writes NAME/data.pkl and NAME/data/...; torch.jit.save adds NAME/constants.pkl and code."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [name.partition("/")[2] for name in archive.namelist()]
            broken = _broken_member(archive)
    except zipfile.BadZipFile as error:
        size = path.stat().st_size
        raise Refused(f"{path} is damaged: it begins like a torch file, but ends after {size} bytes") from error
    if broken:
        raise Refused(f"{path} is damaged: the checksum of {broken} in it is wrong")
    if "constants.pkl" in members:
        raise Refused(f"{path} is a TorchScript archive; wanted the .pt that it was made from")
    if "data.pkl" not in members:
        raise Refused(f"{path} is a zip, but not one of torch (no data.pkl in it); {WANTED}")


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
