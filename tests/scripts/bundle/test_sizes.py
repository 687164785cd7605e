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


def test_nothing_weighs_nothing() -> None:
    assert sizes.total([]) == Size(0, 0)


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("python/numpy/_core/x.so", "numpy"),
        ("python/numpy.libs/x.so", "numpy"),
        ("python/numpy-2.5.5.dist-info/licenses/x", "numpy"),
        ("python/PIL/Image.py", "pillow"),
        ("python/pillow.libs/x.so", "pillow"),
        ("python/onnxruntime/LICENSE", "onnxruntime"),
        ("model.onnx", "model"),
        ("function/handler.py", "function"),
        ("LICENSE", "function"),
    ],
)
def test_each_file_belongs_to_a_package(name: str, package: str) -> None:
    assert sizes.package(name) == package


def test_packages_come_largest_first_and_add_up_to_the_zip(layer: Path) -> None:
    found = sizes.by_package(layer)
    assert list(found) == ["numpy", "model", "pillow", "(zip directory)"]
    assert sizes.total(found.values()) == Size(3335, layer.stat().st_size)


def test_the_table_shows_each_package_the_sum_and_the_limit(layer: Path) -> None:
    rows = [line.split() for line in sizes.table([layer, layer]).splitlines()]
    assert rows[1][:2] == ["layer.zip", "3,335"]
    assert rows[2] == ["numpy", "3,200", "3,200"]
    assert rows[-3] == ["together", "6,670", f"{2 * layer.stat().st_size:,}"]
    assert rows[-2] == ["limit", "262,144,000", "52,428,800"]
    assert rows[-1] == ["used", "0.0%", "0.0%"]


@pytest.mark.parametrize(
    ("size", "refused", "warned"),
    [
        (Size(0, 0), False, False),
        (Size(262_144_000, 52_428_800), False, False),
        (Size(262_144_001, 52_428_800), True, False),
        (Size(262_144_000, 52_428_801), False, True),
        (Size(262_144_001, 52_428_801), True, True),
    ],
)
def test_the_limits_themselves_are_allowed_and_one_byte_more_is_not(size: Size, refused: bool, warned: bool) -> None:
    error, warning = sizes.complaints(size)
    assert (error is not None, warning is not None) == (refused, warned)


def test_the_error_says_how_much_is_too_much() -> None:
    error, _ = sizes.complaints(Size(262_144_123, 0))
    assert error == "262,144,123 bytes unzipped; Lambda takes 262,144,000: 123 too many"
