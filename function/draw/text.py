"""Text as an antialiased mask, from the outlines of a font in `glyphs.json`.

Latin, Greek and Cyrillic are drawn. Another character becomes a frame with its code point in it, such as U+5727.
"""

import json
import os
import unicodedata
from functools import cache
from typing import NamedTuple

from PIL import Image

from function.draw.shapes import OPAQUE, Polygon, opacity_layer

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "glyphs.json")
EM = 1024  # units of the outlines
X_HEIGHT = 560  # units, of lowercase letters
CAP_HEIGHT, DESCENT = 747, 242  # units above and below the baseline, without accents
CURVE_STEPS = 4  # lines for one curve
FINE_UP_TO = 40  # pixels of EM; larger texts have edges that need no more than COARSE
FINE, COARSE = 4, 2
FRAME_BOTTOM, FRAME_TOP, FRAME_LINE = -120, 800, 56  # units, of the frame of a code point
DIGIT_SCALE = 0.5  # of the digits in it

Contour = tuple[Polygon, bool]  # points in units, y upwards; whether it is solid or a hole


class Glyph(NamedTuple):
    """Shape of a character."""

    advance: float  # units to the next character
    contours: tuple[Contour, ...]  # larger ones first
    top: float = 0  # units above the baseline
    bottom: float = 0


def known(text: str) -> str:
    """Return a text in the characters of the font where Unicode has equal ones, without control characters.

    Letters with separate accents are composed, wide and styled ones become plain, and spaces of any kind one space.
    """
    composed = " ".join(unicodedata.normalize("NFC", text).split())
    outlines = _outlines()
    plain = (
        letter if letter in outlines or not _is_drawn(replaced := unicodedata.normalize("NFKD", letter)) else replaced
        for letter in composed
    )
    return "".join(plain)


def width(text: str, em: float) -> float:
    """Return the width of a text in pixels, for `em` pixels of a line without spacing."""
    return sum(_glyph(letter).advance for letter in text) * em / EM


def size(text: str, em: float) -> tuple[int, int]:
    """Return the width and the height of the mask of a text in pixels."""
    above, below = _extent(text, em)
    return max(round(width(text, em)), 1), above + below


def mask(text: str, em: float) -> Image.Image:
    """Return a text as a mask (mode L).

    It has room for capital letters and descenders, and more only if the text has higher or lower ones.
    """
    scale, (above, _) = em / EM, _extent(text, em)
    pen, shapes = 0.0, []
    for letter in text:
        glyph = _glyph(letter)
        shapes += [
            ([((pen + x) * scale, above - y * scale) for x, y in points], is_solid)
            for points, is_solid in glyph.contours
        ]
        pen += glyph.advance
    return opacity_layer(shapes, (0, 0, *size(text, em)), FINE if em <= FINE_UP_TO else COARSE, OPAQUE)


def _extent(text: str, em: float) -> tuple[int, int]:
    """Return the pixels of a text above and below its baseline."""
    glyphs = [_glyph(letter) for letter in text]
    top = max([CAP_HEIGHT, *(glyph.top for glyph in glyphs)])
    bottom = min([-DESCENT, *(glyph.bottom for glyph in glyphs)])
    return max(round(top * em / EM + 0.3), 1), round(-bottom * em / EM + 0.3)


@cache
def _outlines() -> dict[str, list[list[int]]]:
    with open(FILE, encoding="utf-8") as file:
        outlines: dict[str, list[list[int]]] = json.load(file)
    return outlines


def _is_drawn(letters: str) -> bool:
    return bool(letters) and all(letter in _outlines() for letter in letters)


@cache
def _glyph(letter: str) -> Glyph:
    if letter not in _outlines():
        return _code_point(letter)
    advance, *contours = _outlines()[letter]
    polygons = sorted(map(_polygon, contours), key=lambda polygon: -abs(_area(polygon)))
    heights = [y for polygon in polygons for _, y in polygon] or [0.0]
    solid = tuple((polygon, _area(polygon) < 0) for polygon in polygons)
    return Glyph(float(advance), solid, max(heights), min(heights))  # type: ignore[arg-type]


def _code_point(letter: str) -> Glyph:
    """Return a frame with the hexadecimal digits of a character, in two rows."""
    digits = f"{ord(letter):04X}"
    columns = (len(digits) + 1) // 2
    digits = digits.rjust(2 * columns, "0")
    cell = _glyph("0").advance * DIGIT_SCALE
    right = 2.6 * FRAME_LINE + columns * cell
    outer = _rectangle(FRAME_LINE, FRAME_BOTTOM, right, FRAME_TOP)
    inner = _rectangle(2 * FRAME_LINE, FRAME_BOTTOM + FRAME_LINE, right - FRAME_LINE, FRAME_TOP - FRAME_LINE)
    contours: list[Contour] = [(outer, True), (inner, False)]
    for number, digit in enumerate(digits):
        row, column = divmod(number, columns)
        x, y = 1.8 * FRAME_LINE + column * cell, FRAME_TOP - (row + 1) * 445 + 22
        contours += [
            ([(x + DIGIT_SCALE * dx, y + DIGIT_SCALE * dy) for dx, dy in points], is_solid)
            for points, is_solid in _glyph(digit).contours
        ]
    return Glyph(right + FRAME_LINE, tuple(contours), FRAME_TOP, FRAME_BOTTOM)


def _rectangle(left: float, bottom: float, right: float, top: float) -> Polygon:
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def _area(polygon: Polygon) -> float:
    """Return the area of a polygon; it is negative for one that goes clockwise, as the solid ones of a font do."""
    following = [*polygon[1:], polygon[0]]
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(polygon, following, strict=True)) / 2


def _middle(first: tuple[float, float, bool], second: tuple[float, float, bool]) -> tuple[float, float, bool]:
    return (first[0] + second[0]) / 2, (first[1] + second[1]) / 2, False


def _polygon(contour: list[int]) -> Polygon:
    """Return a contour of lines and quadratic curves as a polygon.

    Args:
        contour: of `glyphs.json`: `2 * dx + is_control, dy` for each point.

    Source: learn.microsoft.com/typography/opentype/spec/glyf: between two control points is a point of the curve.
    """
    points: list[tuple[float, float, bool]] = []  # x, y, is a control point
    x = y = 0
    for marked, dy in zip(contour[::2], contour[1::2], strict=True):
        x, y = x + (marked >> 1), y + dy
        if marked & 1 and points and points[-1][2]:
            points.append(_middle(points[-1], (x, y, True)))
        points.append((x, y, bool(marked & 1)))
    if points[0][2] and points[-1][2]:
        points.append(_middle(points[-1], points[0]))
    polygon: list[tuple[float, float]] = []
    for number, (px, py, is_control) in enumerate(points):
        if not is_control:
            polygon.append((px, py))
            continue
        (x0, y0, _), (x1, y1, _) = points[number - 1], points[(number + 1) % len(points)]
        for step in range(1, CURVE_STEPS):
            t = step / CURVE_STEPS
            a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
            polygon.append((a * x0 + b * px + c * x1, a * y0 + b * py + c * y1))
    return polygon
