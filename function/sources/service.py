"""What a source is given to answer with; it knows no event."""

from collections.abc import Callable
from typing import Any, NamedTuple

from function.inference import Inference
from function.request import Request
from function.response import Result
from function.settings import Settings
from function.signature import Signature


class Tensors(NamedTuple):
    """A model that takes tensors."""

    signature: Signature
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
