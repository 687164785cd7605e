"""The property that every fuzzed input must keep: a documented response or a documented error, within the limits."""

import io
import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

MAX_CPU_S = 5.0  # of one input
MAX_RSS_MB = 1024  # peak of the process during one input
MAX_LINE_CHARS = 200_000  # of the log; CloudWatch cuts longer ones
FRAMES = re.compile(r"Traceback \(most recent call last\)|File \\?\"[^\"]+\.py\\?\", line \d")
UNEXPECTED = "unexpected error"  # in the log line of an error that is not documented
STATUS, CLEAR_REFS, PRESENT_SIZE = Path("/proc/self/status"), Path("/proc/self/clear_refs"), "5"  # proc(5)

_reported_mb = 0.0  # a process that keeps too much memory is reported once for each 5 % more


class Violation(Exception):
    """Input that does not keep the property; the message has the details."""


class Log(logging.Handler):
    """Log records of the function during one call."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def check(
    call: Callable[[], Any],
    documented: Callable[[Any], None],
    raises: tuple[type[Exception], ...],
    is_injected: Callable[[BaseException], bool] = lambda _: False,
    prints_metrics: bool = True,
) -> None:
    """Run one input and raise Violation unless it keeps the property.

    Args:
        call: runs the function on the input.
        documented: raises Violation if a returned value does not have its documented form.
        raises: the documented errors that may leave the function.
        is_injected: returns whether an exception comes from a fake; it explains an unexpected error.
        prints_metrics: the call prints JSON and nothing else; False: a library prints too.
    """
    CLEAR_REFS.write_text(PRESENT_SIZE)  # the peak of an earlier input is not that of this one
    started = time.process_time()
    error: Exception | None = None
    value: Any = None
    with _captured() as (log, output):
        try:
            value = call()
        except raises as documented_error:
            error = documented_error
        except Exception as unexpected:  # noqa: BLE001  (any other error is a finding)
            if not _is_explained(unexpected, is_injected):
                raise Violation(f"undocumented error leaves the function\n{traceback.format_exc()}") from None
            error = unexpected
    _check_resources(time.process_time() - started)
    _check_log(log.records, is_injected)
    if prints_metrics:
        _check_output(output)
    if error is not None:
        _check_text(str(error))
        return
    _check_text(_sent(value))
    documented(value)


def require(condition: Any, problem: str, *values: Any) -> None:
    """Raise Violation if a condition is not met."""
    if not condition:
        raise Violation(" ".join([problem, *(f"{value!r:.2000}" for value in values)]))


def strict_json(text: str) -> Any:
    """Return the value of a JSON text; raise Violation for another text, also one with NaN or Infinity."""

    def refuse(constant: str) -> Any:
        raise Violation(f"JSON text contains {constant}")

    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError as error:
        raise Violation(f"text is not JSON: {error}: {text:.500}") from None


@contextmanager
def _captured() -> Iterator[tuple[Log, list[str]]]:
    """Collect the log records of the function and what it prints."""
    logger, log, printed = logging.getLogger("function"), Log(), io.StringIO()
    output: list[str] = []
    level, propagates, stdout = logger.level, logger.propagate, sys.stdout
    logger.addHandler(log)
    if level != logging.INFO:  # a change of the level empties a cache of all loggers
        logger.setLevel(logging.INFO)
    logger.propagate = False
    sys.stdout = printed
    try:
        yield log, output
    finally:
        sys.stdout = stdout
        logger.removeHandler(log)
        if level != logging.INFO:
            logger.setLevel(level)
        logger.propagate = propagates
        output += printed.getvalue().splitlines()


def _sent(value: Any) -> str:
    """Return the text that the runtime sends for a response."""
    try:
        text, _ = LambdaMarshaller().marshal_response(value)
        text.encode()
    except Exception as error:  # noqa: BLE001  (of any encoder)
        raise Violation(f"the runtime cannot send the response: {error!r}: {value!r:.500}") from None
    strict_json(text)
    return str(text)


def _check_text(text: str) -> None:
    """Check a text that a caller may read."""
    require(not FRAMES.search(text), "a response contains a traceback:", text)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Violation(f"a text cannot be sent as UTF-8: {text!a:.500}") from None


def _check_log(records: list[logging.LogRecord], is_injected: Callable[[BaseException], bool]) -> None:
    """Check that no line is forged by a name from outside, and that no undocumented error became a response."""
    for record in records:
        message = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            problem = record.exc_info[1]
            if UNEXPECTED in message and not _is_explained(problem, is_injected):
                raise Violation(f"{message}\n{''.join(traceback.format_exception(problem))}")
            continue
        require(all(letter.isprintable() for letter in message), "a log line has control characters:", message)
        require(len(message) <= MAX_LINE_CHARS, "a log line is too long:", len(message), message)


def _check_output(lines: list[str]) -> None:
    """Check that each printed line is a JSON object (metrics)."""
    for line in lines:
        require(isinstance(strict_json(line), dict), "a printed line must be a JSON object, got", line)


def _check_resources(seconds: float) -> None:
    global _reported_mb
    require(seconds <= MAX_CPU_S, f"{seconds:.1f} s of CPU time, at most {MAX_CPU_S:.0f} s are allowed")
    peak = peak_mb()
    if peak > max(MAX_RSS_MB, 1.05 * _reported_mb):
        _reported_mb = peak
        raise Violation(f"a peak of {peak:.0f} MB of memory, at most {MAX_RSS_MB} MB are allowed")


def peak_mb() -> float:
    """Return the highest resident size since it was last cleared, MB."""
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def _is_explained(error: BaseException | None, is_injected: Callable[[BaseException], bool]) -> bool:
    """Return whether an error was injected, or has such an error as its cause."""
    while error is not None:
        if is_injected(error):
            return True
        error = error.__cause__ or error.__context__
    return False
