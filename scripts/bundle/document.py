"""Document of `scripts/build_zip.sh --json`: the result of a build for programs."""

import json
from pathlib import Path
from typing import Any

from scripts import manifest
from scripts.aws.limits import DIRECT_LIMIT, UNZIPPED_LIMIT
from scripts.bundle import sizes

DEPLOY_PAGE = "deploy-commands.md"


class Record:
    """What a build has done so far.

    Attributes:
        is_built: the zips and build.json of this run are written.
        export: the report of `python -m export`; None: it was not run, or wrote none.
        read_export: the same of the model of --read-model.
        trial: the document of scripts/invoke_local.py; None: the zips were not run, or did not start.
    """

    def __init__(self) -> None:
        """Start with nothing done."""
        self.is_built = False
        self.export: dict[str, Any] | None = None
        self.read_export: dict[str, Any] | None = None
        self.trial: dict[str, Any] | None = None

    def document(self, out: Path, code: int, reason: str) -> dict[str, Any]:
        """Return the document.

        Args:
            out: folder of the zips.
            code: exit code of the command.
            reason: of a failure, one line; "" if there is none, or if the export has reported it.
        """
        errors = [report.get("error") for report in (self.read_export, self.export) if report]
        reported = next(filter(None, errors), None)
        document: dict[str, Any] = {"exit_code": code, "error": (reason or reported or None) if code else None}
        zips = [out / name for name in (manifest.LAYER_ZIP, manifest.FUNCTION_ZIP)] if self.is_built else []
        document["build"] = json.loads((out / manifest.NAME).read_text(encoding="utf-8")) if self.is_built else None
        document["sizes"] = {path.name: _sizes(path) for path in zips}
        document["limits"] = {"unzipped_bytes": UNZIPPED_LIMIT, "direct_upload_bytes": DIRECT_LIMIT}
        others = [out / name for name in (manifest.NAME, manifest.SBOM, DEPLOY_PAGE)] if self.is_built else []
        images = sorted((out / "try").glob("*.jpg")) if self.trial else []
        files = [str(path) for path in (*zips, *others, *images) if path.is_file()]
        exports = {"export": self.export, "read_export": self.read_export}
        return {**document, **exports, "trial": self.trial, "files": files}


def _sizes(path: Path) -> dict[str, dict[str, int]]:
    return {
        name: {"unzipped_bytes": size.unzipped, "zip_bytes": size.zipped}
        for name, size in sizes.by_package(path).items()
    }
