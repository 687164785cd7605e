"""Division of the user's images into calibration images and held-out images."""

from pathlib import Path

import pytest

from export import images
from export.errors import UsageError


def fill(folder: Path, count: int) -> Path:
    for number in range(count):
        (folder / f"{number:04d}.jpg").touch()
    return folder


def test_no_image_is_both_calibration_and_held_out(tmp_path: Path) -> None:
    calibration, held_out = images.split(fill(tmp_path, 40))
    assert (len(calibration), len(held_out)) == (30, 10)
    assert sorted(calibration + held_out) == sorted(tmp_path.iterdir())


def test_images_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    split = images.split(fill(tmp_path, 12))
    assert [path.stem for path in split.held_out] == ["0003", "0007", "0011"]


def test_images_of_subfolders_count_and_other_files_do_not(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").touch()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        fill(tmp_path / name, 4)
    (tmp_path / "a" / "0000.jpg").rename(tmp_path / "a" / "0000.PNG")
    assert sum(map(len, images.split(tmp_path))) == 8


def test_more_images_than_the_maximum_are_chosen_evenly(tmp_path: Path) -> None:
    split = images.split(fill(tmp_path, 3 * images.MAX_IMAGES))
    numbers = sorted(int(path.stem) for path in split.calibration + split.held_out)
    assert numbers == list(range(0, 3 * images.MAX_IMAGES, 3))


def test_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        images.split(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is not a folder"):
        images.split(tmp_path / "file")


def test_too_few_images_are_refused_with_their_number(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--data must hold at least 8 images .* got 7"):
        images.split(fill(tmp_path, 7))
