"""Every kind of event that is answered, one module per family.

A source has two members: `matches(event)`, a predicate that is true for no other source's events, and
`respond(event, service)`, which reads the pictures that the event asks for, has each answered, and returns the reply
in the shape that the sender reads. The order of the tuple decides nothing.
"""

from typing import Any, Protocol

from function.service import Service
from function.sources import direct, distributed_map, http, s3, s3_batch, sqs, unknown, warmup


class Source(Protocol):
    """A family of events."""

    def matches(self, event: Any) -> bool:
        """Whether the event is one of this family."""

    def respond(self, event: Any, service: Service) -> Any:
        """The reply, JSON-ready. What it raises is for the platform: to deliver the event again, or to report."""


SOURCES: tuple[Source, ...] = (direct, http, s3, sqs, s3_batch, distributed_map, warmup)


def name(source: Source) -> str:
    """What metrics call a source: the name of its module."""
    return str(getattr(source, "__name__", "")).rpartition(".")[2]


def find(event: Any) -> Source:
    """The source of an event; `unknown`, whose every answer says what is known, when it has none."""
    return next((source for source in SOURCES if source.matches(event)), unknown)
