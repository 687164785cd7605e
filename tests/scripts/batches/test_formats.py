import csv
import json
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from pycocotools import mask
from pycocotools.coco import COCO

from scripts.batches import formats
from scripts.batches.errors import BatchError

BOX = {"x_min": 1.0, "y_min": 2.0, "x_max": 11.0, "y_max": 22.0}
DETECTION = {"class_name": "gauge", "class_id": 0, "confidence": 0.9, "box_2d": BOX, "normalized_box": {}}
TASKS: dict[str, dict[str, Any]] = {
    "detect": {"detections": [DETECTION]},
    "segment": {"detections": [DETECTION | {"segments": [[[1, 2], [11, 2], [11, 22], [1, 22]]]}]},
    "pose": {"detections": [DETECTION | {"keypoints": [{"x": 3, "y": 4, "confidence": 0.8}, {"x": 5, "y": 6}]}]},
    "obb": {
        "detections": [
            DETECTION
            | {
                "rotated_box": {"x_center": 6, "y_center": 12, "width": 10, "height": 20, "rotation": 0.1},
                "corners": [{"x": 1, "y": 2}, {"x": 11, "y": 2}, {"x": 11, "y": 22}, {"x": 1, "y": 22}],
            }
        ]
    },
    "classify": {"class": "gauge", "top": [{"class": "gauge", "class_id": 0, "confidence": 0.9}]},
    "semantic": {"semantic": {"classes": [{"class_name": "sky", "class_id": 2, "share": 0.5}]}},
    "depth": {"depth": {"min": 0.5, "max": 9.5}},
}
WITH_DETECTIONS = ("detect", "segment", "pose", "obb")
BROKEN = {"source": "s3://p/c.jpg", "error": "request 12345", "type": "UnsupportedImage"}


def body(source: str, task: str, **fields: Any) -> dict[str, Any]:
    size = {"width": 64, "height": 48}
    return {
        "source": source,
        "image_dimensions": size,
        **TASKS[task],
        "model": {"task": task},
        "timing_ms": {},
        **fields,
    }


def write(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "r.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def convert(folder: Path, form: str, *rows: dict[str, Any]) -> Path:
    out = folder / f"out.{form}"
    formats.convert(write(folder, *rows), out, form)
    assert [path.name for path in folder.iterdir() if path.suffix == ".new"] == []
    return out


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("task", TASKS)
def test_csv_has_a_row_for_each_result_of_every_task(task: str, tmp_path: Path) -> None:
    (row,) = table(convert(tmp_path, "csv", body("s3://p/a.jpg", task)))
    assert (row["source"], row["width"], row["height"], row["error"]) == ("s3://p/a.jpg", "64", "48", "")
    wanted: dict[str, tuple[str, Any]] = {
        "detect": ("x_max", 11.0),
        "segment": ("segments", [[[1, 2], [11, 2], [11, 22], [1, 22]]]),
        "pose": ("keypoints", TASKS["pose"]["detections"][0]["keypoints"]),
        "obb": ("rotation", 0.1),
        "classify": ("confidence", 0.9),
        "semantic": ("share", 0.5),
        "depth": ("max", 9.5),
    }
    name, value = wanted[task]
    assert json.loads(row[name]) == value


@pytest.mark.parametrize("task", TASKS)
def test_parquet_has_the_values_of_csv_with_types(task: str, tmp_path: Path) -> None:
    rows = (body("s3://p/a.jpg", task), BROKEN)
    texts = table(convert(tmp_path, "csv", *rows))
    found = parquet.read_table(convert(tmp_path, "parquet", *rows))
    assert found.schema.field("width").type == "int64"
    for row, text in zip(found.to_pylist(), texts, strict=True):
        assert list(row) == list(text)
        for name, value in row.items():
            assert value == (type(value)(text[name]) if text[name] else None), name


def test_rows_are_sorted_by_source_and_images_without_detections_have_one(tmp_path: Path) -> None:
    empty = body("s3://p/b.jpg", "detect", detections=[])
    rows = table(convert(tmp_path, "csv", BROKEN, empty, body("s3://p/a.jpg", "detect")))
    assert [(row["source"][-5], row["class_name"], row["error"]) for row in rows] == [
        ("a", "gauge", ""),
        ("b", "", ""),
        ("c", "", "UnsupportedImage"),
    ]


def test_messages_and_times_are_not_in_the_bytes(tmp_path: Path) -> None:
    one = [BROKEN, body("s3://p/a.jpg", "detect", timing_ms={"inference": 1.0})]
    two = [body("s3://p/a.jpg", "detect", timing_ms={"inference": 2.0}), BROKEN | {"error": "request 6789"}]
    for form in ("csv", "coco", "parquet"):
        assert convert(tmp_path, form, *one).read_bytes() == convert(tmp_path, form, *two).read_bytes()


@pytest.mark.parametrize("task", WITH_DETECTIONS)
def test_coco_loads_with_one_image_for_each_source(task: str, tmp_path: Path) -> None:
    rows = (BROKEN, body("s3://p/b.jpg", task, detections=[]), body("s3://p/a.jpg", task))
    coco = COCO(str(convert(tmp_path, "coco", *rows)))
    images = coco.loadImgs(coco.getImgIds())
    assert [image["file_name"] for image in images] == ["s3://p/a.jpg", "s3://p/b.jpg", "s3://p/c.jpg"]
    assert images[2]["error"] == "UnsupportedImage"
    (annotation,) = coco.loadAnns(coco.getAnnIds())
    assert (annotation["image_id"], annotation["bbox"]) == (1, [1.0, 2.0, 10.0, 20.0])
    if task in ("segment", "obb"):
        assert mask.area(coco.annToRLE(annotation)) == 200
    if task == "pose":
        assert annotation["num_keypoints"] == 2
        assert len(coco.loadCats(0)[0]["keypoints"]) == 2


@pytest.mark.parametrize("task", ["classify", "semantic", "depth"])
def test_coco_of_a_task_without_detections_is_refused_and_the_file_kept(task: str, tmp_path: Path) -> None:
    (tmp_path / "out.coco").write_text("before")
    with pytest.raises(BatchError, match="--format csv"):
        convert(tmp_path, "coco", body("s3://p/a.jpg", task))
    assert (tmp_path / "out.coco").read_text() == "before"


def test_readings_have_a_column(tmp_path: Path) -> None:
    read = body("s3://p/a.jpg", "detect", detections=[DETECTION | {"reading": {"text": "4.2 bar"}}, DETECTION])
    assert [row["reading"] for row in table(convert(tmp_path, "csv", read))] == ["4.2 bar", ""]


def test_name_that_utf8_does_not_have_is_escaped(tmp_path: Path) -> None:
    row = body("s3://p/a.jpg", "detect", detections=[DETECTION | {"class_name": "\ud800"}])
    for form in ("csv", "coco", "parquet"):
        assert b"\\ud800" in convert(tmp_path, form, row).read_bytes()


def test_missing_pyarrow_is_one_line_that_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(BatchError, match="-m pip install pyarrow"):
        formats.require("parquet")
