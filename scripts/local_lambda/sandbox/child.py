"""Inner half of the sandbox: makes Lambda's folders, then serves the parent until the connection closes.

Runs in its own process, already in new namespaces in the mode `namespace`. It owns everything that must be removed at
the end, so that nothing remains even if the parent is killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import shutil
import socket
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.local_lambda.sandbox import unpack
from scripts.local_lambda.sandbox.processes import MAX_MESSAGE, Processes

TMP = "/tmp"  # noqa: S108  (the only writable folder on Lambda)
RUNTIME_API_PORT = 9001  # as on Lambda
FILE_LIMIT = 1024  # docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1  # linux/sockios.h, linux/if.h


def main(handle: int) -> None:
    """Serve the parent at the other end of an inherited socket until it closes the connection."""
    os.set_inheritable(handle, False)
    connection = socket.socket(fileno=handle)
    plan = json.loads(connection.recv(MAX_MESSAGE))
    processes = Processes(connection)
    try:
        with (_namespace if plan["isolated"] else _plain)(plan) as (listener, paths):
            _set_limits()
            message = json.dumps({"ready": paths, "port": listener.getsockname()[1]}).encode()
            socket.send_fds(connection, [message], [listener.fileno()])
            listener.close()
            try:
                processes.serve()
            finally:
                processes.end_all()
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        connection.send(json.dumps({"failed": str(error)}).encode())


@contextlib.contextmanager
def _namespace(plan: dict[str, Any]) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    """Make Lambda's own paths in a new root in memory, with loopback as the only network.

    The kernel removes all of it when the process ends.
    """
    from scripts.local_lambda.sandbox import mounts  # not available on every system

    "".encode("cp437")  # loads the codec for zipfile now: the files of this Python are not reachable in the new root
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as interface:
        flags = struct.unpack("16sH", fcntl.ioctl(interface, SIOCGIFFLAGS, struct.pack("16sH", b"lo", 0)))[1]
        fcntl.ioctl(interface, SIOCSIFFLAGS, struct.pack("16sH", b"lo", flags | IFF_UP))
    zips = {folder: Path(archive).open("rb") for folder, archive in plan["zips"].items()}  # noqa: SIM115  (closed below)
    mounts.enter_root({"var/lang": plan["prefix"], "var/runtime": plan["runtime"]})
    for folder, archive in zips.items():
        with archive:
            unpack.unpack(archive, Path("/", folder))
    mounts.lock_root()
    paths = {"task": "/var/task", "opt": "/opt", "tmp": TMP, "lang": "/var/lang", "runtime": "/var/runtime"}
    yield _listen(RUNTIME_API_PORT), paths


@contextlib.contextmanager
def _plain(plan: dict[str, Any]) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    """Make the same folders in a temporary folder, without write permission; they are deleted at the end."""
    base = Path(tempfile.mkdtemp(prefix="local-lambda-"))
    try:
        base.chmod(0o755)
        for folder, archive in plan["zips"].items():
            with Path(archive).open("rb") as opened:
                unpack.unpack(opened, base / folder)
            unpack.lock(base / folder)
        (base / "tmp").mkdir()
        (base / "tmp").chmod(0o1777)
        paths = {"task": f"{base}/var/task", "opt": f"{base}/opt", "tmp": str(base / "tmp")}
        yield _listen(0), {**paths, "lang": plan["prefix"], "runtime": plan["runtime"]}
    finally:
        unpack.unlock(base)
        shutil.rmtree(base)


def _listen(port: int) -> socket.socket:
    """Return a listening socket on loopback; port 0 means any free port."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


def _set_limits() -> None:
    """Set Lambda's limit on file descriptors and disable core files.

    Lambda's limit on processes is not set: here it would count all processes of the user.
    """
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = FILE_LIMIT if hard == resource.RLIM_INFINITY else min(FILE_LIMIT, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
