"""Paths, payload templates, choices and retries of the Amazon States Language, as far as template.yaml uses them."""

import json
import re
from typing import Any

MAX_PAYLOAD = 256 * 1024  # bytes of the input and the output of a state
MERGE = re.compile(r"States\.JsonMerge\((\S+), (\S+), false\)")
CALL_SECONDS = 1.0  # of a call


class UnknownDefinition(Exception):
    """The definition has a state, a field or a value that this interpreter does not know."""


class StateFailed(Exception):
    """Error of a state, such as States.Timeout, with the seconds that passed before it."""

    def __init__(self, error: str, cause: str = "", seconds: float = CALL_SECONDS) -> None:
        super().__init__(f"{error}: {cause}")
        self.error, self.cause, self.seconds = error, cause, seconds


def require(condition: bool, part: Any) -> None:
    if not condition:
        raise UnknownDefinition(json.dumps(part)[:300])


def choose(state: dict[str, Any], value: Any) -> str:
    for choice in state["Choices"]:
        require(set(choice) == {"Variable", "IsPresent", "Next"}, choice)
        try:
            at(choice["Variable"], value, {})
            is_present = True
        except StateFailed:
            is_present = False
        if is_present is choice["IsPresent"]:
            return str(choice["Next"])
    return str(state["Default"])


def filled(template: Any, value: Any, context: dict[str, Any]) -> Any:
    """Return a payload template with its paths and intrinsic functions replaced."""
    if not isinstance(template, dict):
        return template
    result: dict[str, Any] = {}
    for name, part in template.items():
        if not name.endswith(".$"):
            result[name] = filled(part, value, context)
        elif match := MERGE.fullmatch(part):
            left, right = (at(path, value, context) for path in match.groups())
            if not (isinstance(left, dict) and isinstance(right, dict)):
                raise StateFailed("States.IntrinsicFailure", part)
            result[name[:-2]] = left | right
        else:
            result[name[:-2]] = at(part, value, context)
    return result


def at(path: str, value: Any, context: dict[str, Any]) -> Any:
    """Return the value at a path: `$.name.name`, or `$$.name` in the context."""
    require(re.fullmatch(r"\$\$?(\.\w+)*", path) is not None, path)
    current = context if path.startswith("$$") else value
    for name in path.lstrip("$").split(".")[1:]:
        if not (isinstance(current, dict) and name in current):
            raise StateFailed("States.ParameterPathFailure", f"The JSONPath {path} could not be found in the input")
        current = current[name]
    return current


def number(value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise StateFailed("States.Runtime", f"must be between {least} and {most}, got {value!r}")
    return int(value)


def check_size(value: Any) -> None:
    if len(json.dumps(value, ensure_ascii=False).encode()) > MAX_PAYLOAD:
        raise StateFailed("States.DataLimitExceeded", "The state returned a result with a size exceeding 262144 bytes")


def wait(retry: list[dict[str, Any]], attempts: list[int], failed: StateFailed) -> float | None:
    """Return the longest wait before the next attempt; None if there is none."""
    for number, retrier in enumerate(retry):
        known = {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"}
        require(set(retrier) <= known and retrier["JitterStrategy"] == "FULL", retrier)
        names = retrier["ErrorEquals"]
        require(not {"States.ALL", "States.TaskFailed"} & set(names) and not any("*" in name for name in names), names)
        if failed.error not in names:
            continue
        if attempts[number] >= retrier["MaxAttempts"]:
            return None
        attempts[number] += 1
        seconds = retrier["IntervalSeconds"] * retrier.get("BackoffRate", 2.0) ** (attempts[number] - 1)
        return float(min(seconds, retrier.get("MaxDelaySeconds", seconds)))
    return None
