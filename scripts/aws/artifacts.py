"""Built zips of a folder, checked against build.json and Lambda's limits before anything is sent."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from layer.targets import Target
from scripts import manifest
from scripts.aws import commands, limits
from scripts.aws.errors import DeployError


class Artifacts(NamedTuple):
    """The zips that build_zip.sh wrote to a folder.

    Attributes:
        target: architecture and Python.
        layer: layer.zip.
        function: function.zip.
        has_reader: one of the zips has a second model, which reads the detections.
    """

    target: Target
    layer: commands.Upload
    function: commands.Upload
    has_reader: bool = False


def read(folder: Path, arch: str | None, bucket: str | None) -> Artifacts:
    """Return the zips of a folder.

    Args:
        folder: has layer.zip, function.zip and build.json.
        arch: the architecture that the zips must have; None: any.
        bucket: the bucket for large zips; None: there is none.

    Raises:
        DeployError: a file is missing or is not the one of build.json, or Lambda would reject the zips.
    """
    try:
        described = manifest.read(folder, for_deployment=True)
    except manifest.InvalidManifest as error:
        raise DeployError(str(error)) from error
    artifacts = Artifacts(
        Target(described.arch, described.python),
        _upload(folder / manifest.LAYER_ZIP, described.layer_sha256),
        _upload(folder / manifest.FUNCTION_ZIP, described.function_sha256),
        manifest.has_reader(folder),
    )
    if arch not in (None, described.arch):
        raise DeployError(
            f"--arch must be {described.arch}, the architecture of the zips in {folder}, got {arch}; "
            f"`scripts/build_zip.sh --arch {arch}` builds zips for {arch}"
        )
    _check_limits(artifacts, described.total_unzipped_bytes or 0, bucket)
    return artifacts


def _check_limits(artifacts: Artifacts, unzipped: int, bucket: str | None) -> None:
    if unzipped > limits.UNZIPPED_LIMIT:
        raise DeployError(f"unzipped size must be at most {limits.UNZIPPED_LIMIT:,} bytes, got {unzipped:,}")
    for upload in (artifacts.layer, artifacts.function):
        if not upload.direct and not bucket:
            raise DeployError(
                f"{upload.path} must be at most {limits.DIRECT_LIMIT:,} bytes to be sent with the request, "
                f"got {upload.size:,}; --bucket names a bucket in the region of the function"
            )


def _upload(path: Path, sha256: str | None) -> commands.Upload:
    if not path.is_file():
        raise DeployError(f"{path} is missing; scripts/build_zip.sh writes it")
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != sha256:
        raise DeployError(
            f"{path} is not the file that build.json describes: sha256 must be {sha256}, got {actual}; "
            "run scripts/build_zip.sh again"
        )
    return commands.Upload(path, path.stat().st_size, actual)
