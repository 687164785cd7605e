"""Calls that end at a time limit, in every part: a connection, a slow body, a wait, Python code, a run of the model.

In the main thread, which is where Lambda calls the handler, a timer of the system interrupts the call. No timeout of a
library does this: boto3 adds attempts and waits, and each byte of a slow body begins the time between two reads again.
Other threads cannot be interrupted: there a call that waits goes on in a thread of its own, whose result is dropped.

Two parts are not interrupted: a single call of C code, such as the decoding of a whole AVIF, and the system's
resolution of a host name (`fetch` waits for it in a thread).
"""

import threading
from collections.abc import Callable
from time import monotonic
from types import FrameType
from typing import Any, TypeVar, TypeVarTuple

MAX_PUT_OFF = 10  # signals in a row while a lock is taken or released
REPEAT_S = 0.02  # the timer fires again: Python drops an exception that is raised in a destructor
THREADING_FILE = threading.Condition.__enter__.__code__.co_filename
QUEUE_FILE = f"{THREADING_FILE.removesuffix('threading.py')}queue.py"

Value = TypeVar("Value")
Arguments = TypeVarTuple("Arguments")


class TimeLimitExceeded(Exception):
    """Call that did not end within its time limit."""


class _Interrupt(BaseException):
    """Interruption of a call: not an `Exception`, so that no code between takes it for a broken image or network."""


class _Timer:
    """State of the timer; a signal that is late finds it off and does nothing."""

    is_on = False
    put_off = 0  # signals


def wait(seconds: float, function: Callable[[*Arguments], Value], *arguments: *Arguments) -> Value:
    """Return the value of a call that mostly waits, such as a request to S3.

    Raises:
        TimeLimitExceeded: it did not end within the seconds.
    """
    if seconds <= 0:
        raise TimeLimitExceeded
    if _is_main_thread():
        return _interruptible(seconds, function, *arguments)
    return _in_thread(seconds, function, *arguments)


def compute(
    seconds: float, stop: Callable[[bool], None], function: Callable[[*Arguments], Value], *arguments: *Arguments
) -> Value:
    """Return the value of a call that computes; arguments and errors as for `run`, which ends only the model."""
    if seconds <= 0:
        raise TimeLimitExceeded
    if _is_main_thread():
        return run(seconds, stop, _interruptible, seconds, function, *arguments)
    return run(seconds, stop, function, *arguments)


def run(
    seconds: float, stop: Callable[[bool], None], function: Callable[[*Arguments], Value], *arguments: *Arguments
) -> Value:
    """Return the value of a call that runs the model; the model is stopped at the limit, other parts are not.

    Args:
        seconds: limit.
        stop: called with True to end a run of the model, and with False to allow the next one.
        function: the call.
        arguments: of the function.

    Raises:
        TimeLimitExceeded: it did not end within the seconds.
    """
    ends = monotonic() + seconds
    timer = threading.Timer(seconds, stop, (True,))
    timer.daemon = True
    timer.start()
    try:
        return function(*arguments)
    except Exception as error:
        if timer.finished.is_set() and monotonic() >= ends:  # the error of a run that was ended, in any disguise
            raise TimeLimitExceeded from error
        raise
    finally:
        timer.cancel()
        timer.join()  # a timer that fires now has ended before the next run begins
        stop(False)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _interruptible(seconds: float, function: Callable[[*Arguments], Value], *arguments: *Arguments) -> Value:
    try:
        try:
            _set_timer(seconds)
            return function(*arguments)
        finally:
            _clear_timer()  # may be interrupted itself, by a timer that has just fired
    except _Interrupt:
        _clear_timer()
        raise TimeLimitExceeded from None


def _set_timer(seconds: float) -> None:
    import signal  # imported here, as below: it takes 1 ms, and the first image of a start is not interrupted

    if signal.getsignal(signal.SIGALRM) is not _interrupt:
        signal.signal(signal.SIGALRM, _interrupt)
    _Timer.is_on, _Timer.put_off = True, 0
    signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT_S)


def _clear_timer() -> None:
    import signal

    _Timer.is_on = False  # first: a signal that comes now does nothing
    signal.setitimer(signal.ITIMER_REAL, 0)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """Interrupt the main thread, but not now if it imports, or takes or releases a lock; the next signal comes soon.

    Half of a module would stay behind, or a lock that is held for ever, such as that of a pool of connections.
    """
    if not _Timer.is_on or _imports(frame):
        return
    if _Timer.put_off < MAX_PUT_OFF and _locks(frame):
        _Timer.put_off += 1
        return
    raise _Interrupt


def _imports(frame: FrameType | None) -> bool:
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _locks(frame: FrameType | None) -> bool:
    """Return whether Python code of the standard library takes or releases a lock, where no `with` holds it yet."""
    while frame:
        code = frame.f_code
        if code.co_filename == QUEUE_FILE or (
            code.co_filename == THREADING_FILE and code.co_name in ("__enter__", "__exit__")
        ):
            return True
        frame = frame.f_back
    return False


def _in_thread(seconds: float, function: Callable[[*Arguments], Value], *arguments: *Arguments) -> Value:
    outcome: list[tuple[bool, Any]] = []  # whether it is a value, and the value or the exception

    def call() -> None:
        try:
            outcome.append((True, function(*arguments)))
        except Exception as error:  # noqa: BLE001  (raised below)
            outcome.append((False, error))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise TimeLimitExceeded
    ((is_value, value),) = outcome
    if not is_value:
        raise value
    returned: Value = value
    return returned
