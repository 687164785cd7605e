"""Images that a command line names."""

from pathlib import Path

import pytest
from PIL import Image

from scripts.predictions import outputs, sources


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"image")
    return folder


def names(*arguments: Path | str) -> list[str]:
    return [image.name for image in sources.find([str(argument) for argument in arguments]).images]


def test_folder_has_its_images_by_name_and_not_those_of_folders_inside(tmp_path: Path) -> None:
    files(tmp_path, "b.PNG", "a.jpg", "notes.txt", ".hidden.jpg", "inside/c.jpg")
    assert names(tmp_path) == ["a.jpg", "b.PNG"]


def test_recursive_pattern_finds_images_of_all_folders(tmp_path: Path) -> None:
    files(tmp_path, "a.jpg", "x/b.jpg", "x/y/c.jpg", "x/d.txt")
    assert names(tmp_path / "**" / "*") == ["a.jpg", "b.jpg", "c.jpg"]


def test_image_of_two_sources_is_predicted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, "x/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert names("x", "x/a.jpg", tmp_path / "x", "x/../x/*.jpg") == ["a.jpg"]


def test_equal_file_names_have_the_path_below_the_common_folder(tmp_path: Path) -> None:
    files(tmp_path, "x/a.jpg", "y/a.jpg", "y/b.jpg")
    assert names(tmp_path / "x", tmp_path / "y") == ["x/a.jpg", "y/a.jpg", "y/b.jpg"]


def test_images_that_differ_in_suffix_or_case_write_different_files(tmp_path: Path) -> None:
    files(tmp_path, "a.jpg", "a.png", "A.bmp", "b.jpg")
    stems = [image.stem for image in sources.find([str(tmp_path)]).images]
    assert stems == ["A.bmp", "a.jpg", "a.png", "b"]


def test_file_with_brackets_in_its_name_is_not_a_pattern(tmp_path: Path) -> None:
    assert names(files(tmp_path, "a[1].jpg") / "a[1].jpg") == ["a[1].jpg"]


def test_name_that_is_not_utf8_is_text_without_surrogates(tmp_path: Path) -> None:
    path = Path(str(tmp_path).encode().decode() + "/\udcff.jpg")
    try:
        path.write_bytes(b"image")
    except OSError:
        pytest.skip("this file system has only UTF-8 names")
    assert names(tmp_path) == ["\N{REPLACEMENT CHARACTER}.jpg"]


@pytest.mark.parametrize("source", ["", "/*.jpg", "/**/*"])
def test_annotated_images_of_an_earlier_run_are_left_out(tmp_path: Path, source: str) -> None:
    files(tmp_path, "a.jpg")
    outputs.save_jpeg(Image.new("RGB", (8, 8)), tmp_path / "b.jpg")
    found = sources.find([f"{tmp_path}{source}"])
    assert [image.name for image in found.images] == ["a.jpg"]
    assert found.left_out == "1 annotated by --save"


def test_annotated_image_that_is_named_itself_is_predicted(tmp_path: Path) -> None:
    outputs.save_jpeg(Image.new("RGB", (8, 8)), tmp_path / "b.jpg")
    assert names(tmp_path / "b.jpg") == ["b.jpg"]


def test_images_in_other_formats_are_counted(tmp_path: Path) -> None:
    found = sources.find([str(files(tmp_path, "a.jpg", "b.HEIC", "c.heic"))])
    assert (len(found.images), found.left_out) == (1, "2 .heic (not supported)")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("none.jpg", "which does not exist"),
        ("*.png", "no image matches"),
        ("empty", "got a folder without any"),
        ("phone", "got 1 .heic (not supported)"),
    ],
)
def test_source_without_images_is_refused_in_one_line(tmp_path: Path, source: str, reason: str) -> None:
    files(tmp_path, "phone/a.heic", "empty/notes.txt")
    with pytest.raises(sources.NoImages, match=r"must") as caught:
        sources.find([str(tmp_path / source)])
    assert reason in str(caught.value) and "\n" not in str(caught.value)
