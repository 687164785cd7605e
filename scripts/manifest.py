"""The manifest `build.json`, which describes the zips in its folder: writing and reading it.

Runs under any Python from 3.9 on, with the standard library alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

NAME = "build.json"
LAYER_ZIP, FUNCTION_ZIP = "layer.zip", "function.zip"
SBOM = "sbom.cdx.json"  # bill of materials
FIELDS = "arch and python"
DEPLOYMENT_FIELDS = "arch, python, total_unzipped_bytes, layer.sha256 and function.sha256"


class InvalidManifest(Exception):
    """`build.json` is missing, is not JSON or lacks a field; the message is one line."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}; scripts/build_zip.sh writes it")


class Manifest(NamedTuple):
    """The fields of `build.json` that other commands read.

    Attributes:
        arch: architecture as Lambda names it, x86_64 or arm64.
        python: version of the runtime, "3.13".
        total_unzipped_bytes: size of both zips as files; None if the file does not have it.
        layer_sha256: hexadecimal digest of layer.zip; None if the file does not have it.
        function_sha256: hexadecimal digest of function.zip; None if the file does not have it.
    """

    arch: str
    python: str
    total_unzipped_bytes: int | None
    layer_sha256: str | None
    function_sha256: str | None


def write(folder: Path, fields: Mapping[str, Any]) -> None:
    """Write `build.json` to a folder in one step: another process reads the old file or the new one."""
    path = folder / NAME
    scratch = path.with_name(f".{NAME}-{os.getpid()}")
    scratch.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
    scratch.replace(path)


def read(folder: Path, for_deployment: bool = False, name: str = NAME) -> Manifest:
    """Return the manifest of a folder.

    Args:
        folder: has `build.json`.
        for_deployment: require the sizes and digests too, not only arch and python.
        name: the name of the manifest in the folder.

    Raises:
        InvalidManifest: the file is missing, is not JSON, or lacks a required field.
    """
    path = folder / name
    if not path.is_file():
        raise InvalidManifest(path, "is missing")
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidManifest(path, f"is not JSON ({error})") from error
    manifest = _parse(fields if isinstance(fields, dict) else {})
    if None in (manifest if for_deployment else (manifest.arch, manifest.python)):
        raise InvalidManifest(path, f"must have {DEPLOYMENT_FIELDS if for_deployment else FIELDS}")
    return manifest


def class_names(folder: Path) -> dict[int, str]:
    """Return the classes of the model by id; empty for a model without classes or a manifest that lacks them."""
    return dict(enumerate(model(folder).get("names", [])))


def model(folder: Path) -> dict[str, Any]:
    """Return what the manifest states of the model.

    Raises:
        InvalidManifest: the file is missing or is not JSON.
    """
    read(folder)
    fields: dict[str, Any] = json.loads((folder / NAME).read_text(encoding="utf-8"))
    return dict(fields.get("model") or {})


def has_reader(folder: Path) -> bool:
    """Return whether the zips have a second model, which reads the detections; errors as for `model`."""
    read(folder)
    return "reader" in json.loads((folder / NAME).read_text(encoding="utf-8"))


def _parse(fields: dict[str, Any]) -> Manifest:
    zips = [fields.get(name) for name in ("layer", "function")]
    layer, function = (zipped.get("sha256") if isinstance(zipped, dict) else None for zipped in zips)
    total: Any = fields.get("total_unzipped_bytes")
    arch: Any = fields.get("arch")
    python: Any = fields.get("python")
    return Manifest(arch, python, total, layer, function)
