"""Test images of any size as JPEG, and the events that contain them; the same for the same seed."""

import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from scripts.local_lambda.events import function_url_event

QUALITY = 85  # of the JPEGs
MIN_SIDE, MAX_SIDE = 64, 1600  # px


def event(image: bytes, query: str = "") -> dict[str, Any]:
    """Return the event of a JPEG that is posted to a Function URL."""
    return function_url_event(image, "image/jpeg", query)


def jpeg(source: Path, size_wh: tuple[int, int]) -> bytes:
    """Return the image at another size, as JPEG."""
    with Image.open(source) as opened:
        buffer = io.BytesIO()
        opened.convert("RGB").resize(size_wh).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def sizes(count: int, seed: int) -> Iterator[tuple[int, int]]:
    """Yield `count` different sizes (width, height), px: landscape, portrait and narrow."""
    generator = random.Random(seed)
    used: set[tuple[int, int]] = set()
    while len(used) < count:
        size = (generator.randint(MIN_SIDE, MAX_SIDE), generator.randint(MIN_SIDE, MAX_SIDE))
        if size not in used:
            used.add(size)
            yield size
