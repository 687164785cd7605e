"""Tiles of an image: overlapping squares that cover it, in rows from the top left."""

from typing import NamedTuple

from function.errors import InvalidOption

MAX_TILES = 1024  # of one image: 48 megapixels in tiles of 320 px are 775, and at 30 ms each they take 23 s


class Tile(NamedTuple):
    """Part of an image in whole pixels; the right and the lower end are not included."""

    left: int
    top: int
    right: int
    bottom: int


def cut(size_wh: tuple[int, int], side: int, overlap: float) -> list[Tile]:
    """Return the tiles of an image.

    The last tile of a row or column moves back to end at the border of the image; where the image is smaller than a
    tile, the tile is smaller.

    Args:
        size_wh: the image, pixels.
        side: of a tile, pixels.
        overlap: of neighboring tiles as a share of the side, 0 or more and below 1.

    Raises:
        InvalidOption: more than MAX_TILES tiles.

    Source: sahi 0.12.8 `get_slice_bboxes`, slicing.py.
    """
    shared = int(overlap * side)
    width, height = size_wh
    count = _count(width, side, shared) * _count(height, side, shared)
    if count > MAX_TILES:
        raise InvalidOption(
            f"tile must cut an image into at most {MAX_TILES} tiles, got {count} for {width} x {height} pixels: "
            "request larger tiles or less overlap"
        )
    columns, rows = _spans(width, side, shared), _spans(height, side, shared)
    return [Tile(left, top, right, bottom) for top, bottom in rows for left, right in columns]


def _count(length: int, side: int, shared: int) -> int:
    """Return the number of spans of `_spans`."""
    return 1 + max(0, -(-(length - side) // (side - shared)))


def _spans(length: int, side: int, shared: int) -> list[tuple[int, int]]:
    """Return the start and the end of each tile along one side of the image."""
    starts = [min(number * (side - shared), max(0, length - side)) for number in range(_count(length, side, shared))]
    return [(start, min(start + side, length)) for start in starts]
