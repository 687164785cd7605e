"""Event sources, one module for each kind of event.

A source has two functions: `matches(event)`, which is true for no event of another source, and
`respond(event, service)`, which returns the response in the form that the sender of the event expects. The order of
`SOURCES` has no effect.
"""

from typing import Any, Protocol

from function.service import Service
from function.sources import direct, distributed_map, http, s3, s3_batch, sqs, warmup


class Source(Protocol):
    """Module of one kind of event."""

    def matches(self, event: Any) -> bool:
        """Return whether the event is of this kind."""

    def respond(self, event: Any, service: Service) -> Any:
        """Return the JSON-ready response. An exception is for the platform, which invokes again or reports it."""


SOURCES: tuple[Source, ...] = (direct, http, s3, sqs, s3_batch, distributed_map, warmup)


def name(source: Source) -> str:
    """Return the name of a source in the metrics: the name of its module."""
    return str(getattr(source, "__name__", "")).rpartition(".")[2]


def find(event: Any) -> Source:
    """Return the source of an event; `unknown` if no source matches."""
    for source in SOURCES:
        if source.matches(event):
            return source
    from function.sources import unknown  # imported here: such events are rare

    return unknown
