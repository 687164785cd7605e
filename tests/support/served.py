"""`scripts/serve.py` in a process of its own, at a free port."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT

ENDS_WITHIN_S = 30


@contextmanager
def serve(dist: Path, *options: str) -> Iterator[str]:
    """Serve a folder with zips, and yield the URL without a slash at its end; Ctrl-C ends the server."""
    process = start(dist, *options)
    try:
        yield url_of(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=ENDS_WITHIN_S)


def start(dist: Path, *options: str, stderr: int | None = None) -> "subprocess.Popen[str]":
    command = [sys.executable, str(ROOT / "scripts" / "serve.py"), "--dist", str(dist), "--port", "0", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)


def url_of(process: "subprocess.Popen[str]") -> str:
    """Return the URL in the first line of the server, which is written once it responds."""
    assert process.stdout
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, line
    return found[0].rstrip("/")
