"""Which of the user's pictures are learned from, and which only judge."""

from pathlib import Path

import pytest

from export import files
from export.errors import UsageError


def fill(folder: Path, count: int) -> Path:
    for number in range(count):
        (folder / f"{number:04d}.jpg").touch()
    return folder


def test_no_picture_is_learned_from_and_judges_too(tmp_path: Path) -> None:
    learned, held_out = files.split(fill(tmp_path, 40))
    assert (len(learned), len(held_out)) == (30, 10)
    assert sorted(learned + held_out) == sorted(tmp_path.iterdir())


def test_the_order_is_that_of_the_names(tmp_path: Path) -> None:
    split = files.split(fill(tmp_path, 12))
    assert [path.stem for path in split.held_out] == ["0003", "0007", "0011"]


def test_pictures_of_folders_below_count_and_other_files_do_not(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").touch()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        fill(tmp_path / name, 4)
    (tmp_path / "a" / "0000.jpg").rename(tmp_path / "a" / "0000.PNG")
    assert sum(map(len, files.split(tmp_path))) == 8


def test_of_very_many_pictures_some_are_taken_from_everywhere(tmp_path: Path) -> None:
    split = files.split(fill(tmp_path, 3 * files.MAX_PICTURES))
    numbers = sorted(int(path.stem) for path in split.learned + split.held_out)
    assert numbers == list(range(0, 3 * files.MAX_PICTURES, 3))


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        files.split(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is not a folder"):
        files.split(tmp_path / "file")


def test_too_few_pictures_are_refused_with_their_number(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds 7 pictures .* wanted at least 8"):
        files.split(fill(tmp_path, 7))
