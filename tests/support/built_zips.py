"""A folder as build_zip.sh leaves it, small: what is in the zips does not matter to who deploys them."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any


def write(folder: Path, function: bytes = b"code", layer: bytes = b"packages", **changed: Any) -> Path:
    """The folder, with fields of its build.json changed as asked."""
    folder.mkdir(exist_ok=True)
    description: dict[str, Any] = {"arch": "arm64", "python": "3.13", "total_unzipped_bytes": 1000}
    for name, content in {"layer": layer, "function": function}.items():
        path = folder / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo("content"), content)
        description[name] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    (folder / "build.json").write_text(json.dumps({**description, **changed}))
    return folder
