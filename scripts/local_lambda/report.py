"""What the user reads: the times, the boxes or tensors, the errors; text in, text out."""

from __future__ import annotations

import json
from typing import Any

from .errors import InitFailed
from .outcome import Invocation

LAMBDA_INIT_LIMIT = 10_000  # ms; docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment
MAX_SHOWN = 4000  # characters of a response that is not boxes
MAX_VALUES = 20  # of a tensor
LOG_TAIL = 20  # lines


def body_of(response: Any) -> Any:
    """The body of an HTTP-shaped response, decoded if it is JSON; None if there is none."""
    if not isinstance(response, dict) or not isinstance(response.get("body"), str):
        return None
    try:
        return json.loads(response["body"])
    except ValueError:
        return response["body"]


def succeeded(invocation: Invocation, wants_2xx: bool) -> bool:
    """Whether it answered, with a 2xx status where that is wanted."""
    if invocation.error:
        return False
    status = invocation.response.get("statusCode") if isinstance(invocation.response, dict) else None
    return not wants_2xx or (isinstance(status, int) and 200 <= status < 300)


def start(python: str, isolation: str, init_ms: float) -> str:
    """The first lines: what runs where, and how long it took to come up."""
    late = f"   over Lambda's {LAMBDA_INIT_LIMIT // 1000} s" if init_ms > LAMBDA_INIT_LIMIT else ""
    return f"Python     {python}\nisolation  {isolation}\ninit       {init_ms:9.1f} ms{late}\n"


def restore(restore_ms: float) -> str:
    """How long the function's own hooks take after a snapshot woke up; Lambda's loading of it is not in that."""
    return f"restore    {restore_ms:9.1f} ms   without the loading of the snapshot\n"


def invocation(name: str, done: Invocation) -> str:
    """One invocation: its time, then boxes, a response or an error."""
    again = f"   after a new start of {done.init_ms:.1f} ms" if done.init_ms is not None else ""
    lines = [f"invoke     {done.invoke_ms:9.1f} ms   {name}{again}"]
    if done.error:
        lines += [f"  function error {done.error.get('errorType')}: {done.error.get('errorMessage')}"]
        lines += [f"  {line}" for entry in done.error.get("stackTrace") or [] for line in entry.splitlines()]
    else:
        lines += _response(done.response)
    return "\n".join(lines) + "\n"


def memory(peak: int, size: int) -> str:
    """The last line: the largest resident size against the function's memory."""
    used = peak / 2**20
    over = "   more than that: Lambda would have ended it" if used > size else ""
    return f"memory     {used:9.1f} MB   of {size} MB{over}\n"


def init_failure(error: InitFailed, log_was_shown: bool) -> str:
    """Why the function did not start, with the end of what it wrote unless the user has seen that."""
    lines = [f"the function did not start: {error}"]
    tail = [] if log_was_shown else error.logs.splitlines()[-LOG_TAIL:]
    if tail:
        lines += ["the end of its log:", *(f"  | {line}" for line in tail)]
    return "\n".join(lines) + "\n"


def _response(response: Any) -> list[str]:
    body = body_of(response)
    if isinstance(body, dict) and isinstance(body.get("detections"), list):
        return _boxes(response, body)
    if isinstance(body, dict) and isinstance(body.get("outputs"), list):
        return _tensors(response, body)
    shown = repr(response) if isinstance(response, bytes) else json.dumps(response, indent=2, ensure_ascii=False)
    if len(shown) > MAX_SHOWN:
        shown = f"{shown[:MAX_SHOWN]} ... ({len(shown):,} characters)"
    return [f"  {line}" for line in shown.splitlines()]


def _tensors(response: dict[str, Any], body: dict[str, Any]) -> list[str]:
    lines = [f"  {response.get('statusCode')}  {body.get('model_name')}"]
    for one in body["outputs"]:
        data = one["data"]
        more = f", ... ({len(data):,} values)" if len(data) > MAX_VALUES else ""
        values = ", ".join(json.dumps(value, ensure_ascii=False) for value in data[:MAX_VALUES])
        lines.append(f"  {one['name']}  {one['datatype']} {one['shape']}  {values}{more}")
    return lines


def _boxes(response: dict[str, Any], body: dict[str, Any]) -> list[str]:
    found = body["detections"]
    size = body.get("image_dimensions", {})
    times = "  ".join(f"{name} {value:.1f}" for name, value in body.get("timing_ms", {}).items())
    lines = [
        f"  {response.get('statusCode')}  {size.get('width')} x {size.get('height')}  {len(found)} "
        f"{'box' if len(found) == 1 else 'boxes'}" + (f"  ({times} ms)" if times else "")
    ]
    if not found:
        return lines
    width = max(5, *(len(str(one["class_name"])) for one in found))
    lines.append(f"  {'class':{width}}  confidence     x_min     y_min     x_max     y_max")
    for one in found:
        edges = "".join(f"{one['box_2d'][edge]:10.2f}" for edge in ("x_min", "y_min", "x_max", "y_max"))
        lines.append(f"  {one['class_name']:{width}}  {one['confidence']:10.4f}{edges}")
    return lines
