import json
from pathlib import Path
from typing import Any

import pytest

from layer.targets import Target
from scripts.verify import builds
from scripts.verify.builds import NoBuild
from tests.support import built_zips


def change(folder: Path, **fields: Any) -> Path:
    """Change fields of the manifest, and return the folder."""
    path = folder / "build.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return folder


def test_the_build_of_a_folder_is_read(tmp_path: Path) -> None:
    folder = built_zips.write(tmp_path / "dist", version="1.2.3", sbom={"sha256": "s"}, model={"sha256": "m"})
    (build,) = builds.read(folder)
    assert (build.target, build.version) == (Target("arm64", "3.13"), "1.2.3")
    assert build.model_sha256 == {"model.onnx": "m", "reader.onnx": None}
    assert {path.name for path in build.sha256} == {"layer.zip", "function.zip", "sbom.cdx.json"}
    assert build.sha256[build.sbom] == "s"


def test_a_manifest_of_an_older_version_is_read(tmp_path: Path) -> None:
    (build,) = builds.read(built_zips.write(tmp_path / "dist"))
    assert (build.version, build.sha256[build.sbom]) == (None, None)
    assert build.model_sha256 == {"model.onnx": None, "reader.onnx": None}


def test_every_build_of_a_release_is_read(tmp_path: Path) -> None:
    folder = built_zips.write(tmp_path / "release")
    text = (folder / "build.json").read_text()
    (folder / "build.json").unlink()
    for arch in ("arm64", "x86_64"):
        (folder / f"build-{arch}.json").write_text(text)
    arm, x86 = builds.read(folder)
    assert [path.name for path in (arm.layer, arm.function, arm.sbom)] == [
        *("layer-arm64.zip", "function-arm64.zip", "sbom-arm64.cdx.json"),
    ]
    assert x86.layer.name == "layer-x86_64.zip"


def test_a_folder_without_a_manifest_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoBuild, match=r"must have build\.json or build-SUFFIX\.json"):
        builds.read(tmp_path)


@pytest.mark.parametrize(
    "fields",
    [
        {"arch": "mips"},
        {"python": "2.7"},
        {"python": 3.13},
        {"arch": ["arm64"]},
        {"layer": None},
        {"layer": {"sha256": None}},
    ],
    ids=str,
)
def test_a_manifest_with_other_values_is_an_error_of_one_line(fields: dict[str, Any], tmp_path: Path) -> None:
    folder = change(built_zips.write(tmp_path / "dist"), **fields)
    with pytest.raises(NoBuild) as error:
        builds.read(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [None, 7, [], {"sha256": 7}], ids=str)
def test_an_optional_field_of_another_kind_does_not_count(value: Any, tmp_path: Path) -> None:
    folder = change(built_zips.write(tmp_path / "dist"), version=value, sbom=value, model=value)
    (build,) = builds.read(folder)
    assert (build.version, build.sha256[build.sbom]) == (None, None)
    assert build.model_sha256 == {"model.onnx": None, "reader.onnx": None}
