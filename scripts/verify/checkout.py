"""The sources of a version of the project, from its git repository."""

import io
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


class NoVersion(Exception):
    """git is missing, or has no such tag or commit; the message is one line."""


def extract(revision: str, folder: Path) -> str:
    """Write the sources of a tag or commit into `folder`, and return the hash of the commit.

    The repository itself is only read.

    Raises:
        NoVersion: git is not installed, this is no checkout of git, or the revision is not in it.
    """
    name = f"{revision}^{{commit}}"
    commit = _git(revision, "rev-parse", "--verify", "--quiet", "--end-of-options", name).decode().strip()
    with tarfile.open(fileobj=io.BytesIO(_git(revision, "archive", "--format=tar", commit))) as archive:
        archive.extractall(folder, filter="data")
    return commit


def _git(revision: str, *arguments: str) -> bytes:
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise NoVersion("git must be installed to read the sources of a version") from error
    if done.returncode:
        reported = done.stderr.decode(errors="replace").strip().splitlines()
        reason = reported[-1] if reported else "no such tag or commit"
        raise NoVersion(f"TARGET must be a folder, or a tag or commit of {ROOT}, got {revision!r}: {reason}")
    return done.stdout
