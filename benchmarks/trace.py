"""Steps of a start, computed from the record of the probe; they add up to the time that the caller measures."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmarks import NotMeasured
from benchmarks.workers.probe_names import MARK, NETWORK, OWN

# The steps in the order of the tables and of the chart.
INTERPRETER, CLIENT = "interpreter", "runtime client"
PACKAGES = ("numpy", "pillow", "onnxruntime", "opencv", "torch", "ultralytics", "boto3")
FIRST_RUN, REST = "first run", "response, rest"
INFERENCE = "response, network"
STEPS = (
    INTERPRETER, CLIENT, *PACKAGES, OWN, "settings", "session", FIRST_RUN, INFERENCE, REST,
)  # fmt: skip
TOLERANCE_MS = 0.5  # a step may be negative by this much: two processes read two clocks


class ProbeRecord(NamedTuple):
    """Record of the probe about one event; times are seconds of the machine's monotonic clock.

    Attributes:
        interpreter_ready: the interpreter runs the bootstrap.
        load_started: the runtime client begins to load the handler.
        load_finished: the handler is loaded.
        init_seconds: seconds by step between `load_started` and `load_finished`.
        call_started: the handler receives the event.
        call_finished: the handler returns.
        call_seconds: seconds by step between `call_started` and `call_finished`.
        peak_bytes: peak resident size of the process until now.
        not_loaded: modules whose calls the probe was to count and that were not loaded.
    """

    interpreter_ready: float
    load_started: float
    load_finished: float
    init_seconds: Mapping[str, float]
    call_started: float
    call_finished: float
    call_seconds: Mapping[str, float]
    peak_bytes: int
    not_loaded: list[str]


def read(logs: str) -> ProbeRecord:
    """Parse the last line of the probe in the log of the function.

    Raises:
        NotMeasured: the log has no such line.
    """
    lines = [line for line in logs.splitlines() if line.startswith(MARK)]
    if not lines:
        raise NotMeasured(f"the probe wrote nothing; the log of the function is:\n{logs.strip() or '(empty)'}")
    fields: dict[str, Any] = json.loads(lines[-1].removeprefix(MARK))
    return ProbeRecord(**fields)


def steps(record: ProbeRecord, started_at: float, init_ms: float, invoke_ms: float) -> dict[str, float]:
    """Return milliseconds by step of a start and its first response; their sum is `init_ms + invoke_ms`.

    Args:
        record: of the probe, about the first event.
        started_at: start of the process, seconds of the monotonic clock.
        init_ms: from the start of the process until it requests an event.
        invoke_ms: from sending the event until the response is received.

    Raises:
        NotMeasured: the times of the probe do not fit into these times.
    """
    by_step: dict[str, float] = {
        INTERPRETER: 1000 * (record.interpreter_ready - started_at),
        CLIENT: 1000 * (record.load_started - record.interpreter_ready),
    }
    for step, seconds in record.init_seconds.items():
        _add(by_step, FIRST_RUN if step == NETWORK else step, 1000 * seconds)
    # The runtime client between the loaded handler and the request for an event:
    _add(by_step, CLIENT, init_ms - 1000 * (record.load_finished - started_at))
    for step, seconds in record.call_seconds.items():
        _add(by_step, {NETWORK: INFERENCE, OWN: REST}.get(step, step), 1000 * seconds)
    # The runtime client and the connection:
    _add(by_step, REST, invoke_ms - 1000 * (record.call_finished - record.call_started))
    _check(by_step, init_ms + invoke_ms)
    return {step: by_step[step] for step in STEPS if step in by_step}


def warm_steps(record: ProbeRecord, timing_ms: Mapping[str, float] | None, invoke_ms: float) -> dict[str, float]:
    """Return milliseconds by step of a warm response; their sum is `invoke_ms`.

    Args:
        record: of the probe, about the event.
        timing_ms: of the response body; None if it has none.
        invoke_ms: from sending the event until the response is received.
    """
    network = 1000 * sum(seconds for step, seconds in record.call_seconds.items() if step == NETWORK)
    if timing_ms:
        by_step = {
            "read": float(timing_ms["read"]),
            "preprocess": float(timing_ms["preprocess"]),
            "network": network,
            "postprocess": float(timing_ms["postprocess"]),
        }
    else:
        by_step = {"network": network}
    return {**by_step, "rest": invoke_ms - sum(by_step.values())}


def _add(by_step: dict[str, float], step: str, milliseconds: float) -> None:
    by_step[step] = by_step.get(step, 0.0) + milliseconds


def _check(by_step: Mapping[str, float], total_ms: float) -> None:
    unknown = by_step.keys() - set(STEPS)
    negative = {step: ms for step, ms in by_step.items() if ms < -TOLERANCE_MS}
    if unknown or negative or abs(sum(by_step.values()) - total_ms) > TOLERANCE_MS:
        raise NotMeasured(f"the steps must add up to the {total_ms:.1f} ms measured by the caller, got {dict(by_step)}")
