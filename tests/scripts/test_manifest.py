import json
from pathlib import Path

import pytest

from scripts import manifest
from scripts.manifest import InvalidManifest, Manifest

FIELDS = {
    "arch": "arm64", "python": "3.13", "total_unzipped_bytes": 7, "layer": {"sha256": "a"}, "function": {"sha256": "b"},
}  # fmt: skip


def test_what_is_written_is_read(tmp_path: Path) -> None:
    manifest.write(tmp_path, FIELDS)
    expected = Manifest("arm64", "3.13", 7, "a", "b")
    assert manifest.read(tmp_path) == manifest.read(tmp_path, for_deployment=True) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["build.json"]


def test_arch_and_python_are_enough_to_run_the_zips(tmp_path: Path) -> None:
    manifest.write(tmp_path, {"arch": "arm64", "python": "3.13"})
    assert manifest.read(tmp_path) == Manifest("arm64", "3.13", None, None, None)


@pytest.mark.parametrize("name", FIELDS)
def test_a_deployment_requires_every_field(name: str, tmp_path: Path) -> None:
    manifest.write(tmp_path, {other: value for other, value in FIELDS.items() if other != name})
    with pytest.raises(InvalidManifest, match=r"build\.json must have arch, python, total_unzipped_bytes, "):
        manifest.read(tmp_path, for_deployment=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not JSON"),
        ("[]", "must have arch and python"),
        ("{}", "must have arch and python"),
        (json.dumps({"arch": "arm64"}), "must have arch and python"),
    ],
)
def test_an_invalid_manifest_is_one_line(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "build.json").write_text(text)
    with pytest.raises(InvalidManifest) as error:
        manifest.read(tmp_path)
    assert str(error.value).startswith(f"{tmp_path / 'build.json'} {reason}")
    assert str(error.value).endswith("; scripts/build_zip.sh writes it")
    assert "\n" not in str(error.value)


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match=r"build\.json is missing; scripts/build_zip\.sh writes it"):
        manifest.read(tmp_path)
