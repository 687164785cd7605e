"""Dials seen from the front: pressure gauges, and clocks that resemble them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from example.canvas import Canvas, Color, blank, font, pick
from example.case import RIMS, body, flange, glass, round_outline, square_outline, stem

NEEDLES: tuple[Color, ...] = ((16, 16, 18), (200, 24, 24), (30, 60, 160))
ZONES: tuple[Color, ...] = ((36, 150, 70), (236, 186, 32), (206, 36, 36))
UNITS = ("bar", "psi", "kPa", "MPa", "mbar", "kg/cm2", "Pa", "bar / psi")
SPANS = (1, 1.6, 2.5, 4, 6, 10, 16, 25, 40, 60, 100, 160, 250, 400, 600)
# The points from which a gauge is read. "centre" is spelled as in the metadata of tasks/pose.pt.
KEYPOINTS = ("centre", "needle tip", "scale start", "scale end")
ROMAN = ("XII", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI")


class Dial(NamedTuple):
    """Dial on a transparent square."""

    sprite: Image.Image  # RGBA, side x side
    outline_xy: NDArray[np.float64]  # (N, 2) points of the outermost rim, sprite pixels
    keypoints_xy: NDArray[np.float64]  # (4, 2) the KEYPOINTS of a gauge, sprite pixels; (0, 2) for a clock


def gauge(rng: np.random.Generator, side: int) -> Dial:
    """Return a pressure gauge: a scale over part of the circle, and one needle."""
    canvas = blank(rng, side)
    if rng.random() < 0.6:
        stem(canvas)
    reach = flange(canvas) if rng.random() < 0.18 else 1.0
    face, ink = body(canvas, square=False)
    sweep = float(rng.choice([270, 270, 270, 240, 300, 180]))
    start = 90 + sweep / 2
    if rng.random() < 0.45:
        _zones(canvas, start, sweep)
    scale = _scale(canvas, start, sweep, ink)
    _unit(canvas, ink)
    needle = ink if rng.random() < 0.6 or face[0] < 90 else pick(rng, NEEDLES)
    if face[0] < 90 and rng.random() < 0.5:
        needle = (230, 60, 40)
    needle_angle, needle_length = start - sweep * rng.uniform(-0.01, 1.0), rng.uniform(0.6, 0.8)
    _hand(canvas, needle_angle, needle_length, rng.uniform(0.035, 0.075), needle)
    _hub(canvas, needle if rng.random() < 0.6 else pick(rng, RIMS), rng.uniform(0.07, 0.13))
    glass(canvas)
    center, tip = canvas.at(0, 0), canvas.at(needle_angle, needle_length)
    keypoints = [center, tip, canvas.at(start, scale), canvas.at(start - sweep, scale)]
    return Dial(canvas.sprite, round_outline(canvas, reach), np.array(keypoints))


def clock(rng: np.random.Generator, side: int) -> Dial:
    """Return a clock: twelve hour marks around the whole circle, and two or three hands."""
    canvas = blank(rng, side)
    square = rng.random() < 0.15
    face, ink = body(canvas, square)
    _hours(canvas, ink)
    hour, minute = rng.uniform(0, 12), rng.uniform(0, 60)
    hands = ink if rng.random() < 0.8 or face[0] < 90 else pick(rng, NEEDLES)
    _hand(canvas, 90 - 30 * hour, rng.uniform(0.42, 0.52), rng.uniform(0.06, 0.1), hands)
    _hand(canvas, 90 - 6 * minute, rng.uniform(0.66, 0.8), rng.uniform(0.045, 0.075), hands)
    if rng.random() < 0.45:
        _hand(canvas, 90 - 6 * rng.uniform(0, 60), 0.8, 0.018, (206, 32, 32))
    _hub(canvas, hands, rng.uniform(0.04, 0.07))
    glass(canvas)
    outline = square_outline(canvas) if square else round_outline(canvas, 1.0)
    return Dial(canvas.sprite, outline, np.empty((0, 2)))


def _zones(canvas: Canvas, start: float, sweep: float) -> None:
    rng = canvas.rng
    edges = np.sort(rng.uniform(0.3, 0.95, size=2))
    parts = [(0.0, edges[0]), (edges[0], edges[1]), (edges[1], 1.0)]
    reach, width = rng.uniform(0.66, 0.8), canvas.px(rng.uniform(0.05, 0.1))
    for (low, high), color in zip(parts, ZONES, strict=True):
        if rng.random() < 0.85:
            canvas.draw.arc(canvas.box(reach), -start + sweep * low, -start + sweep * high, fill=color, width=width)


def _scale(canvas: Canvas, start: float, sweep: float, ink: Color) -> float:
    """Draw ticks and numbers along the arc. Return the radius at which the ticks end, in rim radii."""
    rng = canvas.rng
    top = float(rng.choice(SPANS))
    majors = int(rng.choice([n for n in (4, 5, 6, 8, 10) if float(f"{top / n:.2g}") == top / n]))
    minors = int(rng.choice([2, 5, 5, 10]))
    outer, length = rng.uniform(0.74, 0.8), rng.uniform(0.1, 0.15)
    for i in range(majors * minors + 1):
        degrees = start - sweep * i / (majors * minors)
        major = i % minors == 0
        inner = outer - (length if major else length * 0.5)
        width = canvas.px(0.028 if major else 0.012)
        canvas.draw.line([canvas.at(degrees, inner), canvas.at(degrees, outer)], fill=ink, width=width)
    if rng.random() < 0.4:
        canvas.draw.arc(canvas.box(outer), -start, -start + sweep, fill=ink, width=canvas.px(0.015))
    size = canvas.px(rng.uniform(0.13, 0.18) * (0.75 if majors > 6 else 1))
    for i in range(majors + 1):
        text = f"{top * i / majors:.3g}"
        canvas.draw.text(
            canvas.at(start - sweep * i / majors, outer - length - 0.13), text, ink, font(size), anchor="mm"
        )
    return float(outer)


def _unit(canvas: Canvas, ink: Color) -> None:
    """Draw the unit in the gap of the scale: a long unit lower, where the first and last numbers leave space."""
    rng, c, r = canvas.rng, canvas.center, canvas.radius
    text = str(rng.choice(UNITS))
    low, size = (rng.uniform(0.5, 0.56), 0.13) if len(text) > 3 else (rng.uniform(0.26, 0.4), 0.17)
    canvas.draw.text((c, c + r * low), text, ink, font(canvas.px(size)), anchor="mm")
    if rng.random() < 0.5:
        canvas.draw.text((c, c + r * 0.68), "CL 1.6", ink, font(canvas.px(0.08)), anchor="mm")


def _hours(canvas: Canvas, ink: Color) -> None:
    """Draw twelve hour marks, sometimes sixty minute marks, sometimes numerals."""
    rng = canvas.rng
    outer, length, wide = rng.uniform(0.76, 0.82), rng.uniform(0.06, 0.14), rng.uniform(0.02, 0.05)
    if rng.random() < 0.6:
        for i in range(60):
            canvas.draw.line([canvas.at(6 * i, outer - 0.04), canvas.at(6 * i, outer)], fill=ink, width=canvas.px(0.01))
    for i in range(12):
        canvas.draw.line([canvas.at(30 * i, outer - length), canvas.at(30 * i, outer)], fill=ink, width=canvas.px(wide))
    style = rng.choice(["arabic", "arabic", "roman", "quarters", "none"])
    size = canvas.px(rng.uniform(0.16, 0.24) * (0.75 if style == "roman" else 1))
    for i in range(12):
        if style != "none" and (style != "quarters" or i % 3 == 0):
            text = ROMAN[i] if style == "roman" else str(i or 12)
            canvas.draw.text(canvas.at(90 - 30 * i, outer - length - 0.13), text, ink, font(size), anchor="mm")


def _hand(canvas: Canvas, degrees: float, reach: float, width: float, color: Color) -> None:
    """Draw a tapered hand with a short tail, and its soft shadow on the face."""
    tail, half = canvas.rng.uniform(0.1, 0.25), width / 2
    spread = float(np.rad2deg(np.arctan2(half, tail)))
    tip = float(np.rad2deg(np.arctan2(half * 0.3, reach)))
    back = [canvas.at(degrees + 180 + spread, tail), canvas.at(degrees + 180 - spread, tail)]
    points = [canvas.at(degrees - tip, reach), canvas.at(degrees + tip, reach), *back]
    shift = canvas.radius * 0.02
    shadow = Image.new("L", canvas.sprite.size)
    ImageDraw.Draw(shadow).polygon([(x + shift, y + shift) for x, y in points], fill=80)
    canvas.sprite.paste((0, 0, 0, 255), (0, 0), shadow)
    canvas.draw.polygon(points, fill=color)


def _hub(canvas: Canvas, color: Color, fraction: float) -> None:
    canvas.draw.ellipse(canvas.box(fraction), fill=color)
    canvas.draw.ellipse(canvas.box(fraction * 0.45), fill=tuple(round(value * 0.5 + 60) for value in color))
