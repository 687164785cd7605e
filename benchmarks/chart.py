"""Bar chart of cold starts: one bar for each contender, one color for each step; drawn with Pillow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from benchmarks.trace import STEPS

WIDTH, MARGIN = 1400, 40  # px
LABEL_WIDTH, TOTAL_WIDTH = 190, 130  # px left and right of the bars
BAR, GAP = 44, 22  # px, height
TITLE_HEIGHT, LEGEND_LINE = 96, 30  # px
LEGEND_COLUMNS = 5
SMALL, LARGE = 18, 26  # px, font size
INK, PALE, PAPER = (32, 33, 36), (110, 113, 120), (255, 255, 255)
COLORS = {  # of the steps; neighbors also differ in lightness, for readers with color blindness
    "interpreter": (120, 124, 130),
    "runtime client": (176, 180, 186),
    "numpy": (33, 94, 168),
    "pillow": (121, 178, 226),
    "onnxruntime": (13, 135, 125),
    "opencv": (157, 211, 190),
    "torch": (202, 66, 52),
    "ultralytics": (246, 164, 145),
    "boto3": (240, 140, 20),
    "own code": (250, 205, 90),
    "settings": (90, 60, 20),
    "session": (106, 61, 154),
    "first run": (190, 160, 220),
    "response, network": (40, 120, 40),
    "response, rest": (150, 205, 120),
}


class Bar(NamedTuple):
    """Bar of one contender.

    Attributes:
        label: text to the left of the bar.
        steps: milliseconds by step.
        total: text to the right of the bar.
    """

    label: str
    steps: Mapping[str, float]
    total: str


def draw(title: str, bars: Sequence[Bar], path: Path) -> None:
    """Write the chart as PNG; the longest bar fills the width."""
    used = [step for step in STEPS if any(bar.steps.get(step, 0) > 0 for bar in bars)]
    legend_lines = -(-len(used) // LEGEND_COLUMNS)
    height = TITLE_HEIGHT + len(bars) * (BAR + GAP) + legend_lines * LEGEND_LINE + MARGIN
    image = Image.new("RGB", (WIDTH, height), PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((MARGIN, MARGIN // 2 + 4), title, INK, _font(LARGE))
    left, right = MARGIN + LABEL_WIDTH, WIDTH - MARGIN - TOTAL_WIDTH
    scale = (right - left) / max(sum(bar.steps.values()) for bar in bars)
    for number, bar in enumerate(bars):
        _draw_bar(pen, bar, (left, TITLE_HEIGHT + number * (BAR + GAP)), scale)
    _draw_legend(pen, used, TITLE_HEIGHT + len(bars) * (BAR + GAP) + GAP // 2)
    image.save(path, optimize=True)


def extents(steps: Mapping[str, float], left: float, scale: float) -> list[tuple[str, float, float]]:
    """Return step, left and right edge in px for each step of a bar, without gaps; a negative time has width 0."""
    edges, x = [], left
    for step in STEPS:
        if step in steps:
            end = x + max(0.0, steps[step]) * scale
            edges.append((step, x, end))
            x = end
    return edges


def _draw_bar(pen: ImageDraw.ImageDraw, bar: Bar, corner: tuple[int, int], scale: float) -> None:
    left, top = corner
    pen.text((left - 14, top + BAR // 2), bar.label, INK, _font(SMALL), anchor="rm")
    end = float(left)
    for step, begin, end in extents(bar.steps, left, scale):
        if round(end) > round(begin):
            pen.rectangle((round(begin), top, round(end) - 1, top + BAR - 1), COLORS[step])
    pen.text((end + 12, top + BAR // 2), bar.total, INK, _font(SMALL), anchor="lm")


def _draw_legend(pen: ImageDraw.ImageDraw, used: Sequence[str], top: int) -> None:
    column = (WIDTH - 2 * MARGIN) // LEGEND_COLUMNS
    for number, step in enumerate(used):
        x, y = MARGIN + number % LEGEND_COLUMNS * column, top + number // LEGEND_COLUMNS * LEGEND_LINE
        pen.rectangle((x, y + 4, x + 17, y + 21), COLORS[step])
        pen.text((x + 26, y + 12), step, PALE, _font(SMALL), anchor="lm")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
