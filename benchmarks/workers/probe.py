"""Wrapper around the handler that measures the steps of a start and of each call.

The runtime client loads `probe.lambda_handler`; the variable `PROBE_HANDLER` names the real handler. Each moment counts
to exactly one step, the innermost one that is open, so the steps add up to the total. The cost of the probe is two
readings of the clock for each imported module; the benchmark also measures the function without the probe.
"""

from time import monotonic

LOAD_STARTED = monotonic()

import importlib  # noqa: E402
import importlib._bootstrap as _import_system  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from _thread import get_ident  # noqa: E402
from collections.abc import Callable  # noqa: E402
from functools import wraps  # noqa: E402
from typing import Any  # noqa: E402

OWN = "own code"  # of the package `function`, with the modules of the standard library that it imports
PACKAGES = {  # top-level package -> the step of its imports; other imports count to the importing step
    "function": OWN,
    "numpy": "numpy",
    "PIL": "pillow",
    "onnxruntime": "onnxruntime",
    "boto3": "boto3",
    "botocore": "boto3",
    "cv2": "opencv",
    "torch": "torch",
    "torchvision": "torch",
    "ultralytics": "ultralytics",
}
CALLS = {  # module -> its measured functions, each with its step
    "onnxruntime.capi.onnxruntime_inference_collection": {
        "InferenceSession.__init__": "session",
        "Session.run": "network",
    },
    "function.settings": {"Settings.from_env": "settings"},
    "boto3": {"client": "boto3"},
    "ultralytics.engine.model": {"Model.__init__": "session"},
    "ultralytics.nn.autobackend": {"AutoBackend.__init__": "session", "AutoBackend.forward": "network"},
}
MARK = "PROBE "  # beginning of the log line after each event


class Clock:
    """Clock with seconds by step; it counts only in the thread that created it."""

    def __init__(self, base: str, now: float) -> None:
        self.spent: dict[str, float] = {}
        self._open_steps = [base]
        self._last = now
        self._thread = get_ident()

    def is_own_thread(self) -> bool:
        """Return whether the caller runs in the thread of the clock."""
        return get_ident() == self._thread

    def enter(self, step: str) -> None:
        """Count the time from now on to `step`."""
        self._update()
        self._open_steps.append(step)

    def leave(self) -> None:
        """Count the time from now on to the previous step."""
        self._update()
        self._open_steps.pop()

    def take(self) -> tuple[dict[str, float], float]:
        """Return the seconds by step since the last call, and the current time."""
        self._update()
        spent, self.spent = self.spent, {}
        return spent, self._last

    def _update(self) -> None:
        now, step = monotonic(), self._open_steps[-1]
        self.spent[step] = self.spent.get(step, 0.0) + now - self._last
        self._last = now


IMPORT_SYSTEM: Any = _import_system  # private and without types; the same from Python 3.11 to 3.14
CLOCK = Clock(OWN, LOAD_STARTED)


def timed(call: Callable[..., Any], step: str) -> Callable[..., Any]:
    """Return a wrapper of `call` that counts its time to a step."""

    @wraps(call)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        if not CLOCK.is_own_thread():
            return call(*arguments, **named)
        CLOCK.enter(step)
        try:
            return call(*arguments, **named)
        finally:
            CLOCK.leave()

    return wrapper


def _time_imports() -> None:
    """Wrap the function of the import system that is called once for each module that is not loaded yet."""
    load = IMPORT_SYSTEM._find_and_load

    def timed_load(name: str, import_: Any) -> Any:
        step = PACKAGES.get(name.partition(".")[0])
        if step and CLOCK.is_own_thread():
            CLOCK.enter(step)
            try:
                module = load(name, import_)
            finally:
                CLOCK.leave()
        else:
            module = load(name, import_)
        if name in CALLS:
            for path, call_step in CALLS.pop(name).items():
                _time_calls(sys.modules[name], path, call_step)
        return module

    IMPORT_SYSTEM._find_and_load = timed_load


def _time_calls(module: Any, path: str, step: str) -> None:
    *owners, name = path.split(".")
    for owner in owners:
        module = getattr(module, owner)
    call = module.__dict__[name]
    bound = isinstance(call, classmethod)
    wrapper = timed(call.__func__ if bound else call, step)
    setattr(module, name, classmethod(wrapper) if bound else wrapper)


def _peak_bytes() -> int:
    with open("/proc/self/status", "rb") as status:  # noqa: PTH123  (loading pathlib would count)
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(b"VmHWM:"))


sys.path.remove(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  (else each import searches it)
_time_imports()
_module, _, _name = os.environ["PROBE_HANDLER"].rpartition(".")
HANDLER = getattr(importlib.import_module(_module), _name)
INIT_SECONDS, LOAD_FINISHED = CLOCK.take()
INTERPRETER_READY = sys.modules["__main__"].STARTED  # set by the bootstrap


def lambda_handler(event: Any, context: Any) -> Any:
    """Call the real handler, write a line with the times to the log, and return the response."""
    _, call_started = CLOCK.take()
    response = HANDLER(event, context)
    call_seconds, call_finished = CLOCK.take()
    import json

    record = {
        "interpreter_ready": INTERPRETER_READY, "load_started": LOAD_STARTED, "load_finished": LOAD_FINISHED,
        "init_seconds": INIT_SECONDS, "call_started": call_started, "call_finished": call_finished,
        "call_seconds": call_seconds, "peak_bytes": _peak_bytes(), "not_loaded": sorted(CALLS),
    }  # fmt: skip
    sys.stdout.write(f"{MARK}{json.dumps(record)}\n")
    sys.stdout.flush()
    return response
