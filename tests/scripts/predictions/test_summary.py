"""Table of the results."""

from scripts.predictions.summary import Summary
from tests.support.responses import body, detection, result


def test_table_counts_detections_and_images_of_each_class() -> None:
    summary = Summary()
    clock = detection(class_name="clock", class_id=1)
    summary.add(result(body("detect", detection(), detection(), clock)))
    summary.add(result(body("detect", detection())))
    summary.add(result(body("detect")))
    summary.add(result(None, error="415 UnsupportedImage: broken"))
    assert summary.rows() == [("gauge", "3", "2"), ("clock", "1", "1")]
    assert (summary.images, summary.without, summary.errors, summary.inference_ms) == (4, 1, 1, 30.0)


def test_classified_image_counts_for_its_best_class() -> None:
    summary = Summary()
    summary.add(result(body("classify")))
    assert summary.rows() == [("clock", "1", "1")]
