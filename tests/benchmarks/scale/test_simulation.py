"""Rules of Lambda in the simulation, against cases computed by hand."""

import heapq
import time
from typing import Any

import pytest

from benchmarks.scale import rules
from benchmarks.scale.simulation import ACCOUNT, REQUEST_RATE, SCALING, Limit, Run, Work, environments_allowed, simulate
from benchmarks.scale.ways import NAMES, Plan, batch, work

ENDLESS = 10**9


def all_there(calls: float, call_s: float, slots: float = ENDLESS, **fields: Any) -> Work:
    """Return work that is there from the beginning."""
    return Work(calls, call_s, lambda _: Limit("slots", slots), lambda _: calls, "supply", 0.0, **fields)


def run(way: str, plan: Plan) -> Run:
    return simulate(work(way, plan), plan.init_s, plan.account)


def one_by_one(calls: int, call_s: float, starts: list[float]) -> float:
    """Return when the last call ends, if each environment makes one call after the other from its start on."""
    free = sorted(starts)  # a sorted list is a heap
    for _ in range(calls):
        heapq.heapreplace(free, free[0] + call_s)
    return max(free)


def test_a_function_gets_a_thousand_environments_every_ten_seconds() -> None:
    moments = (0, 9.99, 10, 19.99, 20, 95)
    assert [environments_allowed(moment, ENDLESS) for moment in moments] == [1000, 1000, 2000, 2000, 3000, 10_000]
    assert environments_allowed(95, 2500) == 2500


def test_ramp_of_a_function_without_other_limits() -> None:
    # Calls of 10 s: 1,000 environments until 10 s, 2,000 until 20 s, 3,000 until 30 s, each finishing one call in 10 s.
    made = simulate(all_there(6000, 10.0), 0.0, ENDLESS)
    assert made.seconds == pytest.approx(30, rel=0.01)
    assert made.environments == pytest.approx(3000, rel=0.01)
    assert next(iter(made.limits)) == SCALING


def test_init_phase_delays_each_environment_once() -> None:
    assert simulate(all_there(1000, 1.0), 2.0, 100).seconds == pytest.approx(2 + 10, rel=0.01)
    assert simulate(all_there(1, 1.0), 2.0, 100).seconds == pytest.approx(3, rel=0.01)


@pytest.mark.parametrize(
    ("calls", "environments", "call_s"), [(5, 4, 1.0), (250, 4, 0.5), (10_001, 100, 0.2), (3, 9, 7)]
)
def test_fixed_number_of_environments_takes_as_long_as_one_by_one(calls: int, environments: int, call_s: float) -> None:
    made = simulate(all_there(calls, call_s), 0.0, environments)
    assert made.seconds == pytest.approx(one_by_one(calls, call_s, [0.0] * environments), abs=call_s)


def test_account_concurrency_is_a_limit_and_calls_above_it_are_throttled() -> None:
    made = simulate(all_there(1000, 1.0, slots=15, retry_s=0.5), 0.0, 10)
    assert made.seconds == pytest.approx(100, rel=0.01)
    assert (made.environments, next(iter(made.limits))) == (10, ACCOUNT)
    assert made.throttles == pytest.approx(5 / 0.5 * 100, rel=0.02)  # 5 calls try again every 0.5 s


def test_no_call_is_throttled_at_the_account_concurrency() -> None:
    made = simulate(all_there(1000, 1.0, slots=10), 0.0, 10)
    assert made.seconds == pytest.approx(100, rel=0.01)
    assert made.throttles == 0


def test_requests_per_second_are_ten_times_the_concurrency() -> None:
    made = simulate(all_there(10_000, 0.01, slots=10), 0.0, 10)  # 10 environments could do 1,000 calls per second
    assert made.seconds == pytest.approx(10_000 / (10 * 10), rel=0.01)
    assert next(iter(made.limits)) == REQUEST_RATE


def test_rate_of_starts_is_a_limit_without_waiting_environments() -> None:
    made = simulate(all_there(10_000, 2.0, rates=(Limit("starts", 50),)), 0.0, 1000)
    assert made.seconds == pytest.approx(200, rel=0.02)
    assert made.environments == pytest.approx(100)
    assert made.busy_s == pytest.approx(20_000)


def test_calls_that_wait_for_s3_keep_their_environments_and_are_billed() -> None:
    made = simulate(all_there(10_000, 2.0, slots=400, waits=(Limit("S3", 50),)), 0.0, 1000)
    assert made.seconds == pytest.approx(200, rel=0.02)
    assert made.environments == 400
    assert made.busy_s == pytest.approx(400 * 200, rel=0.02)


def test_work_that_arrives_slowly_needs_few_environments() -> None:
    slow = Work(1000, 2.0, lambda _: Limit("slots", 100), lambda t: min(1000.0, max(0.0, 5 * t)), "arrival", 200.0)
    made = simulate(slow, 0.0, 1000)
    assert made.seconds == pytest.approx(202, rel=0.01)
    assert made.environments == pytest.approx(10, rel=0.05)  # 5 calls per second of 2 s
    assert next(iter(made.limits)) == "arrival"


def test_pollers_of_a_queue_are_five_and_five_more_each_second() -> None:
    plan = Plan(100_000, image_s=1.0, batch=10, init_s=0.0, queue_concurrency=1000, arrival_per_s=1e6, prefixes=1000)
    slots = work("queue", plan).slots
    assert [slots(moment).value for moment in (0, 12, 60, 199, 249, 1e6)] == [5, 65, 305, 1000, 1000, 1000]
    made = run("queue", plan)
    exact = one_by_one(10_000, 10.0, [0.0] * 5 + [n / 5 for n in range(1, 996)])
    assert made.seconds == pytest.approx(exact, abs=10.0 / 2)
    assert made.environments == pytest.approx(1000, rel=0.05)  # those of the last seconds find no work
    assert next(iter(made.limits)) == "SQS pollers"


def test_pollers_end_at_their_limit() -> None:
    plan = Plan(1, queue_concurrency=5000, account=5000)
    assert work("queue", plan).slots(1000) == ("SQS pollers", rules.POLLERS_LIMIT)


def test_oldest_message_waits_for_the_backlog_before_it() -> None:
    # 100 images per second arrive for 100 s, and 20 environments finish 20 of them: the last waits 500 - 100 s.
    plan = Plan(10_000, image_s=1.0, batch=10, init_s=0.0, queue_concurrency=20, arrival_per_s=100)
    made = run("queue", plan)
    assert made.seconds == pytest.approx(500, rel=0.02)
    assert made.oldest_s == pytest.approx(400, rel=0.03)


def test_queue_that_is_nearly_empty_has_small_batches_unless_it_has_a_window() -> None:
    assert batch("queue", Plan(1000, arrival_per_s=5)) == 1
    assert batch("queue", Plan(1000, arrival_per_s=5, window_s=4)) == 4
    assert batch("queue", Plan(1000, arrival_per_s=5, window_s=300)) == 8


def test_images_that_arrive_slowly_are_done_soon_after() -> None:
    made = run("queue", Plan(1000, arrival_per_s=10))
    assert made.seconds == pytest.approx(100, rel=0.02)
    assert made.oldest_s < 5


def test_listing_limits_a_fast_function() -> None:
    made = run("map", Plan(10**6, image_s=0.001, batch=100, prefixes=100))
    assert next(iter(made.limits)) == "listing"
    assert made.seconds == pytest.approx(1000 * rules.LIST_S, rel=0.02)  # 1,000 requests for 1,000 keys each


def test_requests_to_a_prefix_of_s3_limit_a_large_run() -> None:
    one, four = (run("direct", Plan(10**7, account=1000, prefixes=count)) for count in (1, 4))
    assert one.seconds == pytest.approx(10**7 / 5500, rel=0.01)
    assert next(iter(one.limits)) == "S3 GET"
    assert four.seconds < one.seconds / 1.5


def test_job_of_s3_batch_begins_when_its_manifest_is_complete() -> None:
    made = run("s3batch", Plan(10**6, prefixes=100, account=5000))
    # 1,000 list requests, then 1,000 calls at a time.
    assert made.seconds == pytest.approx(1000 * rules.LIST_S + 10**6 * 0.064 / 1000 + rules.INIT_S, rel=0.02)


def test_map_has_ten_thousand_children_at_most() -> None:
    slots = work("map", Plan(1, account=50_000)).slots(0)
    assert slots == ("children of a map run", 10_000)
    assert work("map", Plan(1, map_concurrency=50)).slots(0).value == 50


def test_time_outside_the_function_leaves_environments_idle() -> None:
    # 10 open calls of 0.8 s in the function and 0.2 s outside it finish 10 calls per second.
    made = run("direct", Plan(1000, image_s=0.1, batch=8, client_s=0.2, concurrency=10, init_s=0.0))
    assert made.seconds == pytest.approx(125 / 10, rel=0.03)
    assert made.environments == pytest.approx(8, rel=0.01)


def test_ramp_of_the_client_delays_its_calls() -> None:
    plan = Plan(8000, image_s=0.1, batch=8, client_s=0.0, concurrency=100, init_s=0.0)
    without, ramped = run("direct", plan), run("direct", plan._replace(ramp_s=20.0))
    # Half of 20 s is lost, or all of it before the end: 1,000 calls of 0.8 s take 8 s with 100 calls.
    assert without.seconds == pytest.approx(8, rel=0.03)
    assert ramped.seconds == pytest.approx((2 * 20 * 8) ** 0.5, rel=0.03)  # the area of a triangle


@pytest.mark.parametrize("way", NAMES)
def test_every_image_is_done_and_more_images_never_take_less_time(way: str) -> None:
    before = 0.0
    for images in (1, 7, 8, 9, 100, 999, 10**4, 10**5, 10**6, 10**7, 10**8):
        plan = Plan(images)
        made = run(way, plan)
        assert made.calls * batch(way, plan) >= images
        assert made.calls == pytest.approx(work(way, plan).calls)
        assert made.seconds >= before, images
        assert made.environments <= plan.account
        assert made.busy_s * (1 + 1e-9) >= made.calls * batch(way, plan) * plan.image_s
        assert sum(made.limits.values()) == pytest.approx(1)
        before = made.seconds


@pytest.mark.parametrize("way", NAMES)
@pytest.mark.parametrize(
    "plans",
    [
        [Plan(10**6, account=count) for count in (4, 10, 100, 1000, 10_000)],
        [Plan(10**6, prefixes=count) for count in (1, 2, 10, 100)],
        [Plan(10**6, image_s=seconds) for seconds in (2.0, 0.5, 0.064, 0.01)],
    ],
    ids=["account", "prefixes", "image_s"],
)
def test_more_capacity_never_takes_more_time(way: str, plans: list[Plan]) -> None:
    seconds = [run(way, plan).seconds for plan in plans]
    assert seconds == sorted(seconds, reverse=True)


@pytest.mark.parametrize("way", NAMES)
def test_no_way_is_faster_than_its_environments(way: str) -> None:
    plan = Plan(10**6, prefixes=1000)
    made = run(way, plan)
    assert made.seconds >= 10**6 * plan.image_s / plan.account


def test_hundred_million_images_are_simulated_within_five_seconds() -> None:
    began = time.monotonic()
    for way in NAMES:
        for plan in (Plan(10**8), Plan(10**8, account=10), Plan(10**8, arrival_per_s=10, image_s=5.0)):
            run(way, plan)
    assert time.monotonic() - began < 5
