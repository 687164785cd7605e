"""A cold start as a picture: one bar to a contender, one color to a step; drawn with pillow alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from benchmarks.trace import STEPS

WIDTH, MARGIN = 1400, 40  # px
LABEL_WIDTH, TOTAL_WIDTH = 190, 130  # px to the left and to the right of the bars
BAR, GAP = 44, 22  # px of height
HEAD, KEY_LINE = 96, 30  # px
KEY_COLUMNS = 5
SMALL, LARGE = 18, 26  # px of type
INK, PALE, PAPER = (32, 33, 36), (110, 113, 120), (255, 255, 255)
COLORS = {  # of the steps; neighbors differ in lightness too, for who sees few colors
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
    "answer, network": (40, 120, 40),
    "answer, rest": (150, 205, 120),
}


class Bar(NamedTuple):
    """One contender: its name, milliseconds by step, and what stands at its end."""

    label: str
    steps: Mapping[str, float]
    end: str


def draw(title: str, bars: Sequence[Bar], path: Path) -> None:
    """Write the picture as PNG; the longest bar fills the width."""
    used = [step for step in STEPS if any(bar.steps.get(step, 0) > 0 for bar in bars)]
    key_lines = -(-len(used) // KEY_COLUMNS)
    height = HEAD + len(bars) * (BAR + GAP) + key_lines * KEY_LINE + MARGIN
    image = Image.new("RGB", (WIDTH, height), PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((MARGIN, MARGIN // 2 + 4), title, INK, _font(LARGE))
    left, right = MARGIN + LABEL_WIDTH, WIDTH - MARGIN - TOTAL_WIDTH
    scale = (right - left) / max(sum(bar.steps.values()) for bar in bars)
    for number, bar in enumerate(bars):
        _draw_bar(pen, bar, (left, HEAD + number * (BAR + GAP)), scale)
    _draw_key(pen, used, HEAD + len(bars) * (BAR + GAP) + GAP // 2)
    image.save(path, optimize=True)


def extents(steps: Mapping[str, float], left: float, scale: float) -> list[tuple[str, float, float]]:
    """Where each step of a bar begins and ends, px; they join, and none is shorter than nothing."""
    found, x = [], left
    for step in STEPS:
        if step in steps:
            end = x + max(0.0, steps[step]) * scale
            found.append((step, x, end))
            x = end
    return found


def _draw_bar(pen: ImageDraw.ImageDraw, bar: Bar, corner: tuple[int, int], scale: float) -> None:
    left, top = corner
    pen.text((left - 14, top + BAR // 2), bar.label, INK, _font(SMALL), anchor="rm")
    end = float(left)
    for step, begin, end in extents(bar.steps, left, scale):
        if round(end) > round(begin):
            pen.rectangle((round(begin), top, round(end) - 1, top + BAR - 1), COLORS[step])
    pen.text((end + 12, top + BAR // 2), bar.end, INK, _font(SMALL), anchor="lm")


def _draw_key(pen: ImageDraw.ImageDraw, used: Sequence[str], top: int) -> None:
    column = (WIDTH - 2 * MARGIN) // KEY_COLUMNS
    for number, step in enumerate(used):
        x, y = MARGIN + number % KEY_COLUMNS * column, top + number // KEY_COLUMNS * KEY_LINE
        pen.rectangle((x, y + 4, x + 17, y + 21), COLORS[step])
        pen.text((x + 26, y + 12), step, PALE, _font(SMALL), anchor="lm")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
