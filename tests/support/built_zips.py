"""Folders as build_zip.sh writes them, with small zips: the deployment does not depend on their contents."""

import hashlib
import zipfile
from pathlib import Path
from typing import Any

from scripts import manifest


def write(folder: Path, function: bytes = b"code", layer: bytes = b"packages", **changes: Any) -> Path:
    """Write both zips and build.json with some fields changed, and return the folder."""
    folder.mkdir(exist_ok=True)
    fields: dict[str, Any] = {"arch": "arm64", "python": "3.13", "total_unzipped_bytes": 1000}
    for name, content in {"layer": layer, "function": function}.items():
        path = folder / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo("content"), content)
        fields[name] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    manifest.write(folder, {**fields, **changes})
    return folder
