"""What the probe wrote, made into the steps of a start: they add up to the time that was seen from outside."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmarks import NotMeasured
from benchmarks.workers.probe_names import MARK, NETWORK, OWN

# The steps in the order of the tables and of the picture. Packages of the handler come in between.
INTERPRETER, CLIENT = "interpreter", "runtime client"
PACKAGES = ("numpy", "pillow", "onnxruntime", "opencv", "torch", "ultralytics", "boto3")
FIRST_RUN, REST = "first run", "answer, rest"
INFERENCE = "answer, network"
STEPS = (
    INTERPRETER, CLIENT, *PACKAGES, OWN, "settings", "session", FIRST_RUN, INFERENCE, REST,
)  # fmt: skip
TOLERANCE_MS = 0.5  # by which a step may be below zero: two clocks are read in two processes


class Told(NamedTuple):
    """What the probe noted about an event; times are seconds of the machine's monotonic clock."""

    started: float  # the interpreter is up
    began: float  # the runtime client begins to load the handler
    loaded: float  # it has loaded it
    init: Mapping[str, float]  # seconds by step between these two
    called: float  # the handler has an event
    answered: float
    call: Mapping[str, float]  # seconds by step between these two
    peak_bytes: int  # largest resident size so far
    unmet: list[str]  # modules whose calls were to be counted and that were not loaded


def read(logs: str) -> Told:
    """The last line of the probe in what the function wrote.

    Raises:
        NotMeasured: there is none.
    """
    lines = [line for line in logs.splitlines() if line.startswith(MARK)]
    if not lines:
        raise NotMeasured(f"the probe wrote nothing; the function's log is:\n{logs.strip() or '(empty)'}")
    told: dict[str, Any] = json.loads(lines[-1].removeprefix(MARK))
    return Told(**told)


def steps(told: Told, started_at: float, init_ms: float, invoke_ms: float) -> dict[str, float]:
    """Milliseconds by step of a start and its first answer; their sum is `init_ms + invoke_ms`.

    Args:
        told: by the probe about the first event.
        started_at: when the process was started, seconds of the monotonic clock.
        init_ms: from there to its asking for an event.
        invoke_ms: event handed over to answer received.

    Raises:
        NotMeasured: the probe's moments do not lie within those seen from outside.
    """
    found: dict[str, float] = {
        INTERPRETER: 1000 * (told.started - started_at),
        CLIENT: 1000 * (told.began - told.started),
    }
    for step, seconds in told.init.items():
        _add(found, FIRST_RUN if step == NETWORK else step, 1000 * seconds)
    _add(found, CLIENT, init_ms - 1000 * (told.loaded - started_at))  # its way from the handler to the event
    for step, seconds in told.call.items():
        _add(found, {NETWORK: INFERENCE, OWN: REST}.get(step, step), 1000 * seconds)
    _add(found, REST, invoke_ms - 1000 * (told.answered - told.called))  # the client's and the wire's
    _check(found, init_ms + invoke_ms)
    return {step: found[step] for step in STEPS if step in found}


def warm_steps(told: Told, timing_ms: Mapping[str, float] | None, invoke_ms: float) -> dict[str, float]:
    """Milliseconds by step of a warm answer; their sum is `invoke_ms`.

    Args:
        told: by the probe about the event.
        timing_ms: of the answer's body, where there is one.
        invoke_ms: event handed over to answer received.
    """
    network = 1000 * sum(seconds for step, seconds in told.call.items() if step == NETWORK)
    known = {"network": network}
    if timing_ms:
        around = {name: float(timing_ms[name]) for name in ("read", "preprocess", "postprocess")}
        known = {"read": around["read"], "preprocess": around["preprocess"], "network": network,
                 "postprocess": around["postprocess"]}  # fmt: skip
    return {**known, "rest": invoke_ms - sum(known.values())}


def _add(found: dict[str, float], step: str, milliseconds: float) -> None:
    found[step] = found.get(step, 0.0) + milliseconds


def _check(found: Mapping[str, float], whole_ms: float) -> None:
    unknown = found.keys() - set(STEPS)
    negative = {step: ms for step, ms in found.items() if ms < -TOLERANCE_MS}
    if unknown or negative or abs(sum(found.values()) - whole_ms) > TOLERANCE_MS:
        raise NotMeasured(f"the steps {dict(found)} do not make up the {whole_ms:.1f} ms that were seen from outside")
