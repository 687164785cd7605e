"""Report of invocations as text: times, detections or tensors, errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts import result_table
from scripts.local_lambda.errors import InitFailed
from scripts.local_lambda.invocation import Invocation

LAMBDA_INIT_LIMIT = 10_000  # ms; docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment
MAX_CHARACTERS = 4000  # of a response that is printed as JSON
MAX_VALUES = 20  # printed values of a tensor
LOG_TAIL = 20  # printed lines of the log after a failed init
MODEL_FILES = ("MODEL_PATH", "READ_MODEL_PATH")  # variables that may name a file


def body_of(response: Any) -> Any:
    """Return the body of an HTTP response, decoded if it is JSON; None if there is no body."""
    if not isinstance(response, dict) or not isinstance(response.get("body"), str):
        return None
    try:
        return json.loads(response["body"])
    except ValueError:
        return response["body"]


def succeeded(invocation: Invocation, requires_2xx: bool) -> bool:
    """Return whether the invocation has no error and, if required, a 2xx status code."""
    if invocation.error:
        return False
    status = invocation.response.get("statusCode") if isinstance(invocation.response, dict) else None
    return not requires_2xx or (isinstance(status, int) and 200 <= status < 300)


def start(python: str, isolation: str, init_ms: float) -> str:
    """Return the first lines: version, isolation and init time."""
    late = f"   exceeds Lambda's limit of {LAMBDA_INIT_LIMIT // 1000} s" if init_ms > LAMBDA_INIT_LIMIT else ""
    return f"Python     {python}\nisolation  {isolation}\ninit       {init_ms:9.1f} ms{late}\n"


def restore(restore_ms: float) -> str:
    """Return the line with the time of the restore hooks; Lambda's time to load the snapshot is not included."""
    return f"restore    {restore_ms:9.1f} ms   without loading the snapshot\n"


def invocation(name: str, done: Invocation) -> str:
    """Return the lines of an invocation: its time, then the detections, the response or the error."""
    init = f"   after a new init of {done.init_ms:.1f} ms" if done.init_ms is not None else ""
    lines = [f"invoke     {done.invoke_ms:9.1f} ms   {name}{init}"]
    if done.error:
        lines += [f"  function error {done.error.get('errorType')}: {done.error.get('errorMessage')}"]
        lines += [f"  {line}" for entry in done.error.get("stackTrace") or [] for line in entry.splitlines()]
    else:
        lines += _response(done.response)
    return "\n".join(lines) + "\n"


def memory(peak: int, size: int) -> str:
    """Return the last line: peak resident memory and memory size of the function, in bytes and in MB."""
    used = peak / 2**20
    over = "   exceeds the memory size: Lambda would end the function" if used > size else ""
    return f"memory     {used:9.1f} MB   of {size} MB{over}\n"


def init_failure(error: InitFailed, log_was_shown: bool) -> str:
    """Return the lines of a failed init, with the end of the log unless the log was printed already."""
    lines = [f"the function did not start: {error}"]
    tail = [] if log_was_shown else error.logs.splitlines()[-LOG_TAIL:]
    if tail:
        lines += ["last lines of its log:", *(f"  | {line}" for line in tail)]
    return "\n".join(lines) + "\n"


def hidden_file(error: InitFailed, environ: Mapping[str, str]) -> str:
    """Return what to do if a model file is on this machine but not in the sandbox; empty for any other failed init."""
    for path in filter(None, map(environ.get, MODEL_FILES)):
        if f"no model file at {path} " in error.message and Path(path).is_absolute() and Path(path).is_file():
            return f"{path} is a file of this machine, which the sandbox hides: use --isolation plain"
    return ""


def _response(response: Any) -> list[str]:
    body = body_of(response)
    if isinstance(body, dict):
        lines = _body_lines(body)
        if lines:
            return [f"  {line}" for line in (f"{response.get('statusCode')}  {lines[0]}", *lines[1:])]
        error = result_table.error(response.get("statusCode"), body)
        if error:
            return [f"  {error}"]
    return _raw(repr(response) if isinstance(response, bytes) else json.dumps(response, indent=2, ensure_ascii=False))


def _body_lines(body: dict[str, Any]) -> list[str]:
    """Return the lines of detections, classes or tensors; empty for any other body."""
    table = result_table.lines(body)
    if table:
        return [table[0] + result_table.times(body), *table[1:]]
    outputs = body.get("outputs")
    if isinstance(outputs, list) and all(
        isinstance(output, dict) and isinstance(output.get("data"), list) for output in outputs
    ):
        return [str(body.get("model_name")), *map(_tensor, outputs)]
    return result_table.results(body, with_times=True)


def _raw(text: str) -> list[str]:
    if len(text) > MAX_CHARACTERS:
        text = f"{text[:MAX_CHARACTERS]} ... ({len(text):,} characters)"
    return [f"  {line}" for line in text.splitlines()]


def _tensor(output: dict[str, Any]) -> str:
    """Return name, datatype, shape and the first values of a tensor."""
    data = output["data"]
    more = f", ... ({len(data):,} values)" if len(data) > MAX_VALUES else ""
    values = ", ".join(json.dumps(value, ensure_ascii=False) for value in data[:MAX_VALUES])
    return f"{output['name']}  {output['datatype']} {output['shape']}  {values}{more}"
