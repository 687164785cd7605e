"""The bill of materials: valid CycloneDX, complete, and the same for the same build."""

import hashlib
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from export.model_info import ModelInfo
from layer import pin
from layer.targets import TARGETS, Target
from scripts.bundle import model, sbom
from tests.support import color_model

X86, ARM = Target("x86_64", "3.13"), Target("arm64", "3.14")
LIBRARIES = {  # members of a layer -> content
    "python/pillow.libs/libtiff-20b7e810.so.6.3.0": b"tiff",
    "python/pillow.libs/libnew-00000000.so.1": b"a library of a later wheel",
    "python/numpy.libs/libscipy_openblas64_-4b78795a.so": b"blas",
    "python/onnxruntime/capi/onnxruntime_pybind11_state.cpython-313-x86_64-linux-gnu.so": b"engine",
    "python/numpy/__init__.py": b"",
}
Describe = Callable[..., ModelInfo]


@pytest.fixture
def zips(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "layer.zip", tmp_path / "function.zip"
    for path, members in zip(paths, (LIBRARIES, {"function/handler.py": b"pass\n"}), strict=True):
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(zipfile.ZipInfo(name), content)
    return paths


@pytest.fixture
def describe(tmp_path: Path) -> Describe:
    def make(**metadata: str) -> ModelInfo:
        return model.read(color_model.save(tmp_path / "colors.onnx", (32, 64), imgsz="[32, 64]", **metadata))

    return make


def component(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in document["components"] if one["name"] == name]
    return dict(found)


def sha256(data: bytes) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": hashlib.sha256(data).hexdigest()}]


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_document_is_valid_cyclonedx_for_every_target(
    target: Target, zips: tuple[Path, Path], describe: Describe
) -> None:
    text = json.dumps(sbom.document(zips, target, describe(), "1.2.3"))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


@pytest.mark.parametrize(
    "metadata",
    [
        {"license": "AGPL-3.0 License (https://ultralytics.com/license)", "author": "Ultralytics"},
        {"license": "x" * 100_000, "description": "\x00\x1b[31m\n\n", "author": "\u202e"},
        {"license": '"}], "a": [', "description": "ü€😀"},
    ],
    ids=["ultralytics", "long and unprintable", "JSON"],
)
def test_document_is_valid_cyclonedx_for_any_metadata(
    metadata: dict[str, str], zips: tuple[Path, Path], describe: Describe, tmp_path: Path
) -> None:
    sbom.write(tmp_path / "sbom.cdx.json", zips, X86, describe(**metadata), "1.2.3")
    text = (tmp_path / "sbom.cdx.json").read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert len(text) < 30_000


def test_unprintable_characters_of_the_metadata_are_left_out(zips: tuple[Path, Path], describe: Describe) -> None:
    document = sbom.document(zips, X86, describe(description="a\x1b[31m\nb", license="\x07MIT\x07"), "1.2.3")
    assert component(document, "a [31m b")["licenses"] == [
        {"license": {"name": "MIT", "acknowledgement": "declared"}},
    ]


def test_model_without_a_stated_license_has_none(zips: tuple[Path, Path], describe: Describe) -> None:
    assert "licenses" not in component(sbom.document(zips, X86, describe(), "1.2.3"), "model.onnx")


@pytest.mark.parametrize("target", [X86, ARM], ids=str)
def test_every_package_has_its_version_license_and_the_hash_of_the_wheel(
    target: Target, zips: tuple[Path, Path], describe: Describe
) -> None:
    document = sbom.document(zips, target, describe(), "1.2.3")
    pins = pin.versions(pin.REQUIREMENTS.read_text("utf-8"))
    assert pins
    for name, version in pins.items():
        described = component(document, name)
        (hashed,) = described["hashes"]
        assert described["version"] == version
        assert described["licenses"]
        assert hashed["content"] == pin.pinned_wheels(target)[name].sha256


def test_zips_and_model_have_their_hashes(zips: tuple[Path, Path], describe: Describe) -> None:
    info = describe()
    document = sbom.document(zips, X86, info, "1.2.3")
    for path in zips:
        assert component(document, path.name)["hashes"] == sha256(path.read_bytes())
    assert component(document, "model.onnx")["hashes"] == sha256(info.path.read_bytes())


def test_zips_of_another_name_are_named_as_the_build_names_them(zips: tuple[Path, Path], describe: Describe) -> None:
    expected = sbom.document(zips, X86, describe(), "1.2.3")
    renamed = tuple(path.rename(path.with_name(f"{path.stem}-x86_64.zip")) for path in zips)
    assert sbom.document((renamed[0], renamed[1]), X86, describe(), "1.2.3") == expected


def test_bundled_library_has_version_license_and_the_hash_of_its_file(
    zips: tuple[Path, Path], describe: Describe
) -> None:
    described = component(sbom.document(zips, X86, describe(), "1.2.3"), "libtiff")
    assert (described["version"], described["licenses"]) == ("4.7.2", [{"expression": "libtiff"}])
    assert described["hashes"] == sha256(b"tiff")


def test_library_inside_another_file_has_no_hash(zips: tuple[Path, Path], describe: Describe) -> None:
    assert "hashes" not in component(sbom.document(zips, X86, describe(), "1.2.3"), "SQLite")


def test_library_without_a_row_in_the_table_is_listed_with_its_hash(
    zips: tuple[Path, Path], describe: Describe
) -> None:
    described = component(sbom.document(zips, X86, describe(), "1.2.3"), "libnew-00000000.so.1")
    assert described["hashes"] == sha256(b"a library of a later wheel")


def test_references_are_unique_and_every_dependency_is_a_component(zips: tuple[Path, Path], describe: Describe) -> None:
    document = sbom.document(zips, X86, describe(), "1.2.3")
    listed = [one["bom-ref"] for one in (document["metadata"]["component"], *document["components"])]
    rows = [row["ref"] for row in document["dependencies"]]
    assert len(set(listed)) == len(listed)
    assert sorted(rows) == sorted(listed)
    assert {ref for row in document["dependencies"] for ref in row.get("dependsOn", [])} == set(listed) - {"function"}


def test_same_build_gives_the_same_bytes(zips: tuple[Path, Path], describe: Describe, tmp_path: Path) -> None:
    digests = {sbom.write(tmp_path / name, zips, X86, describe(), "1.2.3") for name in ("one", "two")}
    assert digests == {hashlib.sha256((tmp_path / "two").read_bytes()).hexdigest()}
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_document_has_no_date_and_no_path_of_the_machine(
    zips: tuple[Path, Path], describe: Describe, tmp_path: Path
) -> None:
    text = json.dumps(sbom.document(zips, X86, describe(), "1.2.3"))
    assert "timestamp" not in text
    assert not re.search(r"\d{4}-\d{2}-\d{2}T", text)
    assert str(tmp_path) not in text


@pytest.mark.parametrize("change", [{"version": "1.2.4"}, {"target": ARM}, {"author": "b"}], ids=str)
def test_another_build_has_another_serial_number(
    change: dict[str, Any], zips: tuple[Path, Path], describe: Describe
) -> None:
    first = sbom.document(zips, X86, describe(author="a"), "1.2.3")
    second = sbom.document(
        zips, change.get("target", X86), describe(author=change.get("author", "a")), change.get("version", "1.2.3")
    )
    assert first["serialNumber"] != second["serialNumber"]
