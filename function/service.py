"""What a source is given to answer with; it knows no event."""

from collections.abc import Callable
from typing import Any, NamedTuple

from function.request import Request
from function.results import Inference, Result
from function.settings import Settings


class Tensors(NamedTuple):
    """A model that takes tensors."""

    name: str
    version: str | None
    wanted: str  # what a request has to be, for errors
    metadata: dict[str, Any]  # the protocol's, JSON-ready
    infer: Callable[[Any], Inference]  # of a request's JSON; what it raises is for `attempt`


class Service(NamedTuple):
    """The function, as a source sees it."""

    # The one error boundary: what the call returns, or a FunctionError for whatever it raised.
    attempt: Callable[[Callable[[], Any]], Any]
    # Makes a request and predicts, inside that boundary.
    answer: Callable[[Callable[[], Request]], Result]
    settings: Settings
    request_id: str
    tensors: Tensors | None = None  # None: the model takes pictures
