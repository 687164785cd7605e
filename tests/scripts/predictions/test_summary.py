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


def test_failed_readings_are_counted_by_type() -> None:
    summary = Summary()
    read = detection(reading={"text": "4.2 bar", "model": "reader.onnx", "latency_ms": 1.0})
    beyond, unclear = (detection(reading={"error": "text", "type": kind}) for kind in ("TooLarge", "ReadingFailed"))
    summary.add(result(body("detect", read, beyond, unclear)))
    assert "failed reading" not in Summary().sentence(1.0)
    assert summary.sentence(1.0).endswith("; 2 failed readings (TooLarge 1, ReadingFailed 1)")
    summary.add(result(body("detect", unclear)))
    assert summary.sentence(1.0).endswith("; 3 failed readings (ReadingFailed 2, TooLarge 1)")
    assert summary.errors == 0


def test_classified_image_counts_for_its_best_class() -> None:
    summary = Summary()
    summary.add(result(body("classify")))
    assert summary.rows() == [("clock", "1", "1")]
