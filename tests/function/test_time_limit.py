"""Calls that end at a time limit, in the main thread and in others."""

import contextlib
import gc
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from function import model, time_limit
from function.errors import UnsupportedImage
from function.time_limit import TimeLimitExceeded

LIMIT_S = 0.2
MARGIN_S = 0.5  # of a loaded machine


@pytest.fixture(autouse=True)
def no_collection() -> Iterator[None]:
    """Collect no garbage: hypothesis has a callback in it, in which the exception of a time limit would be lost."""
    gc.disable()
    yield
    gc.enable()


def never_stop(_: bool) -> None:
    """Stop no run: there is none."""


def spin() -> None:
    while True:
        sum(range(100))


def spin_and_hide_errors() -> None:
    while True:
        try:
            spin()
        except Exception as error:
            raise UnsupportedImage("broken image") from error


def wait_for_a_byte() -> None:
    first, second = socket.socketpair()
    with first, second:
        first.recv(1)


WAITS: dict[str, Callable[[], Any]] = {
    "sleep": lambda: time.sleep(60),
    "socket": wait_for_a_byte,
    "lock": lambda: threading.Event().wait(60),
    "thread": lambda: joined(threading.Thread(target=time.sleep, args=(5,), daemon=True)),
    "process": lambda: subprocess.run([sys.executable, "-c", "import time; time.sleep(5)"], check=False),
}


def joined(thread: threading.Thread) -> None:
    thread.start()
    thread.join()


def in_thread(function: Callable[[], Any]) -> Any:
    """Call a function in another thread and return its value or its exception."""
    outcome: list[Any] = []

    def call() -> None:
        try:
            outcome.append(function())
        except Exception as error:  # noqa: BLE001
            outcome.append(error)

    joined(threading.Thread(target=call))
    return outcome[0]


@pytest.mark.parametrize("name", WAITS)
def test_wait_ends_at_its_limit(name: str) -> None:
    began = time.monotonic()
    with pytest.raises(TimeLimitExceeded):
        time_limit.wait(LIMIT_S, WAITS[name])
    assert LIMIT_S <= time.monotonic() - began < LIMIT_S + MARGIN_S


def test_wait_in_another_thread_ends_at_its_limit() -> None:
    began = time.monotonic()
    assert isinstance(in_thread(lambda: time_limit.wait(LIMIT_S, time.sleep, 2)), TimeLimitExceeded)
    assert LIMIT_S <= time.monotonic() - began < LIMIT_S + MARGIN_S


@pytest.mark.parametrize("function", [spin, spin_and_hide_errors])
def test_computation_ends_at_its_limit_and_not_as_another_error(function: Callable[[], None]) -> None:
    began = time.monotonic()
    with pytest.raises(TimeLimitExceeded):
        time_limit.compute(LIMIT_S, never_stop, function)
    assert LIMIT_S <= time.monotonic() - began < LIMIT_S + MARGIN_S


CALLS = [
    lambda function, *arguments: time_limit.wait(5, function, *arguments),
    lambda function, *arguments: time_limit.compute(5, never_stop, function, *arguments),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("run", [lambda function: function(), in_thread])
def test_value_is_returned(call: Callable[..., Any], run: Callable[..., Any]) -> None:
    assert run(lambda: call(max, 2, 7)) == 7


@pytest.mark.parametrize("call", CALLS)
def test_error_is_raised_unchanged_in_every_thread(call: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        call(int, "x")
    assert isinstance(in_thread(lambda: call(int, "x")), ValueError)


@pytest.mark.parametrize("seconds", [0, -1])
def test_call_without_time_is_not_begun(seconds: float) -> None:
    with pytest.raises(TimeLimitExceeded):
        time_limit.wait(seconds, pytest.fail, "begun")
    with pytest.raises(TimeLimitExceeded):
        time_limit.compute(seconds, never_stop, pytest.fail, "begun")


def test_nothing_is_interrupted_after_the_call() -> None:
    for _ in range(200):
        time_limit.wait(60, int, "1")
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    signal.raise_signal(signal.SIGALRM)  # one that is late


def test_call_that_ends_at_the_same_moment_has_its_value_or_reaches_the_limit() -> None:
    for _ in range(100):
        try:
            assert time_limit.wait(0.002, time.sleep, 0.002) is None
        except TimeLimitExceeded:
            continue
    time.sleep(0.05)


def test_interruption_that_a_destructor_drops_is_repeated() -> None:
    class Slow:
        def __del__(self) -> None:
            with contextlib.suppress(BaseException):  # as Python does, with a report that pytest would count
                time.sleep(0.3)

    def drop() -> None:
        Slow()
        time.sleep(60)

    began = time.monotonic()
    with pytest.raises(TimeLimitExceeded):
        time_limit.wait(LIMIT_S, drop)
    assert time.monotonic() - began < LIMIT_S + MARGIN_S


def test_import_is_not_interrupted(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_import.py").write_text("import time\ntime.sleep(0.5)\nvalue = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def load() -> None:
        import slow_import  # type: ignore[import-not-found]

        assert slow_import.value == 1
        time.sleep(60)

    began = time.monotonic()
    with pytest.raises(TimeLimitExceeded):
        time_limit.wait(LIMIT_S, load)
    assert time.monotonic() - began >= 0.5
    assert sys.modules.pop("slow_import").value == 1


@pytest.fixture(scope="module")
def slow_session() -> ort.InferenceSession:
    """A model that runs for seconds: a chain of products of matrices."""
    size, length = 700, 400
    weights = onnx.numpy_helper.from_array(np.eye(size, dtype=np.float32), "w")
    nodes = [onnx.helper.make_node("MatMul", [f"x{n}", "w"], [f"x{n + 1}"]) for n in range(length)]
    values = [onnx.helper.make_tensor_value_info(f"x{n}", 1, [size, size]) for n in (0, length)]
    graph = onnx.helper.make_graph(nodes, "chain", values[:1], values[1:], [weights])
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("watch", [time_limit.compute, time_limit.run])
@pytest.mark.parametrize("run", [lambda function: function(), in_thread])
def test_run_of_a_model_ends_at_its_limit_and_the_next_one_runs(
    run: Callable[..., Any], watch: Callable[..., Any], slow_session: ort.InferenceSession
) -> None:
    feeds = {"x0": np.zeros((700, 700), np.float32)}
    arguments = (slow_session.run, None, feeds, model.RUN_OPTIONS)

    def limited() -> Any:
        try:
            return watch(LIMIT_S, model.stop_run, *arguments)
        except TimeLimitExceeded as error:
            return error

    began = time.monotonic()
    assert isinstance(run(limited), TimeLimitExceeded)
    assert LIMIT_S <= time.monotonic() - began < LIMIT_S + MARGIN_S
    assert len(watch(60, model.stop_run, *arguments)) == 1


class InterruptedLock:
    """A lock whose owner is interrupted when it has just taken it, or is about to release it."""

    def __init__(self, on_exit: bool) -> None:
        self.lock, self.on_exit = threading.Lock(), on_exit
        self.acquire, self.release = self.lock.acquire, self.lock.release

    def __enter__(self) -> None:
        self.lock.acquire()
        if not self.on_exit:
            signal.raise_signal(signal.SIGALRM)

    def __exit__(self, *_: object) -> None:
        if self.on_exit:
            signal.raise_signal(signal.SIGALRM)
        self.lock.release()


def enter(condition: threading.Condition) -> None:
    with condition:
        pass


@pytest.mark.parametrize("on_exit", [False, True])
def test_lock_of_a_condition_does_not_stay_held(on_exit: bool) -> None:
    lock = InterruptedLock(on_exit)
    with contextlib.suppress(TimeLimitExceeded):
        time_limit.wait(5, enter, threading.Condition(lock))  # type: ignore[arg-type]
    assert not lock.lock.locked()


@pytest.mark.parametrize("function", [enter, queue.LifoQueue.get])
def test_wait_for_a_lock_that_stays_held_ends(function: Callable[[Any], Any]) -> None:
    lock = threading.Lock()
    waited_for = threading.Condition(lock) if function is enter else queue.LifoQueue()
    held = lock if function is enter else waited_for.mutex  # type: ignore[union-attr]
    began = time.monotonic()
    with held, pytest.raises(TimeLimitExceeded):
        time_limit.wait(LIMIT_S, function, waited_for)
    assert time.monotonic() - began < LIMIT_S + MARGIN_S


def test_signal_that_comes_while_the_timer_is_cleared_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    set_timer = signal.setitimer

    def clear(which: int, seconds: float, interval: float = 0.0) -> None:
        if not seconds:
            signal.raise_signal(signal.SIGALRM)
        set_timer(which, seconds, interval)

    monkeypatch.setattr(signal, "setitimer", clear)
    assert time_limit.wait(5, int, "1") == 1
