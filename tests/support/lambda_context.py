"""Context of an invocation as the Python runtime of Lambda gives it to the handler.

handler.lambda_handler(event, LambdaContext(seconds=3))
Service(model, settings, "id-1", LambdaContext(seconds=3).get_remaining_time_in_millis)
"""

import time


class LambdaContext:
    """Attributes of the context that the function reads; the time-out begins when the object is made."""

    def __init__(self, seconds: float = 30, request_id: str = "request-1", function_name: str = "yolo") -> None:
        self.aws_request_id = request_id
        self.function_name = function_name
        self.memory_limit_in_mb = "1024"
        self._timeout_at = time.monotonic() + seconds

    @property
    def seconds_left(self) -> float:
        """Seconds to the time-out; below 0, Lambda would have killed the environment."""
        return self._timeout_at - time.monotonic()

    def get_remaining_time_in_millis(self) -> int:
        """Return the time to the time-out, at least 0; Source: awslambdaric 4.2.2, lambda_context.py."""
        return max(int(1000 * self.seconds_left), 0)
