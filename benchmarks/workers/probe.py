"""The handler's handler: notes when what of a start is done, then hands every event on.

The runtime client is told to serve `probe.lambda_handler`, and `PROBE_HANDLER` names the real one. Each moment is spent
on exactly one step, the innermost that is open, so that the steps add up to the whole. What the notes cost themselves
is a pair of clock readings for each module that is loaded; the benchmark measures that too.
"""

from time import monotonic

BEGAN = monotonic()

import importlib  # noqa: E402
import importlib._bootstrap as _machinery  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from _thread import get_ident  # noqa: E402
from collections.abc import Callable  # noqa: E402
from functools import wraps  # noqa: E402
from typing import Any  # noqa: E402

OWN = "own code"  # of the handler's package, and what it loads of the standard library
PACKAGES = {  # first part of a module's name -> the step that its import counts to; others count to who asked
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
CALLS = {  # module -> what is called in it, and the step that the call counts to
    "onnxruntime.capi.onnxruntime_inference_collection": {
        "InferenceSession.__init__": "session",
        "Session.run": "network",
    },
    "function.settings": {"Settings.from_env": "settings"},
    "boto3": {"client": "boto3"},
    "ultralytics.engine.model": {"Model.__init__": "session"},
    "ultralytics.nn.autobackend": {"AutoBackend.__init__": "session", "AutoBackend.forward": "network"},
}
MARK = "PROBE "  # begins the line that is written after each event


class Clock:
    """Seconds by step; only the thread that made it counts."""

    def __init__(self, base: str, now: float) -> None:
        self.spent: dict[str, float] = {}
        self._open = [base]
        self._since = now
        self._thread = get_ident()

    def counts_here(self) -> bool:
        """Whether this is the thread whose time is told."""
        return get_ident() == self._thread

    def enter(self, step: str) -> None:
        """What follows counts to `step`."""
        self._turn()
        self._open.append(step)

    def leave(self) -> None:
        """What follows counts to the step before."""
        self._turn()
        self._open.pop()

    def take(self) -> tuple[dict[str, float], float]:
        """What was spent since the last time, and now."""
        self._turn()
        spent, self.spent = self.spent, {}
        return spent, self._since

    def _turn(self) -> None:
        now, step = monotonic(), self._open[-1]
        self.spent[step] = self.spent.get(step, 0.0) + now - self._since
        self._since = now


MACHINERY: Any = _machinery  # private, and without types; the same from Python 3.11 to 3.14
CLOCK = Clock(OWN, BEGAN)


def counted(call: Callable[..., Any], step: str) -> Callable[..., Any]:
    """The call, its time counted to a step."""

    @wraps(call)
    def timed(*arguments: Any, **named: Any) -> Any:
        if not CLOCK.counts_here():
            return call(*arguments, **named)
        CLOCK.enter(step)
        try:
            return call(*arguments, **named)
        finally:
            CLOCK.leave()

    return timed


def _watch_imports() -> None:
    """Every module that is really loaded goes through this function of the import system, and no other does."""
    load = MACHINERY._find_and_load

    def timed(name: str, import_: Any) -> Any:
        step = PACKAGES.get(name.partition(".")[0])
        if step and CLOCK.counts_here():
            CLOCK.enter(step)
            try:
                module = load(name, import_)
            finally:
                CLOCK.leave()
        else:
            module = load(name, import_)
        if name in CALLS:
            for path, call_step in CALLS.pop(name).items():
                _count_calls(sys.modules[name], path, call_step)
        return module

    MACHINERY._find_and_load = timed


def _count_calls(module: Any, path: str, step: str) -> None:
    *owners, name = path.split(".")
    for owner in owners:
        module = getattr(module, owner)
    call = module.__dict__[name]
    bound = isinstance(call, classmethod)
    timed = counted(call.__func__ if bound else call, step)
    setattr(module, name, classmethod(timed) if bound else timed)


def _peak_bytes() -> int:
    with open("/proc/self/status", "rb") as status:  # noqa: PTH123  (pathlib may not be loaded)
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(b"VmHWM:"))


sys.path.remove(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  (each import would look there too)
_watch_imports()
_module, _, _name = os.environ["PROBE_HANDLER"].rpartition(".")
HANDLER = getattr(importlib.import_module(_module), _name)
INIT, LOADED = CLOCK.take()
STARTED = sys.modules["__main__"].STARTED  # of the bootstrap


def lambda_handler(event: Any, context: Any) -> Any:
    """The real handler's answer; a line about the time goes to the log."""
    _, called = CLOCK.take()
    answer = HANDLER(event, context)
    spent, answered = CLOCK.take()
    import json

    told = {
        "started": STARTED, "began": BEGAN, "init": INIT, "loaded": LOADED,
        "called": called, "call": spent, "answered": answered,
        "peak_bytes": _peak_bytes(), "unmet": sorted(CALLS),
    }  # fmt: skip
    sys.stdout.write(f"{MARK}{json.dumps(told)}\n")
    sys.stdout.flush()
    return answer
