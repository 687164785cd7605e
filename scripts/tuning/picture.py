"""Picture of the measured sizes: times and price over memory, drawn with Pillow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from scripts.tuning.measurement import Row

WIDTH, HEIGHT, MARGIN = 1400, 620, 40  # px
AXIS, TITLE, LEGEND = 80, 90, 80  # px, left of, above and below each panel
LARGE, SMALL, DOT = 26, 18, 5  # px: font sizes, radius
TICKS = 4
INK, PALE, LINE, PAPER = (32, 33, 36), (110, 113, 120), (225, 226, 230), (255, 255, 255)
SERIES: dict[str, tuple[Callable[[Row], float | None], tuple[int, int, int]]] = {
    "p50": (lambda row: row.p50_ms, (33, 94, 168)),
    "p95": (lambda row: row.p95_ms, (202, 66, 52)),
    "init": (lambda row: row.init_ms, (120, 124, 130)),
    "USD per million images": (lambda row: row.usd, (13, 135, 125)),
}
PANELS = (("milliseconds", ("p50", "p95", "init")), ("USD per million images", ("USD per million images",)))
HOLLOW = "arm64"  # its dots are circles


def draw(title: str, rows: Sequence[Row], path: Path) -> None:
    """Write the picture as PNG; sizes without a result are left out.

    Args:
        title: what was measured.
        rows: of one or two architectures.
        path: of the file.
    """
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((MARGIN, MARGIN // 2), title, INK, _font(LARGE))
    if len({row.architecture for row in rows}) > 1:
        pen.text((WIDTH - MARGIN, MARGIN), f"dots: x86_64, circles: {HOLLOW}", PALE, _font(SMALL), anchor="ra")
    width = (WIDTH - 3 * MARGIN) // 2
    for number, (heading, names) in enumerate(PANELS):
        left = MARGIN + number * (width + MARGIN)
        _panel(pen, (left + AXIS, TITLE + MARGIN, left + width, HEIGHT - LEGEND), heading, names, rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "PNG")


def _panel(
    pen: ImageDraw.ImageDraw, area: tuple[int, int, int, int], heading: str, names: tuple[str, ...], rows: Sequence[Row]
) -> None:
    """Draw one panel; area is (left, top, right, bottom) of its axes in px."""
    left, top, right, bottom = area
    values = [value for name in names for row in rows if (value := SERIES[name][0](row)) is not None]
    memories = sorted({row.memory for row in rows})
    step, low, high = _step(max(values, default=1.0)), memories[0], memories[-1]
    most = step * TICKS
    pen.text((left, top - MARGIN), heading, INK, _font(SMALL))
    for tick in range(TICKS + 1):
        y = bottom - (bottom - top) * tick // TICKS
        pen.line((left, y, right, y), LINE)
        pen.text((left - 8, y), f"{step * tick:,.4g}", PALE, _font(SMALL), anchor="rm")

    def x_of(memory: int) -> float:
        return left + MARGIN + (right - left - 2 * MARGIN) * ((memory - low) / (high - low) if high > low else 0.5)

    for memory in memories:
        pen.text((x_of(memory), bottom + 8), f"{memory:,}", PALE, _font(SMALL), anchor="ma")
    pen.text((right, bottom + 34), "MB", PALE, _font(SMALL), anchor="ra")
    for number, name in enumerate(names):
        key = left + 150 * number
        value_of, color = SERIES[name]
        for architecture in sorted({row.architecture for row in rows}):
            measured = sorted(
                (row.memory, value) for row in rows
                if row.architecture == architecture and (value := value_of(row)) is not None
            )  # fmt: skip
            points = [(x_of(memory), bottom - (bottom - top) * value / most) for memory, value in measured]
            pen.line(points, color, 3)
            for x, dot in points:
                fill = PAPER if architecture == HOLLOW else color
                pen.ellipse((x - DOT, dot - DOT, x + DOT, dot + DOT), fill, color, 2)
        pen.rectangle((key, bottom + 40, key + 14, bottom + 54), color)
        pen.text((key + 22, bottom + 47), name, INK, _font(SMALL), anchor="lm")


def _step(value: float) -> float:
    """Return a round number, `TICKS` times which is more than a value."""
    least = max(value, 1e-6) * 1.02 / TICKS
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if factor * power >= least) * power


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
