"""Files with the results: when they are opened, and what they have at any time."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from scripts.predictions import outputs
from scripts.predictions.outputs import Paths
from scripts.predictions.run import ImageResult, InvalidOptions
from scripts.predictions.sources import ImageFile
from tests.support.responses import body, detection, result

MODEL = {"task": "detect", "names": ["gauge", "clock"]}


def all_paths(folder: Path) -> Paths:
    return Paths(folder / "save", folder / "r.csv", folder / "r.jsonl", folder / "new" / "r.json", folder / "labels")


def image_result(folder: Path, name: str, size: tuple[int, int] = (100, 200)) -> ImageResult:
    path = folder / name
    Image.new("RGB", size).save(path)
    return ImageResult(ImageFile(path, name, path.stem), body("detect", detection()), "", False)


def test_every_file_has_all_results(tmp_path: Path) -> None:
    results = [image_result(tmp_path, name) for name in ("a.png", "b.png")]
    errors: list[str] = []
    assert list(outputs.written(iter(results), all_paths(tmp_path), MODEL, errors.append)) == results
    assert errors == []
    assert sorted(path.name for path in (tmp_path / "save").iterdir()) == ["a.jpg", "b.jpg"]
    assert sorted(path.name for path in (tmp_path / "labels").iterdir()) == ["a.txt", "b.txt"]
    assert (tmp_path / "r.csv").read_text().count("\n") == 3
    lines = (tmp_path / "r.jsonl").read_text().splitlines()
    assert [json.loads(line)["image"] for line in lines] == ["a.png", "b.png"]
    coco = json.loads((tmp_path / "new" / "r.json").read_text())
    assert [len(coco[name]) for name in ("images", "annotations", "categories")] == [2, 2, 2]


def test_files_are_complete_if_the_run_ends_early(tmp_path: Path) -> None:
    results = outputs.written(
        (image_result(tmp_path, name) for name in ("a.png", "b.png")), all_paths(tmp_path), MODEL, print
    )
    next(results)
    results.close()
    assert (tmp_path / "r.csv").read_text().count("\n") == 2
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 1
    assert len(json.loads((tmp_path / "new" / "r.json").read_text())["images"]) == 1
    with Image.open(tmp_path / "save" / "a.jpg") as drawn:
        drawn.load()


def test_files_of_an_earlier_run_stay_if_the_options_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("earlier")

    def refused() -> Iterator[ImageResult]:
        raise InvalidOptions("422 InvalidOption: conf must be between 0 and 1, got 2")
        yield

    with pytest.raises(InvalidOptions):
        list(outputs.written(refused(), Paths(csv=tmp_path / "r.csv"), MODEL, print))
    assert (tmp_path / "r.csv").read_text() == "earlier"


def test_labels_of_an_earlier_run_are_removed_with_the_detections(tmp_path: Path) -> None:
    paths = Paths(txt=tmp_path / "labels")
    for item in (result(body("detect", detection())), result(body("detect"))):
        list(outputs.written(iter([item]), paths, MODEL, print))
    assert list((tmp_path / "labels").iterdir()) == []


def test_image_that_cannot_be_drawn_is_reported(tmp_path: Path) -> None:
    errors: list[str] = []
    wide = image_result(tmp_path, "wide.png", (70_000, 1))
    list(outputs.written(iter([wide]), Paths(save=tmp_path / "save"), MODEL, errors.append))
    assert len(errors) == 1 and "not drawn: image sides must be at most 65500 pixels" in errors[0]


def test_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        list(outputs.written(iter([result(body("detect"))]), Paths(csv=tmp_path / "file" / "r.csv"), MODEL, print))


def test_size_that_jpeg_cannot_have_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JPEG cannot have 70000 x 1 pixels"):
        outputs.save_jpeg(Image.new("RGB", (70_000, 1)), tmp_path / "a.jpg")
