"""Every kind of event that is answered, one module per family.

A source has three members: `matches(event)`, a predicate that is true for no other source's events;
`requests(event)`, the pictures that the event asks for; `reply(event, results, request_id)`, the answer in the shape
that the sender reads. The order of the tuple decides nothing.
"""

from typing import Any, Protocol

from function.request import Request
from function.response import Result
from function.sources import direct, http, unknown


class Source(Protocol):
    """A family of events."""

    def matches(self, event: Any) -> bool:
        """Whether the event is one of this family."""

    def requests(self, event: Any) -> list[Request]:
        """The pictures that are asked for; raises FunctionError for an event that breaks its contract."""

    def reply(self, event: Any, results: list[Result], request_id: str) -> dict[str, Any]:
        """The answer; one result for each request, or one error for all."""


SOURCES: tuple[Source, ...] = (direct, http)


def find(event: Any) -> Source:
    """The source of an event; `unknown`, whose every answer says what is known, when it has none."""
    return next((source for source in SOURCES if source.matches(event)), unknown)
