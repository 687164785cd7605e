"""Pictures of any size with something in them, encoded, as events: the same for the same seed."""

import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from scripts.local_lambda.events import function_url_event

QUALITY = 85  # of the JPEGs
SMALLEST, LARGEST = 64, 1600  # px of a drawn side


def event(picture: bytes, query: str = "") -> dict[str, Any]:
    """The event of a JPEG posted to a Function URL."""
    return function_url_event(picture, "image/jpeg", query)


def jpeg(source: Path, size_wh: tuple[int, int]) -> bytes:
    """The picture at another size."""
    with Image.open(source) as opened:
        buffer = io.BytesIO()
        opened.convert("RGB").resize(size_wh).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def sizes(count: int, seed: int) -> Iterator[tuple[int, int]]:
    """Different widths and heights, px; landscape, portrait and narrow ones."""
    order = random.Random(seed)
    seen: set[tuple[int, int]] = set()
    while len(seen) < count:
        size = (order.randint(SMALLEST, LARGEST), order.randint(SMALLEST, LARGEST))
        if size not in seen:
            seen.add(size)
            yield size
