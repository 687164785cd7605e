"""All architectures and memory sizes of a deployed function, one after the other, and everything put back."""

from __future__ import annotations

import argparse
import contextlib
import signal
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

from scripts.aws.errors import DeployError
from scripts.aws.session import Aws
from scripts.client.images import Image
from scripts.tuning import calls, restoration, zips
from scripts.tuning.deployed import Deployed, SizeRefused
from scripts.tuning.measurement import Row
from scripts.tuning.zips import Zips

DEFAULTS = {"dist": Path("dist"), "dist_arm64": Path("dist-arm64")}
ENDING = (signal.SIGTERM, signal.SIGHUP)  # end the command as Ctrl-C does


def measure(
    aws: Aws, options: argparse.Namespace, folder: Path, found: list[Image], request: dict[str, str]
) -> Generator[Row, None, None]:
    """Yield the result of each size; at the end, for whatever reason, put everything back.

    Args:
        aws: the session.
        options: function, memory, cold, warm, dist, dist_arm64.
        folder: of the note.
        found: images to send.
        request: options of each request.

    Raises:
        DeployError: the function is none of this project, a zip does not fit, or AWS returned an error.
    """
    name = options.function
    if restoration.restore(aws, name, folder):
        aws.report(f"restored  {name}, which an earlier run had left changed")
    function = Deployed(aws, name, folder)
    if function.live_differs:
        aws.report(f"note      {function.live_differs}")
    others = _others(options, function.architecture)
    with _ended_as_interrupted():
        try:
            function.prepare(options.memory, others)
            for other in (None, *others):
                if other:
                    function.replace_code(other)
                architecture = other.architecture if other else function.architecture
                for memory in options.memory:
                    yield _row(aws, function, options, architecture, memory, found, request)
        finally:
            _restore(aws, name, folder)


def _row(
    aws: Aws, function: Deployed, options: argparse.Namespace, architecture: str, memory: int, found: list[Image],
    request: dict[str, str],
) -> Row:  # fmt: skip
    try:
        with function.version(memory) as version:
            return calls.measure(
                aws, f"{options.function}:{version}", architecture, memory, found, request, options.cold, options.warm
            )
    except SizeRefused as error:
        return Row(architecture, memory, error=str(error))


def _others(options: argparse.Namespace, architecture: str) -> list[Zips]:
    """Return the zips for other architectures: those of the options, and those of the default folders that exist."""
    read: dict[str, Zips] = {}
    for name, default in DEFAULTS.items():
        folder: Path | None = getattr(options, name)
        if folder is None and not (default / "build.json").is_file():
            continue
        found = zips.read(folder or default)
        if name == "dist_arm64" and found.architecture != "arm64":
            raise DeployError(f"--dist-arm64 must have zips for arm64, got {found.architecture} in {folder or default}")
        if found.architecture != architecture:
            read[found.architecture] = found
    return list(read.values())


def _restore(aws: Aws, name: str, folder: Path) -> None:
    """Put everything back; Ctrl-C does not end this."""
    with _ignored(signal.SIGINT, *ENDING):
        try:
            restoration.restore(aws, name, folder)
        except DeployError as error:
            raise DeployError(
                f"{name} is not as before: {error}; `scripts/tune.py --restore --function {name}` puts it back",
                error.code,
            ) from error


@contextlib.contextmanager
def _ended_as_interrupted() -> Iterator[None]:
    """Raise KeyboardInterrupt for the signals that would end the process at once."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with _handled(interrupt, *ENDING):
        yield


@contextlib.contextmanager
def _ignored(*signals: signal.Signals) -> Iterator[None]:
    with _handled(signal.SIG_IGN, *signals):
        yield


@contextlib.contextmanager
def _handled(handler: object, *signals: signal.Signals) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only it may set handlers
        yield
        return
    before = {number: signal.signal(number, handler) for number in signals}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
