"""Maps of a response: classes and distances of pixels as PNG in base64. Loaded only with a model that has maps.

A map that is too large for the response is reduced in size, by leaving out pixels.
"""

import base64
import io
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from function.draw.colors import COLORS
from function.errors import TooLarge
from function.results import Depth, Semantic

SHARE_DECIMALS = 6
DISTANCE_DECIMALS = 6
PNG_LEVEL = 3  # of the compression: three times as fast as the default, and a tenth larger
OTHER_BYTES = 2000  # of the response, without the classes and the PNG
CLASS_BYTES = 300  # of one class, at most: a name has 200 characters
SAFETY = 0.95  # of the sides that the bytes of a larger map suggest
LEAST_STEP = 0.9  # of the sides
IGNORED_COLOR = (0, 0, 0)  # of the id 255

Body = dict[str, Any]
Map = NDArray[np.uint8] | NDArray[np.uint16]


def fields(result: Semantic | Depth, max_bytes: int | None) -> Body:
    """Return the field `semantic` or `depth` of a response.

    Args:
        result: of one image.
        max_bytes: of the whole result in JSON; None: no limit.

    Raises:
        TooLarge: there is no room for a map of one pixel.
    """
    if isinstance(result, Depth):
        depth = result.depth
        scaling = {"scale": depth.scale, "offset": depth.offset}
        room = None if max_bytes is None else max_bytes - OTHER_BYTES
        body = {"min": round(depth.least, DISTANCE_DECIMALS), "max": round(depth.largest, DISTANCE_DECIMALS)}
        return {"depth": body | {"map": _map(depth.steps, room, scaling)}}
    names, pixels = result.metadata.names, result.ids.size
    classes = [
        {"class_name": names[class_id], "class_id": class_id, "share": round(count / pixels, SHARE_DECIMALS)}
        for class_id, count in result.counts
    ]
    room = None if max_bytes is None else max_bytes - OTHER_BYTES - CLASS_BYTES * len(classes)
    return {"semantic": {"classes": classes, "map": _map(result.ids, room, {})}}


def _map(values: Map, max_bytes: int | None, scaling: Body) -> Body:
    """Return the field `map`; `reduced` is its size in relation to the image, if it is smaller."""
    data = _png(values)
    factor, part = 1.0, values
    while max_bytes is not None and len(data) > max_bytes * 3 // 4:
        if part.size == 1:
            raise TooLarge(f"the response must have room for a map, got {max(max_bytes, 0)} bytes: send fewer images")
        factor *= min(LEAST_STEP, SAFETY * sqrt(max(max_bytes * 3 // 4, 1) / len(data)))
        part = _reduced(values, factor)
        data = _png(part)
    height, width = part.shape
    reduced = {"reduced": {"scale": round(width / values.shape[1], 4)}} if part is not values else {}
    return {"width": width, "height": height, **scaling, **reduced, "png": base64.b64encode(data).decode()}


def _reduced(values: Map, factor: float) -> Map:
    """Return the values at the centers of larger pixels."""
    rows, columns = (np.arange(side) for side in (max(1, round(length * factor)) for length in values.shape))
    row = (rows + 0.5) * (values.shape[0] / rows.size)
    column = (columns + 0.5) * (values.shape[1] / columns.size)
    reduced: Map = values[row.astype(np.intp)[:, None], column.astype(np.intp)]
    return reduced


def _png(values: Map) -> bytes:
    """Return a PNG with 16 gray bits, or an indexed one whose colors are those of annotated images."""
    image = Image.fromarray(values)
    if values.dtype == np.uint8:
        image.putpalette([part for class_id in range(256) for part in _color(class_id)])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=PNG_LEVEL)
    return buffer.getvalue()


def _color(class_id: int) -> tuple[int, ...]:
    if class_id == 255:
        return IGNORED_COLOR
    return tuple(bytes.fromhex(COLORS[class_id % len(COLORS)].lstrip("#")))
