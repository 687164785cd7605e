"""The zips and what build.json says of them, checked before anything is sent. Knows nothing of `aws`."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from layer.targets import Target
from scripts.aws import commands, limits
from scripts.aws.cli import DeployError

BUILD = "scripts/build_zip.sh builds them"


class Artifacts(NamedTuple):
    """A folder as build_zip.sh leaves it."""

    target: Target
    layer: commands.Upload
    function: commands.Upload


def read(folder: Path, architecture: str | None, bucket: str | None) -> Artifacts:
    """The zips of a folder.

    Args:
        folder: has layer.zip, function.zip and build.json.
        architecture: what the user wants it to be; None for whatever was built.
        bucket: None if the user named none.

    Raises:
        DeployError: files are missing or not those of build.json, or Lambda would refuse them.
    """
    description = _description(folder / "build.json")
    built = Artifacts(
        Target(description["arch"], description["python"]),
        *(_upload(folder / f"{name}.zip", description[name]["sha256"]) for name in ("layer", "function")),
    )
    if architecture not in (None, built.target.arch):
        raise DeployError(
            f"{folder} was built for {built.target.arch}, and --architecture is {architecture}; "
            f"scripts/build_zip.sh --arch {architecture} builds that"
        )
    unzipped = description["total_unzipped_bytes"]
    if unzipped > limits.UNZIPPED_LIMIT:
        raise DeployError(f"{folder} has {unzipped:,} bytes unzipped; Lambda takes {limits.UNZIPPED_LIMIT:,}")
    for upload in (built.layer, built.function):
        if not upload.direct and not bucket:
            raise DeployError(
                f"{upload.path} has {upload.size:,} bytes; Lambda takes {limits.DIRECT_LIMIT:,} with the request: "
                "name a bucket of the same region with --bucket"
            )
    return built


def _description(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DeployError(f"no {path.name} in {path.parent}; wanted layer.zip, function.zip and build.json: {BUILD}")
    try:
        found = json.loads(path.read_text())
        wanted = [found["arch"], found["python"], found["total_unzipped_bytes"]]
        wanted += [found[name]["sha256"] for name in ("layer", "function")]
    except (ValueError, TypeError, KeyError) as error:
        raise DeployError(f"{path} is not what build_zip.sh writes ({error!r}); {BUILD} anew") from error
    return dict(found)


def _upload(path: Path, sha256: str) -> commands.Upload:
    if not path.is_file():
        raise DeployError(f"no {path.name} in {path.parent}; {BUILD}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise DeployError(f"{path} is not the one that build.json describes (sha256 {found[:12]}…); {BUILD} anew")
    return commands.Upload(path, path.stat().st_size, found)
