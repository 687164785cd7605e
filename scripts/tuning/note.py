"""Note on this machine of what tune.py changes: the next run puts it back if this one cannot."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from scripts import home
from scripts.aws.errors import DeployError
from scripts.aws.session import Aws

FILE, CODE, LOCK = "note.json", "function.zip", "lock"


class Note(NamedTuple):
    """The function before the first change, and the values that tune.py gives it.

    Attributes:
        memory: MB.
        description: its text; "" for none.
        architecture: x86_64 or arm64.
        runtime: such as python3.13.
        layers: ARNs.
        code_sha256: as Lambda writes it.
        memories: all memory sizes that are measured.
        codes: digests of the code of other architectures.
    """

    memory: int
    description: str
    architecture: str
    runtime: str
    layers: list[str]
    code_sha256: str
    memories: list[int]
    codes: list[str]


@contextlib.contextmanager
def locked(aws: Aws, function: str) -> Iterator[Path]:
    """Return the folder of the note of a function, which no other run on this machine uses at the same time.

    Raises:
        DeployError: another run measures this function.
    """
    folder = home.make(home.build() / "tune" / f"{aws.account}-{aws.region}-{function}")
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DeployError(f"another scripts/tune.py measures {function}; wait until it has ended") from error
        yield folder


def write(folder: Path, note: Note, code: bytes | None) -> None:
    """Write the note, and the code of the function if it is replaced; complete or not at all."""
    if code is not None:
        (folder / CODE).write_bytes(code)
    scratch = folder / f".{FILE}"
    with scratch.open("w", encoding="utf-8") as file:
        json.dump(note._asdict(), file)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(folder / FILE)


def read(folder: Path) -> Note | None:
    """Return the note that a run left; None if there is none."""
    try:
        fields: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Note(**fields)


def code(folder: Path) -> bytes:
    """Return the code of the function before the first change."""
    return (folder / CODE).read_bytes()


def remove(folder: Path) -> None:
    """Remove the note: everything is as it was."""
    for name in (FILE, CODE):
        (folder / name).unlink(missing_ok=True)
