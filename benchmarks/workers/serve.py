"""The function in a process without a runtime client: `serve.py TASK_ROOT LAYER_PYTHON`, an event on each line.

Answers a line to each: the status, milliseconds by step as the function says, and bytes of memory before and after.
`{"forget_peak": true}` in an event's place starts the peak anew.
"""

import json
import sys
from time import perf_counter
from typing import Any

sys.path[:0] = sys.argv[1:3]

from function.handler import lambda_handler  # noqa: E402  (found by the line above)


class Context:
    """What the runtime would hand over with an event."""

    aws_request_id = "benchmark"
    function_name = "benchmark"


def memory() -> dict[str, int]:
    """Resident bytes now, and the largest since the start or since the peak was forgotten."""
    names = {b"VmRSS:": "resident", b"VmHWM:": "peak"}
    with open("/proc/self/status", "rb") as status:  # noqa: PTH123  (pathlib may not be loaded)
        fields = [line.split() for line in status]
    return {names[field[0]]: int(field[1]) * 1024 for field in fields if field and field[0] in names}


def answer(event: Any) -> dict[str, Any]:
    """What one event cost."""
    before = memory()
    began = perf_counter()
    response = lambda_handler(event, Context())
    took = perf_counter() - began
    body = json.loads(response["body"])
    return {
        "status": response["statusCode"], "ms": 1000 * took, "timing_ms": body.get("timing_ms"),
        "count": body.get("detection_count"), "error": body.get("error"), "before": before, "after": memory(),
    }  # fmt: skip


def main() -> None:
    """Serve until the input ends."""
    sys.stdout.write(json.dumps({"after": memory()}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        event = json.loads(line)
        if event.get("forget_peak"):
            with open("/proc/self/clear_refs", "w") as peak:  # noqa: PTH123  (5: the peak; proc(5))
                peak.write("5")
            told = {"after": memory()}
        else:
            told = answer(event)
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
