"""Annotated images of a response: drawn, encoded, and small enough for what is left of the response.

First the quality of a JPEG is lowered, then the size. Loaded only if a request asks for an annotated image.
"""

import base64
import io
from math import sqrt
from typing import Any, NamedTuple

from PIL import Image

from function import draw
from function.api.accept import JPEG, JSON
from function.api.body import ParsedBody
from function.errors import FunctionError, NotAcceptable, TooLarge
from function.preprocess import multiband
from function.preprocess.memory_limit import MemoryLimit
from function.request import ImageRequest
from function.service import Service
from function.settings import Settings

__all__ = ["FIELD_BYTES", "JPEG", "AnnotatedImage", "make", "only_request"]

HEADER = "X-Image-Reduced"  # of an image that is smaller than it should be
FIELD_BYTES = 300  # of `annotated_image` in a response, without the data
FORMATS = {JPEG: "JPEG", "image/png": "PNG"}
QUALITIES = (90, 75, 60)  # of a JPEG
PNG_LEVEL = 3  # of the compression: three times as fast as the default, and a tenth larger
SAFETY = 0.95  # of the sides that the bytes of a larger image suggest
LEAST_STEP = 0.9  # of the sides
CHROMA_444 = 0  # the edges of letters and lines keep their color


class AnnotatedImage(NamedTuple):
    """Encoded image with what was found drawn on it."""

    content_type: str
    data: bytes
    size_wh: tuple[int, int]  # pixels
    reduced: dict[str, float]  # `quality` of the JPEG and `scale` of the sides, if they were lowered; {}: neither

    def field(self) -> dict[str, Any]:
        """Return the field `annotated_image` of a response."""
        width, height = self.size_wh
        return {
            "content_type": self.content_type,
            "width": width,
            "height": height,
            **({"reduced": self.reduced} if self.reduced else {}),
            "data": base64.b64encode(self.data).decode(),
        }

    def response(self) -> dict[str, Any]:
        """Return the image as an HTTP response."""
        headers = {"Content-Type": self.content_type}
        if self.reduced:
            headers[HEADER] = "; ".join(f"{name}={value:g}" for name, value in self.reduced.items())
        body = base64.b64encode(self.data).decode()
        return {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": True}


class Buffer(io.BytesIO):
    """Buffer that counts all bytes and keeps them up to a limit."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self.count = 0
        self._max_bytes = max_bytes

    def write(self, data: Any) -> int:
        """Keep the bytes if all of them are within the limit."""
        self.count += len(data)
        return super().write(data) if self.count <= self._max_bytes else len(data)


def only_request(parsed: ParsedBody, image_type: str) -> ImageRequest | FunctionError:
    """Return the request whose response is an image, or the error of a list."""
    if parsed.is_list:
        return NotAcceptable(f"the header Accept must allow {JSON} for a list of images, got {image_type}")
    (request,) = parsed.requests
    if isinstance(request, FunctionError):
        return request
    return request._replace(options=request.options._replace(annotate=True))


def make(data: bytes, body: dict[str, Any], service: Service, content_type: str, max_bytes: int) -> AnnotatedImage:
    """Draw the result of an image on it.

    Args:
        data: the encoded image.
        body: its result as JSON.
        service: its settings limit the pixels and the memory; it ends the drawing at its deadline.
        content_type: `image/jpeg` or `image/png`.
        max_bytes: of the encoded annotated image.

    Raises:
        DeadlineExceeded: no time is left.
        TooLarge: the memory or the response has no room for the image.
    """
    service.check_time_to_decode(data)
    return service.draw(draw_within, data, body, service.settings, content_type, max_bytes)


def draw_within(
    data: bytes, body: dict[str, Any], settings: Settings, content_type: str, max_bytes: int
) -> AnnotatedImage:
    """Draw and encode an image without a deadline; the arguments and errors are those of `make`."""
    drawn = multiband.drawable(data, body, settings.max_image_pixels, settings.memory_mb)
    draw.draw(drawn, body)
    count = 0
    for quality in QUALITIES if content_type == JPEG else QUALITIES[:1]:
        encoded, count = _encode(drawn, content_type, quality, max_bytes)
        if encoded is not None:
            lowered: dict[str, float] = {"quality": quality} if quality != QUALITIES[0] else {}
            return AnnotatedImage(content_type, encoded, drawn.size, lowered)
    return _reduce(drawn, content_type, count, settings.memory_mb, max_bytes)


def _reduce(drawn: Image.Image, content_type: str, count: int, memory_mb: int | None, max_bytes: int) -> AnnotatedImage:
    """Return the image with shorter sides, so that it has at most `max_bytes` instead of `count`."""
    scale, size_wh = 1.0, drawn.size
    while size_wh != (1, 1):
        scale *= min(LEAST_STEP, SAFETY * sqrt(max(max_bytes, 1) / count))
        size_wh = max(1, round(scale * drawn.width)), max(1, round(scale * drawn.height))
        if memory_mb:
            MemoryLimit(memory_mb).check_copy(size_wh)
        smaller = drawn.resize(size_wh, Image.Resampling.BICUBIC, reducing_gap=2.0)
        encoded, count = _encode(smaller, content_type, QUALITIES[-1], max_bytes)
        if encoded is not None:
            lowered = {"quality": QUALITIES[-1]} if content_type == JPEG else {}
            return AnnotatedImage(content_type, encoded, size_wh, {**lowered, "scale": round(scale, 4)})
    raise TooLarge(
        f"the response must have room for the annotated image, got {max(max_bytes, 0)} bytes beside the results: "
        "request fewer images or fewer detections (max_det)"
    )


def _encode(drawn: Image.Image, content_type: str, quality: int, max_bytes: int) -> tuple[bytes | None, int]:
    """Return the encoded image, None if it has more bytes than allowed, and how many it has."""
    buffer = Buffer(max_bytes)
    if content_type == JPEG:
        sampling = CHROMA_444 if quality == QUALITIES[0] else -1
        drawn.save(buffer, FORMATS[content_type], quality=quality, subsampling=sampling)
    else:
        drawn.save(buffer, FORMATS[content_type], compress_level=PNG_LEVEL)
    return (buffer.getvalue() if buffer.count <= max_bytes else None), buffer.count
