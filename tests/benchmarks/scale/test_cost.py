"""Prices of simulated runs, computed by hand, and the warnings about them."""

import pytest

from benchmarks.scale import rules
from benchmarks.scale.cost import cost
from benchmarks.scale.report import row, warnings
from benchmarks.scale.ways import Plan


def test_price_of_a_run_by_hand() -> None:
    plan = Plan(1000, image_s=0.1, init_s=0.5, batch=10, memory_mb=2048, account=10, client_s=0.0)
    made = row("direct", plan)
    assert made.run.environments == 10
    assert made.cost.compute == pytest.approx((100 + 10 * 0.5) * 2 * 0.0000166667, rel=0.001)
    assert made.cost.requests == pytest.approx(100 * 0.2e-6)
    assert made.cost.s3 == pytest.approx(1000 * 0.4e-6 + 1 * 5e-6)
    assert (made.cost.step_functions, made.cost.sqs) == (0, 0)


def test_price_of_each_service() -> None:
    plan = Plan(1000, image_s=0.1, batch=10, account=10)
    children, queue, job = (row(way, plan).cost for way in ("map", "queue", "s3batch"))
    assert children.step_functions == pytest.approx(100 * (1e-6 + 1.0 * 64 / 1024 * 0.00001667))
    assert queue.sqs == pytest.approx((1000 + 100 + 100) * 0.4e-6)
    assert queue.s3 == pytest.approx(1000 * 5.4e-6)
    assert job.s3 == pytest.approx(1000 * 5.4e-6 + 5e-6 + 0.25 + 0.001)
    assert job.requests == pytest.approx(1000 * 0.2e-6)


def test_arm_is_cheaper() -> None:
    intel, arm = (row("direct", Plan(10**6, architecture=name)).cost for name in ("x86_64", "arm64"))
    assert arm.compute == pytest.approx(0.8 * intel.compute, rel=0.001)


def test_messages_that_would_be_deleted_are_a_warning() -> None:
    slow = row("queue", Plan(10**8, image_s=1.0, queue_concurrency=10))
    assert slow.run.oldest_s > rules.RETENTION_S
    assert "deleted" in warnings([slow])[0]
    assert not warnings([row("queue", Plan(10**4, image_s=1.0, queue_concurrency=10))])


def test_calls_above_a_time_limit_are_a_warning() -> None:
    plan = Plan(10_000, image_s=1.0, batch=400)
    assert ["300 s" in line for line in warnings([row("map", plan), row("direct", plan)])] == [True]


def test_more_open_calls_than_environments_are_a_warning() -> None:
    plan = Plan(10_000, account=10)
    (line,) = warnings([row("direct", plan._replace(concurrency=30)), row("direct", plan)])
    assert "lower --concurrency to 10 or less" in line


def test_waiting_for_s3_is_a_warning_whose_concurrency_saves_the_money() -> None:
    plan = Plan(10**7)
    wide = row("direct", plan)
    (line,) = warnings([wide])
    assert "a concurrency of about 352" in line
    narrow = row("direct", plan._replace(concurrency=370))
    assert narrow.run.seconds == pytest.approx(wide.run.seconds, rel=0.02)
    assert narrow.cost.total < 0.6 * wide.cost.total
    assert cost("direct", plan, wide.run).total == wide.cost.total
