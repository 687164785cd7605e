"""The function in a process without a runtime client: `serve.py TASK_ROOT LAYER_PYTHON`.

It reads one event from each line of the input, and writes one line for each: status, milliseconds by step as the
function reports them, and bytes of memory before and after. The line `{"reset_peak": true}` resets the peak instead.
"""

import json
import sys
from time import perf_counter
from typing import Any

sys.path[:0] = sys.argv[1:3]

from function.handler import lambda_handler  # noqa: E402  (needs the path of the line above)


class Context:
    """Context object of an invocation, as the runtime passes it."""

    aws_request_id = "benchmark"
    function_name = "benchmark"


def memory() -> dict[str, int]:
    """Return the current and the peak resident size, bytes."""
    names = {b"VmRSS:": "resident", b"VmHWM:": "peak"}
    with open("/proc/self/status", "rb") as status:  # noqa: PTH123  (pathlib would add to the memory)
        fields = [line.split() for line in status]
    return {names[field[0]]: int(field[1]) * 1024 for field in fields if field and field[0] in names}


def measure(event: Any) -> dict[str, Any]:
    """Invoke the handler and return the measurements."""
    before = memory()
    began = perf_counter()
    response = lambda_handler(event, Context())
    elapsed = perf_counter() - began
    body = json.loads(response["body"])
    return {
        "status": response["statusCode"], "ms": 1000 * elapsed, "timing_ms": body.get("timing_ms"),
        "count": body.get("detection_count"), "error": body.get("error"), "before": before, "after": memory(),
    }  # fmt: skip


def main() -> None:
    """Process lines until the input ends."""
    sys.stdout.write(json.dumps({"after": memory()}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        event = json.loads(line)
        if event.get("reset_peak"):
            with open("/proc/self/clear_refs", "w") as peak:  # noqa: PTH123  (5 resets the peak; proc(5))
                peak.write("5")
            measured = {"after": memory()}
        else:
            measured = measure(event)
        sys.stdout.write(json.dumps(measured) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
