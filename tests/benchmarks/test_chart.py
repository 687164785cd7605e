"""The bar chart of cold starts."""

from pathlib import Path

from PIL import Image

from benchmarks import chart
from benchmarks.trace import STEPS


def test_steps_of_a_bar_are_in_order_and_without_gaps() -> None:
    edges = chart.extents({"numpy": 20.0, "interpreter": 10.0, "session": -0.1, "first run": 5.0}, 100, 2.0)
    assert edges == [
        ("interpreter", 100, 120),
        ("numpy", 120, 160),
        ("session", 160, 160),
        ("first run", 160, 170),
    ]


def test_every_step_has_a_unique_color() -> None:
    assert set(chart.COLORS) == set(STEPS)
    assert len(set(chart.COLORS.values())) == len(STEPS)


def test_chart_shows_every_step_in_its_color(tmp_path: Path) -> None:
    steps = dict.fromkeys(STEPS, 10.0)
    bars = [chart.Bar("this project", steps, "150 ms, 1.0x"), chart.Bar("other", {"numpy": 300.0}, "300 ms, 2.0x")]
    chart.draw("A start", bars, tmp_path / "start.png")
    with Image.open(tmp_path / "start.png") as drawn:
        middle = chart.TITLE_HEIGHT + chart.BAR // 2
        first = {drawn.getpixel((x, middle)) for x in range(drawn.width)}
        second = {drawn.getpixel((x, middle + chart.BAR + chart.GAP)) for x in range(drawn.width)}
    assert set(chart.COLORS.values()) <= first
    assert second & set(chart.COLORS.values()) == {chart.COLORS["numpy"]}
