"""S3 server on loopback: moto in server mode, in its own process."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

START_LIMIT = 60  # seconds; the imports of moto are slow
CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}  # moto accepts any credentials
NOT_INSTALLED = "{name} is not installed; run this with the Python that `python3 scripts/environments.py dev` prints"
NO_MOTO = NOT_INSTALLED.format(name="moto")
PACKAGES = {"PIL": "pillow", "boto3": "boto3", "moto": "moto"}  # module -> package; imported when they are needed


class NoEndpoint(Exception):
    """A package is not installed, or the server did not start."""


def require_packages() -> None:
    """Raise NoEndpoint unless this Python has the packages of the soak test."""
    for module, package in PACKAGES.items():
        if importlib.util.find_spec(module) is None:
            raise NoEndpoint(NOT_INSTALLED.format(name=package))


@contextlib.contextmanager
def s3() -> Iterator[str]:
    """Yield the URL of an S3 server without buckets; it ends with the context.

    Raises:
        NoEndpoint: moto is not installed or did not start.
    """
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait(server, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def client(url: str) -> Any:
    """Return a boto3 client for the server.

    Raises:
        NoEndpoint: boto3 is not installed.
    """
    try:
        import boto3
    except ImportError as error:
        raise NoEndpoint(NO_MOTO) from error
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", **CREDENTIALS)


def free_port() -> int:
    """Return a free TCP port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait until the server accepts connections."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise NoEndpoint(NO_MOTO)
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise NoEndpoint(f"moto did not listen on port {port} within {START_LIMIT} s")
