"""The enclosure from within: makes Lambda's folders, then serves the tool until it hangs up, for whatever reason.

Runs as a process of its own, already in fresh namespaces where there are any, and owns what must not be left behind.
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
RUNTIME_API_PORT = 9001  # what the real one uses
FILE_LIMIT = 1024  # docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1  # linux/sockios.h, linux/if.h


def main(handle: int) -> None:
    """Serve the tool at the other end of an inherited socket until it hangs up."""
    os.set_inheritable(handle, False)
    wire = socket.socket(fileno=handle)
    plan = json.loads(wire.recv(MAX_MESSAGE))
    processes = Processes(wire)
    try:
        with (_namespace if plan["isolated"] else _plain)(plan) as (listener, paths):
            _set_limits()
            message = json.dumps({"ready": paths, "port": listener.getsockname()[1]}).encode()
            socket.send_fds(wire, [message], [listener.fileno()])
            listener.close()
            try:
                processes.serve()
            finally:
                processes.end_all()
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        wire.send(json.dumps({"failed": str(error)}).encode())


@contextlib.contextmanager
def _namespace(plan: dict[str, Any]) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    """Lambda's own paths in a new root, in memory; loopback is the only network. All of it goes with the process."""
    from scripts.local_lambda.sandbox import mounts  # not on every system

    "".encode("cp437")  # zipfile asks for it, and this Python's files are out of reach in the new root
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        flags = struct.unpack("16sH", fcntl.ioctl(link, SIOCGIFFLAGS, struct.pack("16sH", b"lo", 0)))[1]
        fcntl.ioctl(link, SIOCSIFFLAGS, struct.pack("16sH", b"lo", flags | IFF_UP))
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
    """The same folders below a temporary one, write permission taken off; deleted at the end."""
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
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


def _set_limits() -> None:
    """Lambda's limit on file handles, and no core files; its limit on processes would count all of a user's here."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = FILE_LIMIT if hard == resource.RLIM_INFINITY else min(FILE_LIMIT, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
