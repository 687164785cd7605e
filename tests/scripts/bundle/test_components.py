"""The table of licenses and bundled libraries against what the pinned wheels and their files state."""

import email
import fnmatch
import json
import re
from pathlib import Path
from typing import Any

import pytest

from layer import build, pin
from layer.targets import TARGETS, Target
from scripts import environments, pythons
from scripts.bundle.components import LIBRARIES, LICENSES, Library

pytestmark = pytest.mark.build
STORE = environments.ROOT / "build" / "layer"
ONLY_ARM64 = {"KleidiAI"}
OWN_NAMES = {  # name in pillow's bill of materials -> name in the table, if they differ
    "libjpeg / libjpeg-turbo": "libjpeg-turbo",
    "pythoncapi_compat": "pythoncapi-compat",
}
STATED_IN_FILE = {  # library whose version is a text in the file that contains it
    "Abseil": "lts_{}",
    "Mbed TLS": "mbedtls/src/v{}",
    "SQLite": "{}",
    "OpenBLAS": "OpenBLAS {}",
    "dav1d": "{}-0-g",
}


class Wheels:
    """A layer and its untrimmed installation."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.packages = build.cached_packages(target, pythons.find(target.python), STORE)
        self.installed = build.untrimmed_packages(target, STORE)

    def files(self, library: Library) -> list[Path]:
        """Return the files of a library in the layer."""
        names = {
            f"python/{p.relative_to(self.packages).as_posix()}": p for p in self.packages.rglob("*") if p.is_file()
        }
        return [names[name] for name in fnmatch.filter(names, library.pattern)]

    def of_pillow(self) -> dict[str, dict[str, Any]]:
        """Return the components of the bills of materials in pillow's wheel, by the name in the table."""
        paths = sorted(self.installed.glob("pillow-*.dist-info/sboms/*.json"))
        components = [one for path in paths for one in json.loads(path.read_text("utf-8"))["components"]]
        return {OWN_NAMES.get(one["name"], one["name"]): one for one in components}


@pytest.fixture(scope="module", params=TARGETS, ids=str)
def wheels(request: pytest.FixtureRequest) -> Wheels:
    return Wheels(request.param)


@pytest.mark.parametrize("package", pin.versions(pin.REQUIREMENTS.read_text("utf-8")))
def test_license_of_a_package_is_that_of_its_metadata(package: str, wheels: Wheels) -> None:
    (path,) = wheels.installed.glob(f"{package.replace('-', '_')}-*.dist-info/METADATA")
    stated = email.message_from_string(path.read_text("utf-8"))
    expression = stated["License-Expression"] or stated["License"].removesuffix(" License")
    assert LICENSES[package] == expression


def test_every_bundled_shared_library_has_a_row(wheels: Wheels) -> None:
    bundled = {path for path in wheels.packages.glob("*.libs/*") if path.is_file()}
    described = {path for library in LIBRARIES if not library.is_static for path in wheels.files(library)}
    assert described >= bundled


def test_every_row_has_one_file(wheels: Wheels) -> None:
    for library in LIBRARIES:
        files = 0 if library.name in ONLY_ARM64 and wheels.target.arch != "arm64" else 1
        assert len(wheels.files(library)) == files, library


def test_versions_and_licenses_of_pillows_libraries_are_those_of_its_bill_of_materials(wheels: Wheels) -> None:
    stated = wheels.of_pillow()
    compared = [library for library in LIBRARIES if library.package == "pillow" and library.name in stated]
    assert {"libavif", "libjpeg-turbo", "OpenJPEG", "libtiff", "libwebp", "libXau"} <= {one.name for one in compared}
    for library in compared:
        component = stated[library.name]
        version = component.get("version")
        assert library.version == (version.partition("-")[0] if version else None), library
        if "licenses" in component:
            assert library.license == " AND ".join(one["license"]["id"] for one in component["licenses"])


@pytest.mark.parametrize("name", ["liblzma", "OpenJPEG", "Zstandard"])
def test_version_is_that_of_the_file_name(name: str, wheels: Wheels) -> None:
    (library,) = [one for one in LIBRARIES if one.name == name]
    (file,) = wheels.files(library)
    assert file.name.partition(".so.")[2] == library.version


@pytest.mark.parametrize("name", STATED_IN_FILE)
def test_version_is_stated_in_the_file(name: str, wheels: Wheels) -> None:
    (library,) = [one for one in LIBRARIES if one.name == name]
    (file,) = wheels.files(library)
    text = STATED_IN_FILE[name].format(library.version).encode()
    assert re.search(rb"(?<![0-9.])" + re.escape(text) + rb"(?![0-9.])", file.read_bytes()), text
