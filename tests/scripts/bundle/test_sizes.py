import zipfile
from pathlib import Path

import pytest

from scripts.bundle import sizes
from scripts.bundle.sizes import Size


def write_zip(path: Path, files: dict[str, int]) -> Path:
    """Write an uncompressed zip with files of these sizes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, size in files.items():
            archive.writestr(name, b"x" * size)
    return path


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    files = {
        "python/PIL/Image.py": 10,
        "python/numpy/__init__.py": 200,
        "python/numpy.libs/libblas-1.so": 3000,
        "python/pillow.libs/libjpeg.so": 20,
        "python/pillow-13.0.0.dist-info/licenses/LICENSE": 5,
        "model.onnx": 100,
    }
    return write_zip(tmp_path / "layer.zip", files)


def test_the_total_of_no_sizes_is_zero() -> None:
    assert sizes.total([]) == Size(0, 0)


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("python/numpy/_core/x.so", "numpy"),
        ("python/numpy.libs/x.so", "numpy"),
        ("python/numpy-2.5.5.dist-info/licenses/x", "numpy"),
        ("python/PIL/Image.py", "pillow"),
        ("python/pillow.libs/x.so", "pillow"),
        ("python/python_multipart/multipart.py", "python-multipart"),
        ("python/python_multipart-0.0.34.dist-info/licenses/LICENSE.txt", "python-multipart"),
        ("python/onnxruntime/LICENSE", "onnxruntime"),
        ("model.onnx", "model"),
        ("reader.onnx", "reader"),
        ("function/handler.py", "function"),
        ("LICENSE", "function"),
    ],
)
def test_each_file_belongs_to_a_package(name: str, package: str) -> None:
    assert sizes.package(name) == package


def test_packages_are_listed_largest_first_and_add_up_to_the_zip(layer: Path) -> None:
    packages = sizes.by_package(layer)
    assert list(packages) == ["numpy", "model", "pillow", "(zip directory)"]
    assert sizes.total(packages.values()) == Size(3335, layer.stat().st_size)


def test_the_table_shows_each_package_the_total_and_the_limits(layer: Path) -> None:
    rows = [line.split() for line in sizes.table([layer, layer]).splitlines()]
    assert rows[1][:2] == ["layer.zip", "3,335"]
    assert rows[2] == ["numpy", "3,200", "3,200"]
    assert rows[-3] == ["total", "6,670", f"{2 * layer.stat().st_size:,}"]
    assert rows[-2] == ["limit", "262,144,000", "52,428,800", "for", "each", "zip"]
    assert rows[-1] == ["used", "0.0%", "0.0%", "of", "the", "larger", "zip"]


def test_the_used_share_is_that_of_both_zips_unzipped_and_of_the_larger_zip(
    layer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    larger = write_zip(tmp_path / "function.zip", {"model.onnx": 10_000})
    monkeypatch.setattr(sizes, "UNZIPPED_LIMIT", 13_335 * 2)
    monkeypatch.setattr(sizes, "DIRECT_LIMIT", larger.stat().st_size * 4)
    assert sizes.table([layer, larger]).splitlines()[-1].split()[:3] == ["used", "50.0%", "25.0%"]


@pytest.mark.parametrize(
    ("unzipped", "zipped", "is_error", "is_note"),
    [(0, 0, False, False), (-1, 0, True, False), (0, -1, False, True), (-1, -1, True, True)],
)
def test_the_limits_are_allowed_and_one_byte_more_is_not(
    layer: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    unzipped: int,
    zipped: int,
    is_error: bool,
    is_note: bool,
) -> None:
    function = write_zip(tmp_path / "function.zip", {"function/handler.py": 7})
    monkeypatch.setattr(sizes, "UNZIPPED_LIMIT", 3342 + unzipped)
    monkeypatch.setattr(sizes, "DIRECT_LIMIT", layer.stat().st_size + zipped)
    error, note = sizes.check([layer, function])
    assert (error is not None, note is not None) == (is_error, is_note)


def test_zips_that_are_above_the_direct_limit_only_together_get_no_note(
    layer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "DIRECT_LIMIT", layer.stat().st_size)
    assert sizes.check([layer, layer]) == (None, None)


def test_the_error_names_the_limit_the_size_the_excess_and_the_remedy(
    layer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "UNZIPPED_LIMIT", 3212)
    error, _ = sizes.check([layer])
    assert error == (
        "unzipped size must be at most 3,212 bytes, got 3,335 (123 too many); "
        "--half-weights and --int8 make the model smaller"
    )


@pytest.mark.parametrize(
    ("contents", "remedy"),
    [
        ({"layer.zip": 500, "function.zip": 2_000}, ", or make the model smaller with --half-weights"),
        ({"layer.zip": 2_000, "function.zip": 100}, ""),
    ],
    ids=["model", "packages"],
)
def test_the_note_names_the_zip_the_bucket_and_what_else_helps(
    contents: dict[str, int], remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = write_zip(tmp_path / "layer.zip", {"python/numpy/a.so": contents["layer.zip"]})
    function = write_zip(tmp_path / "function.zip", {"model.onnx": contents["function.zip"]})
    monkeypatch.setattr(sizes, "DIRECT_LIMIT", 1_500)
    _, note = sizes.check([layer, function])
    larger = max((layer, function), key=lambda path: path.stat().st_size)
    assert note == (
        f"{larger.name} has {larger.stat().st_size:,} bytes, more than the 1,500 of a direct upload; "
        f"deploy with --bucket BUCKET{remedy}"
    )


def test_both_models_move_to_the_other_zip_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = write_zip(tmp_path / "layer.zip", {"python/numpy/a.so": 500})
    function = write_zip(tmp_path / "function.zip", {"model.onnx": 900, "reader.onnx": 900})
    for limit, remedy in ((2_000, ", or make the model smaller with --half-weights"), (3_000, "")):
        monkeypatch.setattr(sizes, "DIRECT_LIMIT", limit)
        _, note = sizes.check([layer, function])
        assert (note or "").endswith(remedy)
    assert [name for name in sizes.by_package(function) if name != sizes.OVERHEAD] == ["model", "reader"]


def test_the_note_names_the_other_zip_for_the_model_if_it_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "DIRECT_LIMIT", 2_000)
    layer = write_zip(tmp_path / "layer.zip", {"python/numpy/a.so": 1_000, "model.onnx": 1_000})
    _, note = sizes.check([layer, write_zip(tmp_path / "function.zip", {"function/handler.py": 500})])
    assert note is not None and note.endswith("deploy with --bucket BUCKET, or build without --model-in-layer")
    layer = write_zip(tmp_path / "layer.zip", {"python/numpy/a.so": 100})
    function = write_zip(tmp_path / "function.zip", {"function/handler.py": 1_000, "model.onnx": 1_000})
    _, note = sizes.check([layer, function])
    assert note is not None and note.endswith("deploy with --bucket BUCKET, or build with --model-in-layer")
