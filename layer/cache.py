"""Folders that are expensive to make, kept until what they are made from changes."""

import fcntl
import hashlib
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path


def key(*parts: str | bytes) -> str:
    """A sha256 that changes when any part does, hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def contents(paths: Iterable[Path]) -> list[bytes]:
    """What stands in the files, in the order of their names: the part of a key that stands for code or pins."""
    return [path.read_bytes() for path in sorted(paths)]


def kept(folder: Path, made_from: str, make: Callable[[Path], None]) -> Path:
    """`folder`, made by `make` unless it is there, whole, and made from the same.

    `make` fills an empty folder that is moved into place when it is done, so an interrupted run leaves nothing that
    looks finished. Of two runs at once, the second waits and takes what the first has made. A folder that was touched
    since is made anew.

    Args:
        folder: where it is kept; `<folder>.seal` beside it says what it was made from and what was in it,
            `<folder>.lock` is held while it is made.
        made_from: the key of everything that `make` depends on.
        make: fills the folder that it is given.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed
        seal = folder.with_name(folder.name + ".seal")
        if not (seal.is_file() and seal.read_text(encoding="ascii") == f"{made_from} {fingerprint(folder)}"):
            _remake(folder, seal, made_from, make)
    return folder


def _remake(folder: Path, seal: Path, made_from: str, make: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as scratch:
        fresh, sealed = Path(scratch, "fresh"), Path(scratch, "seal")
        fresh.mkdir()
        make(fresh)
        sealed.write_text(f"{made_from} {fingerprint(fresh)}", encoding="ascii")
        seal.unlink(missing_ok=True)
        if folder.exists():
            folder.rename(Path(scratch, "old"))
        fresh.rename(folder)
        sealed.replace(seal)


def fingerprint(folder: Path) -> str:
    """A sha256 over the names and contents of all files below `folder`, hexadecimal."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            inner = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{inner}\n".encode())
    return digest.hexdigest()
