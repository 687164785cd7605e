"""Results as a COCO file."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.predictions.coco import CocoDataset
from tests.support.responses import body, detection, result

NAMES = {0: "gauge", 1: "clock"}


def dataset(task: str, *rows: dict[str, Any]) -> dict[str, Any]:
    made = CocoDataset(NAMES)
    made.add(result(body(task), "empty.jpg"))
    made.add(result(None, "broken.jpg", "415 UnsupportedImage: broken"))
    made.add(result(body(task, *rows), "a.jpg"))
    return made.as_json()


def test_images_without_detections_are_in_it_and_images_with_errors_are_not() -> None:
    made = dataset("detect", detection())
    assert made["images"] == [
        {"id": 1, "file_name": "empty.jpg", "width": 100, "height": 200},
        {"id": 2, "file_name": "a.jpg", "width": 100, "height": 200},
    ]


def test_categories_are_all_classes_with_the_ids_of_the_model() -> None:
    assert dataset("detect")["categories"] == [{"id": 0, "name": "gauge"}, {"id": 1, "name": "clock"}]


def test_detection_is_an_annotation_with_score() -> None:
    assert dataset("detect", detection())["annotations"] == [
        {
            "id": 1, "image_id": 2, "category_id": 0, "bbox": [12.5, 40.0, 50.0, 50.0], "area": 2500.0, "iscrowd": 0,
            "score": 0.9134,
        }
    ]  # fmt: skip


def test_mask_is_polygons_and_the_area_is_theirs() -> None:
    triangle = [[[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]]
    (row,) = dataset("segment", detection("segment", segments=triangle))["annotations"]
    assert (row["segmentation"], row["area"]) == ([[0.0, 0.0, 10.0, 0.0, 0.0, 10.0]], 50.0)


def test_requested_run_lengths_are_the_segmentation() -> None:
    mask = {"size": [200, 100], "counts": "0"}
    (row,) = dataset("segment", detection("segment", mask=mask))["annotations"]
    assert row["segmentation"] == mask


def test_keypoints_have_visibility() -> None:
    made = dataset("pose", detection("pose"))
    assert made["annotations"][0]["keypoints"] == [20.0, 50.0, 2, 30.0, 60.0, 1]
    assert made["annotations"][0]["num_keypoints"] == 2
    assert made["categories"][0]["keypoints"] == ["0", "1"]


def test_rotated_box_is_a_polygon_of_four_corners() -> None:
    (row,) = dataset("obb", detection("obb"))["annotations"]
    assert (row["segmentation"], row["area"]) == ([[62.5, 90.0, 62.5, 40.0, 12.5, 40.0, 12.5, 90.0]], 2500.0)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools with NumPy 2
@pytest.mark.parametrize("task", ["detect", "segment", "pose", "obb"])
def test_pycocotools_loads_dataset_and_results(tmp_path: Path, task: str) -> None:
    from pycocotools import coco  # imported here: its import warns with NumPy 2

    one_pixel = [detection("segment", segments=[[[1.5, 2.5]]])] if task == "segment" else []
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(dataset(task, detection(task), *one_pixel)))
    loaded = coco.COCO(str(path))
    assert loaded.getImgIds() == [1, 2]
    annotations = loaded.loadAnns(loaded.getAnnIds(imgIds=[2]))
    if "segmentation" in annotations[0]:
        masks = [loaded.annToMask(annotation) for annotation in annotations]
        assert [mask.shape for mask in masks] == [(200, 100)] * len(annotations)
        assert masks[0].sum() == pytest.approx(annotations[0]["area"], rel=0.03)
    results = loaded.loadRes(loaded.dataset["annotations"])
    assert len(results.getAnnIds()) == len(annotations)
