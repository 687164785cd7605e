"""Zips made from other zips or from folders, for what is measured beside the built ones."""

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

BYTECODE = "__pycache__"
MODEL = "model.onnx"
FILES = ("layer.zip", "function.zip", "build.json")


def digest(*paths: Path) -> str:
    """Of the contents of files, in their order."""
    sums = hashlib.sha256()
    for path in paths:
        sums.update(hashlib.sha256(path.read_bytes()).digest())
    return sums.hexdigest()


def describe(dist: Path, arch: str, python: str) -> None:
    """Write the part of build.json that running the zips asks for."""
    (dist / "build.json").write_text(json.dumps({"arch": arch, "python": python}))


def write(path: Path, files: Mapping[str, Path | bytes]) -> None:
    """A zip of files by their names in it; stored, since it is unpacked on this machine only."""
    with _whole(path) as fresh, zipfile.ZipFile(fresh, "w") as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.read_bytes()
            archive.writestr(_entry(name), data)


def changed(
    source: Path, out: Path, keep: Callable[[str], bool] | None = None, added: Mapping[str, Path | bytes] = {}
) -> None:
    """Copy a zip without the files that `keep` (if given) refuses, and with others added or in their place."""
    with zipfile.ZipFile(source) as old, _whole(out) as fresh, zipfile.ZipFile(fresh, "w") as new:
        for entry in old.infolist():
            if (keep is None or keep(entry.filename)) and entry.filename not in added:
                new.writestr(_entry(entry.filename), old.read(entry))
        for name, content in added.items():
            new.writestr(_entry(name), content if isinstance(content, bytes) else content.read_bytes())


def unpacked_bytes(dist: Path) -> int:
    """What layer.zip and function.zip of a folder come to as files."""
    total = 0
    for name in ("layer.zip", "function.zip"):
        with zipfile.ZipFile(dist / name) as archive:
            total += sum(entry.file_size for entry in archive.infolist())
    return total


def below(folder: Path, prefix: str) -> dict[str, Path]:
    """The files below a folder, by the names that they get in a zip."""
    return {
        f"{prefix}{path.relative_to(folder).as_posix()}": path for path in sorted(folder.rglob("*")) if path.is_file()
    }


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A file to write, which stands at `path` once it is whole: another run may be reading the one before."""
    fresh = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        yield fresh
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o100644 << 16
    return entry
