"""Times, price, and the best of several memory sizes."""

from pathlib import Path

import pytest
from PIL import Image

from scripts.client.images import Image as Named
from scripts.tuning import output, picture
from scripts.tuning.measurement import Row, Sample, cheapest, fastest, in_turn, row, usd_per_million

IMAGES = [Named(name, name, name, None) for name in "abc"]


def measured(memory: int, p50: float, usd: float, errors: int = 0, architecture: str = "x86_64") -> Row:
    return Row(architecture, memory, p50, p50, 300.0, 1, 90.0, usd, 10, errors, "a: 415" if errors else "")


def test_cold_calls_do_not_count_as_warm() -> None:
    samples = [Sample("", 500.0, 801.0, 300.0, 90.0), Sample("", 20.0, 20.0, None, 95.0), Sample("", 30.0, 30.0)]
    result = row("x86_64", 1024, samples)
    assert (result.p50_ms, result.p95_ms, result.init_ms, result.cold_starts) == (20.0, 30.0, 300.0, 1)
    assert (result.max_memory_mb, result.calls, result.errors, result.error) == (95.0, 3, 0, "")


def test_a_call_with_an_error_counts_only_as_that() -> None:
    result = row("x86_64", 512, [Sample("a: 415", 1.0, 1.0), Sample("", 20.0, 20.0)])
    assert (result.p50_ms, result.errors, result.error) == (20.0, 1, "a: 415")


def test_no_report_line_is_said() -> None:
    assert row("x86_64", 512, [Sample("")]).error.startswith("the log has no REPORT line")
    assert row("x86_64", 512, [Sample("", 5.0, 5.0, 300.0)]).error == "no call was warm"


@pytest.mark.parametrize(("architecture", "rate"), [("x86_64", 0.0000166667), ("arm64", 0.0000133334)])
def test_a_million_images_cost_their_time_and_their_requests(architecture: str, rate: float) -> None:
    # 100.2 ms are billed as 101 ms
    assert usd_per_million([100.2], 2048, architecture) == pytest.approx(1e6 * 0.101 * 2 * rate + 0.2)


def test_each_image_is_sent_at_least_once() -> None:
    assert [image.name for image in in_turn(IMAGES, 2)] == ["a", "b", "c"]
    assert [image.name for image in in_turn(IMAGES, 5)] == ["a", "b", "c", "a", "b"]


def test_the_cheapest_and_the_fastest() -> None:
    rows = [measured(512, 90.0, 1.0), measured(1024, 40.0, 1.2), measured(3008, 40.0, 3.0), Row("x86_64", 9000)]
    assert (cheapest(rows), fastest(rows)) == (rows[0], rows[1])
    assert (cheapest([Row("x86_64", 512, error="refused")]), fastest([])) == (None, None)


def test_a_size_with_more_errors_than_another_is_not_the_best() -> None:
    rows = [measured(256, 10.0, 0.5, errors=3), measured(512, 90.0, 1.0, errors=1)]
    assert cheapest(rows) == fastest(rows) == rows[1]


def test_the_document_names_the_best() -> None:
    rows = [measured(512, 90.0, 1.0), measured(1024, 40.0, 1.2, architecture="arm64")]
    document = output.document(rows, {"function": "yolo"})
    assert document["function"] == "yolo"
    assert document["fastest"] == {"architecture": "arm64", "memory": 1024}
    assert document["rows"][0]["usd_per_million"] == 1.0


@pytest.mark.parametrize("rows", [[measured(512, 90.0, 1.0)], [Row("x86_64", 512)], [measured(1, 1.0, 0.0)] * 2])
def test_a_picture_of_few_sizes_is_drawn(rows: list[Row], tmp_path: Path) -> None:
    picture.draw("yolo", rows, tmp_path / "new" / "tune.png")
    with Image.open(tmp_path / "new" / "tune.png") as drawn:
        assert drawn.format == "PNG"


def test_more_time_is_drawn_higher(tmp_path: Path) -> None:
    picture.draw("yolo", [measured(512, 100.0, 1.0), measured(3008, 10.0, 1.0)], tmp_path / "tune.png")
    with Image.open(tmp_path / "tune.png") as drawn:
        color = picture.SERIES["p95"][1]  # drawn over p50
        pixels = drawn.convert("RGB").load()
        assert pixels is not None
        left, right = (
            [y for y in range(drawn.height - picture.LEGEND) for x in columns if pixels[x, y] == color]
            for columns in (range(130, 250), range(500, 690))
        )
    assert min(left) < min(right)
