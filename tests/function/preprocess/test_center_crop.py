"""Transforms of a classifier's checkpoint, from the metadata to the input of the model."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from function import model
from function.errors import UnusableModel
from function.metadata import CENTER_CROP, NORMALIZE, RESIZE, SQUARE_CROP, Transform
from function.preprocess import center_crop
from tests.support import color_model

RANDOM = np.random.default_rng(0)


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8))


def levels(tensor: np.ndarray) -> np.ndarray:
    """Return (H, W, 3) uint8."""
    return np.rint(tensor[0].transpose(1, 2, 0) * 255).astype(np.uint8)


def test_without_transforms_the_default_is_used() -> None:
    image = noise(70, 50)
    default = (Transform(RESIZE, (32,)), Transform(CENTER_CROP, (32, 32)))
    assert (center_crop.to_tensor(image, (32, 32)) == center_crop.to_tensor(image, (32, 32), default)).all()


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_stretch_uses_the_interpolation_of_the_checkpoint(interpolation: str) -> None:
    image = noise(70, 50)
    tensor = center_crop.to_tensor(image, (32, 48), (Transform(RESIZE, (32, 48), interpolation),))
    expected = image.resize((48, 32), Image.Resampling[interpolation.upper()])
    assert (levels(tensor) == np.asarray(expected)).all()


def test_normalization_is_applied_to_each_channel() -> None:
    image = Image.new("RGB", (10, 10), (255, 0, 51))
    steps = (Transform(RESIZE, (4, 4)), Transform(NORMALIZE, mean=(0.5, 0.25, 0.2), std=(0.5, 0.125, 0.1)))
    tensor = center_crop.to_tensor(image, (4, 4), steps)
    np.testing.assert_allclose(tensor[0, :, 0, 0], [1.0, -2.0, 0.0], atol=1e-6)
    assert tensor.dtype == np.float32


@pytest.mark.parametrize(("left", "crop"), [(1, 8), (2, 9)])
def test_crop_larger_than_the_image_is_padded_with_black(left: int, crop: int) -> None:
    image = Image.new("RGB", (5, 5), (255, 255, 255))
    tensor = center_crop.to_tensor(image, (crop, crop), (Transform(CENTER_CROP, (crop, crop)),))
    assert np.flatnonzero(tensor[0, 0, left]).tolist() == list(range(left, left + 5))
    assert np.flatnonzero(tensor[0, 0, :, left]).tolist() == list(range(left, left + 5))


def test_square_crop_keeps_the_largest_square() -> None:
    pixels = np.zeros((20, 60, 3), dtype=np.uint8)
    pixels[:, 20:40] = 200
    tensor = center_crop.to_tensor(Image.fromarray(pixels), (10, 10), (Transform(SQUARE_CROP, (10, 10)),))
    assert (levels(tensor) == 200).all()


def test_long_strip_is_not_scaled_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    real = Image.Image.resize

    def resize(self: Image.Image, size: tuple[int, int], *rest: object, **options: object) -> Image.Image:
        sizes.append(size)
        return real(self, size, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Image.Image, "resize", resize)
    steps = (Transform(RESIZE, (64,), "bicubic"), Transform(CENTER_CROP, (32, 32)))
    assert center_crop.to_tensor(Image.new("RGB", (20_000, 2)), (32, 32), steps).shape == (1, 3, 32, 32)
    assert max(max(size) for size in sizes) <= 64


VALID = "[{'name': 'resize', 'size': (32, 64), 'interpolation': 'bicubic'}]"


def classifier(tmp_path: Path, transforms: str) -> Path:
    """Return a classifier of 32 x 64 with transforms in its metadata."""
    return color_model.save_output(
        tmp_path / "classify.onnx", (1, 2), (32, 64), 0.5, task="classify", imgsz="[32, 64]", transforms=transforms
    )


def test_transforms_are_read_from_the_metadata(tmp_path: Path) -> None:
    loaded = model.load(classifier(tmp_path, VALID), threads=1)
    assert isinstance(loaded, model.Model)
    assert loaded.metadata.transforms == (Transform(RESIZE, (32, 64), "bicubic"),)


@pytest.mark.parametrize(
    "transforms",
    [
        "[]",
        "17",
        "['resize']",
        "[{'name': 'flip', 'size': (32, 64)}]",
        "[{'name': 'resize', 'size': (64, 32)}]",  # not the size of the input
        "[{'name': 'resize', 'size': (32,)}]",  # the other side is open
        "[{'name': 'resize', 'size': (32, 64), 'interpolation': 'cubic'}]",
        "[{'name': 'resize', 'size': (32, 64)}, {'name': 'normalize', 'mean': (0, 0, 0), 'std': (1, 1, 0)}]",
        "[{'name': 'resize', 'size': (32, 64)}, {'name': 'normalize', 'mean': (0, 0), 'std': (1, 1)}]",
        "[{'name': 'normalize', 'mean': (0, 0, 0), 'std': (1, 1, 1)}, {'name': 'resize', 'size': (32, 64)}]",
        "[{'name': 'resize', 'size': (32, 64)}, {'name': 'normalize', 'mean': (0, 0, 1e999), 'std': (1, 1, 1)}]",
    ],
)
def test_transforms_that_the_function_cannot_do_are_refused(tmp_path: Path, transforms: str) -> None:
    with pytest.raises(UnusableModel, match="transforms must be steps of preprocessing"):
        model.load(classifier(tmp_path, transforms), threads=1)


RESIZED = "{'name': 'resize', 'size': (32, 64)}"


@pytest.mark.parametrize(
    ("first", "is_valid"),
    [("{'name': 'resize', 'size': (64, 64)}", True), ("{'name': 'resize', 'size': (40,)}", False)],
)
def test_resize_of_the_shorter_side_must_be_followed_by_a_crop(tmp_path: Path, first: str, is_valid: bool) -> None:
    path = classifier(tmp_path, f"[{first}, {RESIZED}]")
    if is_valid:
        assert len(model.load(path, threads=1).metadata.transforms) == 2
    else:
        with pytest.raises(UnusableModel, match="transforms must be steps of preprocessing"):
            model.load(path, threads=1)
