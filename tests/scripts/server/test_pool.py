"""Environments of the pool: reuse, limit, replacement and end, with a function in place of the zips."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from scripts.local_lambda import other_system
from scripts.local_lambda.errors import InitFailed
from scripts.server.pool import Pool

LIMIT_S = 10


class Function:
    """Function that answers with the name of its folder; `wait` blocks until `stop`."""

    made: ClassVar[list["Function"]] = []

    def __init__(self, dist: Path, **settings: Any) -> None:
        self.dist, self.settings = dist, settings
        self.is_closed = False
        self.running, self.stopped = threading.Event(), threading.Event()
        Function.made.append(self)

    def start(self) -> None:
        if self.settings.get("fails"):
            raise InitFailed("Runtime.ExitError", "exit", [], "")

    def invoke(self, event: Any) -> Any:
        assert not self.is_closed
        if event == "wait":
            self.running.set()
            assert self.stopped.wait(LIMIT_S)
        return self.dist.name

    def stop(self) -> None:
        self.stopped.set()

    def close(self) -> None:
        assert not self.is_closed
        self.is_closed = True


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> list[Function]:
    Function.made = []
    monkeypatch.setattr(other_system, "open_function", Function)
    return Function.made


def test_free_environment_is_used_again(made: list[Function]) -> None:
    pool = Pool(Path("a"), 3, {"memory": 512})
    pool.start()
    assert [pool.invoke(1), pool.invoke(2)] == ["a", "a"]
    assert [function.settings for function in made] == [{"memory": 512}]


def test_requests_at_once_get_an_environment_each_up_to_the_limit(made: list[Function]) -> None:
    pool = Pool(Path("a"), 2, {})
    with ThreadPoolExecutor(3) as executor:
        first = executor.submit(pool.invoke, "wait")
        second = executor.submit(pool.invoke, "wait")
        while len(made) < 2:
            threading.Event().wait(0.01)
        assert all(function.running.wait(LIMIT_S) for function in made)
        third = executor.submit(pool.invoke, 3)
        assert not third.done()
        made[0].stop()
        assert third.result(LIMIT_S) == "a"
        made[1].stop()
        assert (first.result(LIMIT_S), second.result(LIMIT_S), len(made)) == ("a", "a", 2)


def test_replaced_zips_are_used_by_the_next_invocation(made: list[Function]) -> None:
    pool = Pool(Path("a"), 1, {})
    assert pool.invoke(1) == "a"
    pool.replace(Path("b"))
    assert pool.invoke(2) == "b"
    assert [function.is_closed for function in made] == [True, False]


def test_place_of_a_function_that_does_not_start_stays_free(made: list[Function]) -> None:
    pool = Pool(Path("a"), 1, {"fails": True})
    with pytest.raises(InitFailed):
        pool.start()
    assert pool.invoke(1) == "a"


def test_zips_that_cannot_be_opened_leave_a_free_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(dist: Path, **settings: Any) -> Function:
        raise InitFailed("Runtime.ExitError", "exit", [], "")

    pool = Pool(Path("a"), 1, {})
    assert pool.invoke(1) == "a"
    pool.replace(Path("b"))
    with monkeypatch.context() as patch, pytest.raises(InitFailed):
        patch.setattr(other_system, "open_function", fail)
        pool.invoke(2)
    assert pool.invoke(3) == "b"


def test_close_ends_running_invocations_and_all_environments(made: list[Function]) -> None:
    pool = Pool(Path("a"), 2, {})
    with ThreadPoolExecutor(1) as executor:
        running = executor.submit(pool.invoke, "wait")
        while not made:
            threading.Event().wait(0.01)
        assert made[0].running.wait(LIMIT_S)
        pool.close()
        assert running.result(LIMIT_S) == "a"
    assert [function.is_closed for function in made] == [True]
