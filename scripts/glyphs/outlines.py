"""Outlines of the characters that labels on images have: `function/draw/glyphs.json`, made of a TrueType font.

The zips contain no font library, so the function draws the outlines itself. Needs fontTools, which no environment of
the project has:

    pip install fonttools==4.68.0
    python -m scripts.glyphs.outlines /usr/share/fonts/truetype/dejavu/DejaVuSansCondensed-Bold.ttf

Source of the font: DejaVu 2.37, package fonts-dejavu-extra of Debian; its license is function/draw/LICENSE-DejaVu.txt.
"""

import json
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EM = 1024  # units of the outlines for the height of a line without spacing
TARGET = Path(__file__).resolve().parent.parent.parent / "function" / "draw" / "glyphs.json"
RANGES = (  # first and last code point
    (0x20, 0x17F),  # Latin: Basic, Latin-1, Extended-A
    (0x18F, 0x18F),
    (0x192, 0x192),
    (0x1A0, 0x1A1),
    (0x1AF, 0x1B0),
    (0x1CD, 0x1DC),  # pinyin
    (0x1E6, 0x1E7),
    (0x1EA, 0x1EB),
    (0x1F8, 0x21B),
    (0x259, 0x259),
    (0x370, 0x3FF),  # Greek
    (0x400, 0x52F),  # Cyrillic
    (0x1E00, 0x1EFF),  # Latin Extended Additional, with Vietnamese
    (0x2010, 0x2026),  # punctuation
    (0x2030, 0x203A),
    (0x2070, 0x209C),  # superscripts and subscripts
    (0x20A0, 0x20BF),  # currencies
    (0x2100, 0x214F),  # letterlike symbols
    (0x2190, 0x2199),  # arrows
    (0x2200, 0x2265),  # mathematics
)
LEFT_OUT = ("Cc", "Cf", "Mn")  # controls and combining marks


def characters(known: set[int]) -> Iterator[str]:
    """Yield the characters of the ranges that a font has."""
    for first, last in RANGES:
        for code in range(first, last + 1):
            if code in known and unicodedata.category(chr(code)) not in LEFT_OUT:
                yield chr(code)


def glyph(advance: int, points: Any, ends: Any, flags: Any, units_per_em: int) -> list[Any]:
    """Return a glyph as JSON: the advance, and for each contour the differences from point to point.

    Args:
        advance: width with spacing, font units.
        points: (x, y) of all contours, font units, y upwards.
        ends: index of the last point of each contour.
        flags: of each point; bit 0: on the curve, otherwise a control point of a quadratic curve.
        units_per_em: of the font.

    Returns:
        `[advance, [2 * dx + is_control, dy, ...], ...]` in `EM` units, y upwards; the first point is from (0, 0).
    """
    scale, start = EM / units_per_em, 0
    contours: list[list[int]] = []
    for end in ends:
        contour: list[int] = []
        left, bottom = 0, 0
        for (x, y), flag in zip(points[start : end + 1], flags[start : end + 1], strict=True):
            new_left, new_bottom = round(x * scale), round(y * scale)
            contour += [2 * (new_left - left) + (1 - (flag & 1)), new_bottom - bottom]
            left, bottom = new_left, new_bottom
        contours.append(contour)
        start = end + 1
    return [round(advance * scale), *contours]


def outlines(path: Path) -> str:
    """Return the outlines of a font as JSON, one character in a line."""
    from fontTools.ttLib import TTFont

    font = TTFont(path)
    names, table, metrics = font.getBestCmap(), font["glyf"], font["hmtx"]
    lines = []
    for character in characters(set(names)):
        name = names[ord(character)]
        points, ends, flags = table[name].getCoordinates(table)
        described = glyph(metrics[name][0], points, ends, flags, font["head"].unitsPerEm)
        lines.append(f"{json.dumps(character, ensure_ascii=False)}:{json.dumps(described, separators=(',', ':'))}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(outlines(Path(sys.argv[1])), encoding="utf-8")
