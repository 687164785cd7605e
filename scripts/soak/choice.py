"""Random choices of one invocation of the mixed soak test, and the requests that are made of them."""

from __future__ import annotations

import base64
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from scripts.soak import events, images
from scripts.soak.calls import Item
from scripts.soak.fixtures import NAMES
from scripts.soak.images import KnownImage


class Choice(NamedTuple):
    """Random choices of one invocation.

    Attributes:
        number: number of the invocation.
        rng: random numbers, seeded by it.
        known: the images.
        kinds: kinds of the images to choose from.
    """

    number: int
    rng: random.Random
    known: Sequence[KnownImage]
    kinds: Sequence[str]

    def image(self) -> KnownImage:
        """Return an image."""
        return images.choose(self.known, self.rng, self.kinds)

    def inline(self) -> Item:
        """Return an image that is in the request."""
        image = self.image()
        return Item(image, error=image.error)

    def in_s3(self, count: int) -> tuple[Item, ...]:
        """Return images in S3 under keys of their own."""
        name = NAMES[self.number % len(NAMES)]
        chosen = [self.image() for _ in range(count)]
        return tuple(Item(image, f"in/{self.number:06}-{at} {name}", image.error) for at, image in enumerate(chosen))

    def http(self, body: bytes, content_type: str, **headers: str) -> dict[str, Any]:
        """Return a POST to the model through a front end, with the API key and these headers."""
        front_end = self.rng.choice(events.FRONT_ENDS)
        return events.http(front_end, "POST", "/", body, content_type, headers={**events.WITH_KEY, **headers})


def direct_event(image: KnownImage) -> dict[str, Any]:
    """Return the event of a direct invocation with an image."""
    return {"image_data": base64.b64encode(image.data).decode(), "image_name": image.name}
