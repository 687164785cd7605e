"""What a source is given to answer with; it knows no event."""

from collections.abc import Callable
from typing import NamedTuple

from function.request import Request
from function.response import Result
from function.settings import Settings


class Service(NamedTuple):
    """The function, as a source sees it."""

    # Makes the request and answers it. The one error boundary: whatever goes wrong in either is the result.
    answer: Callable[[Callable[[], Request]], Result]
    settings: Settings
    request_id: str
