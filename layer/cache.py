"""Cache of folders that are expensive to make; a folder is made again when its inputs change."""

import fcntl
import hashlib
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path


def key(*parts: str | bytes) -> str:
    """Return a sha256 over the parts, hexadecimal; each part is hashed with its length."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def file_contents(paths: Iterable[Path]) -> list[bytes]:
    """Return the contents of the files, in the order of their names; used as parts of a key."""
    return [path.read_bytes() for path in sorted(paths)]


def cached_folder(folder: Path, inputs_key: str, make: Callable[[Path], None]) -> Path:
    """Return `folder`; make it first if it is missing, was changed, or has other inputs.

    `make` fills an empty folder that is moved to `folder` when it is complete, so an interrupted run leaves no partial
    result. Of two runs at the same time, the second one waits and uses the result of the first one.

    Args:
        folder: path of the result. `<folder>.seal` next to it records the key and a fingerprint of the contents;
            `<folder>.lock` is locked while the folder is made.
        inputs_key: the key of everything that `make` depends on.
        make: fills the folder that it receives.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file is closed
        seal = folder.with_name(folder.name + ".seal")
        if not (seal.is_file() and seal.read_text(encoding="ascii") == f"{inputs_key} {fingerprint(folder)}"):
            _replace(folder, seal, inputs_key, make)
    return folder


def _replace(folder: Path, seal: Path, inputs_key: str, make: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as scratch:
        fresh, fresh_seal = Path(scratch, "fresh"), Path(scratch, "seal")
        fresh.mkdir()
        make(fresh)
        fresh_seal.write_text(f"{inputs_key} {fingerprint(fresh)}", encoding="ascii")
        seal.unlink(missing_ok=True)
        if folder.exists():
            folder.rename(Path(scratch, "old"))
        fresh.rename(folder)
        fresh_seal.replace(seal)


def fingerprint(folder: Path) -> str:
    """Return a sha256 over the names and contents of all files below `folder`, hexadecimal."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            inner = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{inner}\n".encode())
    return digest.hexdigest()
