"""Annotated images: any shapes, names and sizes are drawn within the limits, and `Accept` is any text."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.fuzz import documented, images, values
from tests.fuzz.targets import Target
from tests.fuzz.verdict import check, require

HEADER_BYTES = 8
MAX_SIDE = 400  # pixels of an image
POINTS = 8  # numbers of a detection
MAX_DETECTIONS = 300
KINDS = 5  # of a detection: box, rotated box, mask, 17 keypoints, some keypoints
SPREADS = (3, 1e10)  # coordinates are between -1 and 2 times the size of the image, or far outside of it
LIMITS = (0, 500, 5_000, 50_000, 5_000_000)  # bytes of an annotated image
NAMES = ("gauge", *(text for text in values.ODD_TEXTS if isinstance(text, str)))


def body(numbers: np.ndarray, names: list[str], size_wh: tuple[int, int], spread: float) -> dict[str, Any]:
    """Return the results of an image: each row of eight numbers from 0 to 1 is a detection."""
    detections: list[dict[str, Any]] = []
    for row in numbers.reshape(-1, POINTS)[:MAX_DETECTIONS]:
        xs = (spread * row[::2] - 1) * size_wh[0]
        ys = (spread * row[1::2] - 1) * size_wh[1]
        points = [[x, y] for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]
        edges = (xs[:2].min(), ys[:2].min(), xs[:2].max(), ys[:2].max())
        kind = int(row.sum() * 1000) % KINDS
        keypoints = [{"x": x, "y": y, "confidence": float(row[0])} for x, y in points * (5 if kind == 3 else 1)][:17]
        fields: tuple[dict[str, Any], ...] = (
            {},
            {"corners": [{"x": x, "y": y} for x, y in points]},
            {"segments": [points, points[:3]]},
            {"keypoints": keypoints},
            {"keypoints": keypoints},
        )
        number = len(detections)
        detections.append(
            {
                "class_name": names[number % len(names)],
                "class_id": int(row[0] * 1000),
                "confidence": float(row[1]),
                "box_2d": dict(zip(("x_min", "y_min", "x_max", "y_max"), map(float, edges), strict=True)),
                **fields[kind],
            }
        )
    return {"detections": detections}


def run_draw(data: bytes) -> None:
    """Draw detections made of the bytes of the input, and encode the image within a limit."""
    from function.api import annotated
    from function.errors import TooLarge
    from function.settings import Settings

    header, rest = data[:HEADER_BYTES].ljust(HEADER_BYTES, b"\0"), data[HEADER_BYTES:]
    width, height = (1 + int(side) % MAX_SIDE for side in np.frombuffer(header[:4], "<u2"))
    numbers = np.frombuffer(rest[: len(rest) // (2 * POINTS) * 2 * POINTS], "<u2") / 65535
    names = [rest[:40].decode("utf-8", "replace"), NAMES[header[4] % len(NAMES)]]
    result = body(numbers, names, (width, height), SPREADS[header[4] % 3 == 2])
    if header[5] % 4 == 0 and names:
        result = {"class": names[0], "class_id": header[6], "confidence": 0.5, "top": []}
    content_type, limit = ("image/jpeg", "image/png")[header[6] % 2], LIMITS[header[7] % len(LIMITS)]
    source = images.encode(images.drawing((width, height)), "PNG", compress_level=1)

    def call() -> dict[str, Any]:
        return annotated.draw_within(source, result, Settings.from_env({}), content_type, limit).field()

    def is_documented(field: dict[str, Any]) -> None:
        documented.annotated_image(field)
        require(len(field["data"]) * 3 // 4 <= limit + 3, "bytes:", len(field["data"]), limit)

    check(call, is_documented, (TooLarge,) if limit < 2000 else ())


def run_accept(data: bytes) -> None:
    """Choose a media type by any text."""
    from function.api import accept

    def is_documented(chosen: Any) -> None:
        require(chosen in (None, accept.JPEG, accept.PNG), "media type:", chosen)

    check(lambda: accept.image_type(data.decode("latin-1")), is_documented, ())


def _draw_seeds() -> Iterator[bytes]:
    random = np.random.default_rng(1)
    for number, (width, height) in enumerate(((64, 48), (320, 240), (1, 1), (400, 20), (320, 320))):
        header = np.array([width - 1, height - 1], "<u2").tobytes() + bytes((number, number, number, number))
        yield header + random.integers(0, 65536, 8 * (1 + 4 * number), np.uint16).astype("<u2").tobytes()


def _accept_seeds() -> Iterator[bytes]:
    yield b"*/*"
    yield b"image/png, application/json;q=0.5, */*;q=0.1"
    yield b"text/html,application/xhtml+xml,image/avif,image/*;q=0.8"


TARGETS = {
    "draw": Target(run_draw, _draw_seeds, frozenset({"annotated image"})),
    "accept": Target(
        run_accept,
        _accept_seeds,
        frozenset({"header:accept"}),
        (b"image/jpeg", b"image/png", b"application/json", b";q=", b"*/*"),
    ),
}
