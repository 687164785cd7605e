import zipfile
from pathlib import Path

import pytest

from scripts.bundle import sizes
from scripts.bundle.sizes import Size


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "layer.zip", "w") as archive:
        for name, size in (
            ("python/PIL/Image.py", 10),
            ("python/numpy/__init__.py", 200),
            ("python/numpy.libs/libblas-1.so", 3000),
            ("python/pillow.libs/libjpeg.so", 20),
            ("python/pillow-13.0.0.dist-info/licenses/LICENSE", 5),
            ("model.onnx", 100),
        ):
            archive.writestr(name, b"x" * size)
    return tmp_path / "layer.zip"


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
    assert rows[-2] == ["limit", "262,144,000", "52,428,800"]
    assert rows[-1] == ["used", "0.0%", "0.0%"]


@pytest.mark.parametrize(
    ("size", "is_error", "is_warning"),
    [
        (Size(0, 0), False, False),
        (Size(262_144_000, 52_428_800), False, False),
        (Size(262_144_001, 52_428_800), True, False),
        (Size(262_144_000, 52_428_801), False, True),
        (Size(262_144_001, 52_428_801), True, True),
    ],
)
def test_the_limits_are_allowed_and_one_byte_more_is_not(size: Size, is_error: bool, is_warning: bool) -> None:
    error, warning = sizes.check(size)
    assert (error is not None, warning is not None) == (is_error, is_warning)


def test_the_error_names_the_limit_the_size_and_the_excess() -> None:
    error, _ = sizes.check(Size(262_144_123, 0))
    assert error == "unzipped size must be at most 262,144,000 bytes, got 262,144,123 (123 too many)"
