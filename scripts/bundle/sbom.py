"""Bill of materials of a build in CycloneDX 1.6: what the zips contain, with versions, hashes and licenses.

The same zips and the same model give the same bytes: there is no date, and the serial number is derived from the
content.
"""

import fnmatch
import hashlib
import json
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from export.model_info import ModelInfo
from layer import pin
from layer.targets import Target
from scripts.bundle.components import FONT, INCOMPLETE, LIBRARIES, LICENSES, Library
from scripts.manifest import FUNCTION_ZIP, LAYER_ZIP

NAME = "yolo-lambda-zip"
OWN_LICENSE = "Apache-2.0"
MAX_TEXT = 200  # characters of a text from the model's metadata
BUNDLED = "python/*.libs/*"  # shared libraries that wheels bundle; those without a row in the table are listed by name

Component = dict[str, Any]


class Contents(NamedTuple):
    """A zip: its digest, and the digest of each shared library and of the font in it by name."""

    sha256: str
    libraries: dict[str, str]


def write(
    path: Path, zips: tuple[Path, Path], target: Target, model: ModelInfo, version: str, reader: ModelInfo | None = None
) -> str:
    """Write the bill of materials, and return its sha256.

    Args:
        path: the file to write.
        zips: layer.zip and function.zip.
        target: architecture and Python of the function.
        model: the ONNX file in one of the zips.
        version: the version of the project.
        reader: the ONNX file beside it that reads the detections; None: none.
    """
    text = json.dumps(document(zips, target, model, version, reader), indent=2) + "\n"
    path.write_text(text, encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def document(
    zips: tuple[Path, Path], target: Target, model: ModelInfo, version: str, reader: ModelInfo | None = None
) -> dict[str, Any]:
    """Return the bill of materials; the arguments are those of `write`."""
    contents = {name: _contents(path) for name, path in zip((LAYER_ZIP, FUNCTION_ZIP), zips, strict=True)}
    packages = pin.versions(pin.REQUIREMENTS.read_text(encoding="utf-8"))
    described = [_package(name, number, pin.pinned_wheels(target).get(name)) for name, number in packages.items()]
    libraries = _libraries(contents)
    files = [_file(name, zipped) for name, zipped in contents.items()]
    models = [_model("model", model), *([_model("reader", reader)] if reader else [])]
    root = {
        "type": "application",
        "bom-ref": "function",
        "name": NAME,
        "version": version,
        "description": f"AWS Lambda function for python{target.python} on {target.arch}",
        "licenses": [{"expression": OWN_LICENSE}],
    }
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"lifecycles": [{"phase": "build"}], "component": root},
        "components": [*files, *models, *described, *(component for _, component in libraries)],
        "dependencies": _dependencies([part["bom-ref"] for part in (*files, *models)], list(packages), libraries),
        "compositions": [{"aggregate": "incomplete", "assemblies": [name for name in packages if name in INCOMPLETE]}],
    }
    digest = hashlib.sha256(json.dumps(bom, sort_keys=True).encode()).hexdigest()
    return {**bom, "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{NAME}:{digest}')}"}


def _contents(path: Path) -> Contents:
    with zipfile.ZipFile(path) as archive:
        libraries = {
            name: hashlib.sha256(archive.read(name)).hexdigest()
            for name in sorted(archive.namelist())
            if name.endswith(".so") or fnmatch.fnmatchcase(name, BUNDLED) or name == FONT.pattern
        }
    return Contents(hashlib.sha256(path.read_bytes()).hexdigest(), libraries)


def _file(name: str, contents: Contents) -> Component:
    return {"type": "file", "bom-ref": name, "name": name, "hashes": _hashes(contents.sha256)}


def _package(name: str, version: str, wheel: pin.Wheel | None) -> Component:
    component: Component = {"type": "library", "bom-ref": name, "name": name, "version": version}
    if wheel:
        component["hashes"] = _hashes(wheel.sha256)
    if name in LICENSES:
        component["licenses"] = [{"expression": LICENSES[name]}]
    purl = f"pkg:pypi/{name}@{version}"
    return {**component, "purl": f"{purl}?file_name={wheel.file}" if wheel else purl}


def _libraries(contents: Mapping[str, Contents]) -> list[tuple[str, Component]]:
    """Return each library of the zips with the package that bundles it."""
    digests = {name: digest for zipped in contents.values() for name, digest in zipped.libraries.items()}
    found = [
        (library.package, _library(library, name, digests[name]))
        for library in (*LIBRARIES, FONT)
        for name in fnmatch.filter(digests, library.pattern)
    ]
    known = {name for library in LIBRARIES for name in fnmatch.filter(digests, library.pattern)}
    unknown = [name for name in fnmatch.filter(digests, BUNDLED) if name not in known]
    return found + [
        (name.split("/")[1].removesuffix(".libs"), _unknown_library(name, digests[name])) for name in unknown
    ]


def _library(library: Library, file: str, digest: str) -> Component:
    component: Component = {"type": "library", "bom-ref": f"{library.package}/{library.name}", "name": library.name}
    if library.version:
        component["version"] = library.version
    if not library.is_static:
        component["hashes"] = _hashes(digest)
    component["licenses"] = [{"expression": library.license}]
    linked = "contained in" if library.is_static else "file"
    return {**component, "properties": [{"name": f"{NAME}:{linked}", "value": file}]}


def _unknown_library(file: str, digest: str) -> Component:
    return {
        "type": "library",
        "bom-ref": file,
        "name": file.rpartition("/")[2],
        "hashes": _hashes(digest),
        "properties": [{"name": f"{NAME}:file", "value": file}],
    }


def _model(reference: str, model: ModelInfo) -> Component:
    """Return the component `model` or `reader`; its license is the text of its metadata, which nobody has checked."""
    component: Component = {
        "type": "machine-learning-model",
        "bom-ref": reference,
        "name": _text(model.metadata.get("description")) or f"{reference}.onnx",
        "version": model.sha256[:12],
        "hashes": _hashes(model.sha256),
    }
    author, license_text = _text(model.metadata.get("author")), _text(model.metadata.get("license"))
    if author:
        component["authors"] = [{"name": author}]
    if license_text:
        component["licenses"] = [{"license": {"name": license_text, "acknowledgement": "declared"}}]
    return {**component, "modelCard": {"modelParameters": {"task": model.task}}}


def _text(value: str | None) -> str:
    """Return a text of the metadata in one line, without characters that cannot be printed; "" if there is none."""
    printable = "".join(character if character.isprintable() else " " for character in value or "")
    return " ".join(printable.split())[:MAX_TEXT]


def _dependencies(
    files: list[str], packages: list[str], libraries: list[tuple[str, Component]]
) -> list[dict[str, Any]]:
    bundled = {
        name: sorted(component["bom-ref"] for package, component in libraries if package == name)
        for name in (*packages, FONT.package)
    }
    rows = {
        "function": [*files, *packages, *bundled[FONT.package]],
        "onnxruntime": ["numpy", *bundled.get("onnxruntime", [])],
    }
    names = ["function", *files, *packages, *(component["bom-ref"] for _, component in libraries)]
    depends = {name: rows.get(name, bundled.get(name, [])) for name in names}
    return [{"ref": name, **({"dependsOn": refs} if refs else {})} for name, refs in depends.items()]


def _hashes(sha256: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": sha256}]
