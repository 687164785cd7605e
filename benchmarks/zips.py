"""Zips of the contenders, made from the built zips or from folders."""

import contextlib
import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from scripts import manifest

BYTECODE = "__pycache__"
MODEL = "model.onnx"
FILES = (manifest.LAYER_ZIP, manifest.FUNCTION_ZIP, manifest.NAME)


def digest(*paths: Path) -> str:
    """Return a sha256 over the contents of the files, in their order, hexadecimal."""
    digests = hashlib.sha256()
    for path in paths:
        digests.update(hashlib.sha256(path.read_bytes()).digest())
    return digests.hexdigest()


def write(path: Path, files: Mapping[str, Path | bytes]) -> None:
    """Write a zip without compression: it is unpacked only on this machine.

    Args:
        path: of the zip.
        files: name in the zip -> file or content.
    """
    with _atomic(path) as fresh, zipfile.ZipFile(fresh, "w") as archive:
        for name, content in files.items():
            archive.writestr(_entry(name), _bytes(content))


def copy(
    source: Path, out: Path, keep: Callable[[str], bool] | None = None, replaced: Mapping[str, Path | bytes] = {}
) -> None:
    """Copy a zip with changes.

    Args:
        source: the zip.
        out: path of the copy.
        keep: returns whether an entry is copied; None: all are.
        replaced: entries to add or to replace: name in the zip -> file or content.
    """
    with zipfile.ZipFile(source) as old, _atomic(out) as fresh, zipfile.ZipFile(fresh, "w") as new:
        for entry in old.infolist():
            if (keep is None or keep(entry.filename)) and entry.filename not in replaced:
                new.writestr(_entry(entry.filename), old.read(entry))
        for name, content in replaced.items():
            new.writestr(_entry(name), _bytes(content))


def unpacked_bytes(dist: Path) -> int:
    """Return the size of the files in the layer.zip and function.zip of a folder."""
    total = 0
    for name in (manifest.LAYER_ZIP, manifest.FUNCTION_ZIP):
        with zipfile.ZipFile(dist / name) as archive:
            total += sum(entry.file_size for entry in archive.infolist())
    return total


def files_below(folder: Path, prefix: str) -> dict[str, Path | bytes]:
    """Return every file below a folder as name in the zip -> file, sorted; the names begin with `prefix`."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {f"{prefix}{path.relative_to(folder).as_posix()}": path for path in paths}


@contextlib.contextmanager
def _atomic(path: Path) -> Iterator[Path]:
    """Yield a file to write, and rename it to `path` when it is complete: another run may be reading the old file."""
    fresh = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        yield fresh
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _bytes(content: Path | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o100644 << 16
    return entry
