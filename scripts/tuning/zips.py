"""Zips of the architecture that the deployed function does not have."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import NamedTuple

from scripts import manifest
from scripts.aws.errors import DeployError
from scripts.aws.limits import DIRECT_LIMIT


class Zips(NamedTuple):
    """The zips of one architecture.

    Attributes:
        architecture: x86_64 or arm64.
        python: version of the runtime, "3.13".
        layer, function: contents of the two files.
    """

    architecture: str
    python: str
    layer: bytes
    function: bytes


def read(folder: Path) -> Zips:
    """Return the zips of a folder.

    Raises:
        DeployError: a file is missing, or too large to be sent with a request.
    """
    try:
        described = manifest.read(folder)
    except manifest.InvalidManifest as error:
        raise DeployError(str(error)) from error
    contents = []
    for name in (manifest.LAYER_ZIP, manifest.FUNCTION_ZIP):
        path = folder / name
        if not path.is_file():
            raise DeployError(f"{path} is missing; scripts/build_zip.sh writes it")
        if path.stat().st_size > DIRECT_LIMIT:
            size = path.stat().st_size
            raise DeployError(f"{path} must be at most {DIRECT_LIMIT:,} bytes for a second architecture, got {size:,}")
        contents.append(path.read_bytes())
    return Zips(described.arch, described.python, *contents)


def code_sha256(content: bytes) -> str:
    """Return the digest of a zip as Lambda writes it, in base64."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
