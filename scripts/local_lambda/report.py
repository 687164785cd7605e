"""What the user reads: the times, what was found or the tensors, the errors; text in, text out."""

from __future__ import annotations

import json
from typing import Any

from scripts import result_table  # of scripts, which is on the path of whoever imports this package
from scripts.local_lambda.errors import InitFailed
from scripts.local_lambda.invocation import Invocation

LAMBDA_INIT_LIMIT = 10_000  # ms; docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment
MAX_SHOWN = 4000  # characters of a response that is shown as it is
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
    """One invocation: its time, then what was found, a response or an error."""
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
    if isinstance(body, dict):
        shown = _answer(body)
        if shown:
            return [f"  {line}" for line in (f"{response.get('statusCode')}  {shown[0]}", *shown[1:])]
    return _raw(repr(response) if isinstance(response, bytes) else json.dumps(response, indent=2, ensure_ascii=False))


def _answer(body: dict[str, Any]) -> list[str]:
    """Lines about what was found; empty where only the JSON says it."""
    table = result_table.lines(body)
    if table:
        return [table[0] + result_table.times(body), *table[1:]]
    outputs = body.get("outputs")
    if isinstance(outputs, list) and all(
        isinstance(one, dict) and isinstance(one.get("data"), list) for one in outputs
    ):
        return [str(body.get("model_name")), *map(_tensor, outputs)]
    return result_table.results(body, with_times=True)


def _raw(shown: str) -> list[str]:
    if len(shown) > MAX_SHOWN:
        shown = f"{shown[:MAX_SHOWN]} ... ({len(shown):,} characters)"
    return [f"  {line}" for line in shown.splitlines()]


def _tensor(one: dict[str, Any]) -> str:
    data = one["data"]
    more = f", ... ({len(data):,} values)" if len(data) > MAX_VALUES else ""
    values = ", ".join(json.dumps(value, ensure_ascii=False) for value in data[:MAX_VALUES])
    return f"{one['name']}  {one['datatype']} {one['shape']}  {values}{more}"
