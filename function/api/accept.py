"""Choice between JSON and an image by the header `Accept`. Loaded only if the header names an image.

Source: RFC 9110, section 12.5.1.
"""

import re
from typing import NamedTuple

JSON, JPEG, PNG = "application/json", "image/jpeg", "image/png"
OFFERED = (JSON, JPEG, PNG)  # the first one of those that a caller likes as much
QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)


class Preference(NamedTuple):
    """How much a caller prefers a media type: the greater one is sent."""

    quality: float  # 0: not acceptable
    precision: int  # 2: the type is named, 1: image/*, 0: */*
    position: int  # negative: a range further back


NONE = Preference(0, 0, 0)


def image_type(accept: str) -> str | None:
    """Return the type of the image that a caller prefers to JSON: `image/jpeg` or `image/png`; None for JSON.

    The highest quality decides, then the more precise name, then the order in the header. JSON is also the response to
    `*/*`, and to types that the function does not have.

    Args:
        accept: the header, such as `image/png, application/json;q=0.5`.
    """
    ranges = [_read(text) for text in accept.split(",")]
    preferences = {offered: _preference(offered, ranges) for offered in OFFERED}
    best = max(OFFERED, key=lambda offered: preferences[offered])
    return best if best != JSON and preferences[best].quality > 0 else None


def _read(text: str) -> tuple[str, float]:
    """Return a media range in lower case and its quality, which is 0 if it cannot be read."""
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    values = dict(parameter.replace(" ", "").split("=", 1) for parameter in parameters if "=" in parameter)
    quality = values.get("q", "1")
    return name, float(quality) if QUALITY.fullmatch(quality) else 0.0


def _preference(offered: str, ranges: list[tuple[str, float]]) -> Preference:
    """Return the preference by the most precise range that has the type."""
    names = ("*/*", f"{offered.partition('/')[0]}/*", offered)
    matching = [
        Preference(quality, names.index(name), -position)
        for position, (name, quality) in enumerate(ranges)
        if name in names
    ]
    return max(matching, key=lambda preference: (preference.precision, preference.quality), default=NONE)
