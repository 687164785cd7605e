"""Steps through the time of one run: work that is there, environments that Lambda starts, calls that they finish.

The model is a fluid: calls and environments are real numbers, and rates are constant within a step. Steps grow with
time, so a run of days takes as many steps as one of minutes, and the error of a step stays below 0.2 % of the time.
The end of a run is exact within one call.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.scale.rules import NEW_ENVIRONMENTS, REQUESTS_PER_ENVIRONMENT, SCALING_PERIOD_S

LEAST_STEP_S, STEP_SHARE = 0.02, 0.002  # of the time that has passed
ACCOUNT = "account concurrency"
SCALING = "new environments"
REQUEST_RATE = "requests per second"
LAST = "last calls"
EPSILON = 1e-9


class Limit(NamedTuple):
    """A limit and its value: of a rate in calls per second, or a number of calls at a time."""

    name: str
    value: float


class Work(NamedTuple):
    """What there is to do, and who calls.

    Attributes:
        calls: number of all calls.
        call_s: seconds of one call in a warm environment.
        slots: time in seconds -> calls that the caller has open at most.
        supply: time in seconds -> calls whose images are there; at the end all calls.
        supply_name: what limits the supply.
        supply_end_s: when all images are there.
        rates: limits in calls per second; calls above them do not begin.
        waits: limits in calls per second for which running calls wait, and are billed: those of S3.
        retry_s: mean delay before a throttled call is sent again.
    """

    calls: float
    call_s: float
    slots: Callable[[float], Limit]
    supply: Callable[[float], float]
    supply_name: str
    supply_end_s: float
    rates: tuple[Limit, ...] = ()
    waits: tuple[Limit, ...] = ()
    retry_s: float = 1.0


class Run(NamedTuple):
    """Result of a simulation.

    Attributes:
        seconds: from the start to the end of the last call.
        calls: finished ones.
        environments: most at a time; each was started once.
        busy_s: seconds of all calls together, which are billed.
        throttles: calls that Lambda refused (429) and that were sent again.
        limits: name of a limit -> share of the time in which it was the narrowest.
        oldest_s: largest age of an image that was not finished, from its arrival.
    """

    seconds: float
    calls: float
    environments: float
    busy_s: float
    throttles: float
    limits: dict[str, float]
    oldest_s: float


class _State:
    """Environments, finished calls and sums at a moment."""

    def __init__(self, init_s: float) -> None:
        self.time = self.done = self.environments = self.throttles = self.oldest = self.waited_s = 0.0
        self.limits: dict[str, float] = {}
        self._init_s, self._ready = init_s, 0.0
        self._starting: deque[tuple[float, float]] = deque()  # when they are ready, how many

    def grow(self, count: float) -> None:
        """Start environments."""
        self.environments += count
        self._starting.append((self.time + self._init_s, count))

    def add(self, step: float, done: float, narrowest: str) -> None:
        """Go on to the end of a step, in which one limit was the narrowest."""
        self.time, self.done = self.time + step, done
        self.limits[narrowest] = self.limits.get(narrowest, 0.0) + step

    def working(self, step: float) -> float:
        """Return the environments whose init phase has ended, as the mean of a step."""
        end = self.time + step
        while self._starting and self._starting[0][0] <= self.time:
            self._ready += self._starting.popleft()[1]
        return self._ready + sum(count * (end - at) / step for at, count in self._starting if at < end)


def simulate(work: Work, init_s: float, account: float) -> Run:
    """Return the run of some work.

    Args:
        work: what there is to do.
        init_s: seconds of the init phase of an environment.
        account: environments that the account, or the reserved concurrency, allows.
    """
    starts = min((*work.rates, Limit(REQUEST_RATE, REQUESTS_PER_ENVIRONMENT * account)), key=_value)
    ends = min((starts, *work.waits), key=_value)
    state = _State(init_s)
    while True:
        step = _step(state.time)
        wanted, throttled = _wanted(work, state, account, starts)
        narrowest = min(wanted, Limit(ends.name, ends.value * work.call_s), key=_value)
        state.grow(max(0.0, wanted.value - state.environments))
        working = state.working(step)
        rate = min(working / work.call_s, ends.value)
        done = min(state.done + rate * step, max(state.done, work.supply(state.time + step - work.call_s)))
        if done >= work.calls * (1 - EPSILON):
            break
        state.add(step, done, narrowest.name)
        state.throttles += throttled * step / work.retry_s
        if narrowest.name != wanted.name:
            state.waited_s += max(0.0, min(working, wanted.value) - narrowest.value) * step
        state.oldest = max(state.oldest, state.time - _arrival(work, done))
    ended = state.time + ((work.calls - state.done) / rate if rate else step)
    ended = max(ended, work.supply_end_s + work.call_s, init_s + work.call_s)
    state.limits.setdefault(narrowest.name, step)  # of a run of one step
    total = sum(state.limits.values())
    shares = {name: seconds / total for name, seconds in sorted(state.limits.items(), key=lambda item: -item[1])}
    oldest = max(state.oldest, ended - work.supply_end_s)
    busy_s = work.calls * work.call_s + state.waited_s
    return Run(ended, work.calls, state.environments, busy_s, state.throttles, shares, oldest)


def environments_allowed(time: float, account: float) -> float:
    """Return the environments that a function may have after `time` seconds of full demand."""
    return min(account, NEW_ENVIRONMENTS * (1 + math.floor(time / SCALING_PERIOD_S + EPSILON)))


def _step(time: float) -> float:
    """Return the next step in seconds, which does not cross a period of Lambda's scaling while steps are shorter."""
    step = max(LEAST_STEP_S, time * STEP_SHARE)
    if step >= SCALING_PERIOD_S:
        return step
    boundary = SCALING_PERIOD_S * (1 + math.floor(time / SCALING_PERIOD_S + EPSILON))
    return min(step, boundary - time) if boundary - time > EPSILON else step


def _wanted(work: Work, state: _State, account: float, starts: Limit) -> tuple[Limit, float]:
    """Return the environments that there would be, with the name of what limits them, and the calls above them."""
    supplied = work.supply(state.time)
    waiting = Limit(work.supply_name if supplied < work.calls * (1 - EPSILON) else LAST, supplied - state.done)
    open_calls = min(work.slots(state.time), waiting, key=_value)
    allowed = environments_allowed(state.time, account)
    granted = Limit(ACCOUNT if allowed >= account else SCALING, allowed)
    started = Limit(starts.name, starts.value * work.call_s)  # a rate of calls keeps so many environments busy
    refused = min(granted, started, key=_value) if starts.name == REQUEST_RATE else granted
    return min(open_calls, granted, started, key=_value), max(0.0, open_calls.value - refused.value)


def _value(limit: Limit) -> float:
    return limit.value


def _arrival(work: Work, call: float) -> float:
    """Return when the images of a call arrived, with a constant rate of arrivals."""
    return work.supply_end_s * call / work.calls
