"""Price of a run, by service."""

from __future__ import annotations

import math
from typing import NamedTuple

from benchmarks.scale import rules
from benchmarks.scale.simulation import Run
from benchmarks.scale.ways import Plan, batch
from scripts.aws import prices

WRITES = ("queue", "s3batch")  # ways with a result object for each image


class Cost(NamedTuple):
    """USD by service; `compute` and `requests` are those of Lambda."""

    compute: float
    requests: float
    s3: float
    step_functions: float
    sqs: float

    @property
    def total(self) -> float:
        """USD of all services."""
        return sum(self)


def cost(way: str, plan: Plan, run: Run) -> Cost:
    """Return the price of a run, without retries after errors, data transfer, logs and metrics."""
    call_s = run.busy_s / run.calls
    billed_s = run.busy_s + run.environments * plan.init_s  # the init phase is billed
    compute = prices.lambda_usd(billed_s, plan.memory_mb, plan.architecture, 0)
    requests = prices.lambda_usd(0, plan.memory_mb, plan.architecture, math.ceil(run.calls))
    return Cost(compute, requests, _s3(way, plan), _step_functions(way, run, call_s), _sqs(way, plan, run))


def _s3(way: str, plan: Plan) -> float:
    lists = math.ceil(plan.images / rules.KEYS_PER_LIST) if way != "queue" else 0
    objects = plan.images * (prices.S3_GET + (prices.S3_PUT if way in WRITES else 0))
    job = prices.S3_BATCH_JOB + plan.images * prices.S3_BATCH_OBJECT if way == "s3batch" else 0
    return objects + lists * prices.S3_PUT + job


def _step_functions(way: str, run: Run, call_s: float) -> float:
    if way != "map":
        return 0.0
    billed_s = math.ceil(call_s / rules.EXPRESS_STEP_S) * rules.EXPRESS_STEP_S
    return run.calls * (prices.EXPRESS_REQUEST + billed_s * rules.EXPRESS_GB * rules.EXPRESS_GB_SECOND)


def _sqs(way: str, plan: Plan, run: Run) -> float:
    """Return the price of sending each image, and of receiving and deleting up to 10 at a time."""
    if way != "queue":
        return 0.0
    received = run.calls * math.ceil(batch(way, plan) / rules.RECEIVED)
    return (plan.images + 2 * received) * prices.SQS_REQUEST
