"""The builds of a folder: one as scripts/build_zip.sh writes it, or those of a release, one for each architecture."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from layer.targets import MACHINES, PYTHONS, Target
from scripts import manifest


class Build(NamedTuple):
    """A build.

    Attributes:
        target: architecture and Python of the function.
        version: the version of the project that build.json states; None: an older one, which did not state it.
        layer, function, sbom: the files; each may be missing.
        sha256: digest of each file that build.json states, by the path of the file.
        model_sha256: digest of each model that build.json states, by its name in the zip; None: not stated.
    """

    target: Target
    version: str | None
    layer: Path
    function: Path
    sbom: Path
    sha256: dict[Path, str | None]
    model_sha256: dict[str, str | None]


class NoBuild(Exception):
    """The folder has no build that can be verified; the message is one line."""


def read(folder: Path) -> list[Build]:
    """Return the builds of a folder: that of build.json, or those of build-SUFFIX.json.

    Raises:
        NoBuild: there is none, or a manifest cannot be used.
    """
    single = (folder / manifest.NAME).is_file()
    names = [manifest.NAME] if single else sorted(path.name for path in folder.glob("build-*.json"))
    if not names:
        raise NoBuild(f"{folder} must have build.json or build-SUFFIX.json; scripts/build_zip.sh writes build.json")
    return [_build(folder, name) for name in names]


def _build(folder: Path, name: str) -> Build:
    try:
        described = manifest.read(folder, for_deployment=True, name=name)
    except manifest.InvalidManifest as error:
        raise NoBuild(str(error)) from error
    if described.arch not in tuple(MACHINES) or described.python not in PYTHONS:
        raise NoBuild(
            f"{folder / name} must have arch {' or '.join(MACHINES)} and python {', '.join(PYTHONS)}, "
            f"got {described.arch!r} and {described.python!r}"
        )
    suffix = name.removeprefix("build").removesuffix(".json")
    layer, function, sbom = (
        folder / f"{stem}{suffix}{extension}"
        for stem, extension in (("layer", ".zip"), ("function", ".zip"), ("sbom", ".cdx.json"))
    )
    fields = json.loads((folder / name).read_text(encoding="utf-8"))
    version = fields.get("version")
    return Build(
        Target(described.arch, described.python),
        version if isinstance(version, str) else None,
        layer,
        function,
        sbom,
        {layer: described.layer_sha256, function: described.function_sha256, sbom: _sha256(fields, "sbom")},
        {"model.onnx": _sha256(fields, "model"), "reader.onnx": _sha256(fields, "reader")},
    )


def _sha256(fields: dict[str, Any], name: str) -> str | None:
    described = fields.get(name)
    sha256 = described.get("sha256") if isinstance(described, dict) else None
    return sha256 if isinstance(sha256, str) else None
