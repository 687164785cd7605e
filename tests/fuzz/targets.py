"""Fuzz targets: what each does with one input, its seeds, and the parts of the function that it covers."""

import zlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple


class Target(NamedTuple):
    """One kind of input.

    Attributes:
        run: raises Violation, or another exception, for an input that does not keep the property.
        seeds: small valid inputs.
        covers: parts of the function, such as `source:sqs`, `format:PNG`, `route:/v2`, `option:conf`.
        words: byte strings that mutations insert.
        strategy: of hypothesis, for structured inputs: JSON values, whose text is the input; None for bytes.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    covers: frozenset[str] = frozenset()
    words: tuple[bytes, ...] = ()
    strategy: Callable[[], Any] | None = None


@cache
def load() -> dict[str, Target]:
    """Return every target by its name."""
    from tests.fuzz import (
        body_targets,
        draw_targets,
        event_targets,
        image_targets,
        model_targets,
        network_targets,
        reading_targets,
        upload_target,
    )

    modules = (
        image_targets,
        body_targets,
        model_targets,
        network_targets,
        draw_targets,
        reading_targets,
        event_targets,
        upload_target,
    )
    return {name: target for module in modules for name, target in module.TARGETS.items()}


def variant(data: bytes, count: int) -> int:
    """Return a number from 0 to count - 1 that depends on the input alone."""
    return zlib.crc32(data) % count
