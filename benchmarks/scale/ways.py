"""The ways to process the images of a bucket, each as work for the simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.scale import rules
from benchmarks.scale.simulation import Limit, Work

NAMES = ("direct", "map", "queue", "s3batch")


class Plan(NamedTuple):
    """What the user decides.

    Attributes:
        images: number of images.
        image_s: seconds of the function for one image.
        init_s: seconds of the init phase.
        batch: images of one call; S3 Batch Operations has one.
        memory_mb: of the function.
        architecture: x86_64 or arm64.
        account: environments that the account, or the reserved concurrency, allows.
        concurrency: open calls of batch.py; None, here and below: as many as the account allows.
        ramp_s: seconds until all of them are open.
        client_s: seconds of one call outside the function: network and client.
        map_concurrency: MaxConcurrency of the map.
        queue_concurrency: MaximumConcurrency of the event source mapping.
        window_s: MaximumBatchingWindowInSeconds of it.
        arrival_per_s: images that arrive in a second; None: as many as S3 takes.
        prefixes: of the keys, over which S3 spreads the requests.
    """

    images: int
    image_s: float = rules.IMAGE_S
    init_s: float = rules.INIT_S
    batch: int = 8
    memory_mb: int = 1769
    architecture: str = "x86_64"
    account: int = rules.ACCOUNT_CONCURRENCY
    concurrency: int | None = None
    ramp_s: float = 0.0
    client_s: float = 0.03
    map_concurrency: int | None = None
    queue_concurrency: int | None = None
    window_s: float = 0.0
    arrival_per_s: float | None = None
    prefixes: int = 1


def work(way: str, plan: Plan) -> Work:
    """Return the work of one of NAMES."""
    return {"direct": _direct, "map": _map, "queue": _queue, "s3batch": _s3batch}[way](plan)


def batch(way: str, plan: Plan) -> float:
    """Return the images of one call: the mean, if a queue is too empty for full batches."""
    if way == "s3batch":
        return 1
    if way != "queue":
        return plan.batch
    arrival = _arrival(plan)
    capacity = min(plan.account, _most(plan, plan.queue_concurrency)) / plan.image_s  # images per second
    if arrival >= capacity:
        return plan.batch
    return min(plan.batch, max(1.0, arrival * max(plan.window_s, plan.image_s) / rules.POLLERS))


def _direct(plan: Plan) -> Work:
    """Return the work of batch.py, which lists the bucket and calls at the same time; results come in the response."""
    call_s = plan.batch * plan.image_s
    share = call_s / (call_s + plan.client_s)  # of the time in which an open call has an environment

    def slots(time: float) -> Limit:
        most = _most(plan, plan.concurrency)
        opened = most * min(1.0, time / plan.ramp_s) if plan.ramp_s else most
        return Limit("client concurrency", max(1.0, opened) * share)

    return _listed(plan, slots, (), rules.CLIENT_RETRY_S)


def _map(plan: Plan) -> Work:
    """Return the work of a distributed map of express workflows, which lists the bucket; it collects the results."""
    most = _most(plan, plan.map_concurrency)
    limit = min(
        Limit("MaxConcurrency of the map", most), Limit("children of a map run", rules.CHILDREN_LIMIT), key=_value
    )
    starts = Limit("starts of children", rules.CHILD_STARTS_PER_S)
    return _listed(plan, lambda _: limit, (starts,), rules.MAP_RETRY_S)


def _queue(plan: Plan) -> Work:
    """Return the work of an SQS queue of S3 notifications; each image has a result object."""
    images = batch("queue", plan)
    calls = plan.images / images
    arrived_s = plan.images / _arrival(plan)

    def slots(time: float) -> Limit:
        polled = min(rules.POLLERS_LIMIT, rules.POLLERS + rules.POLLERS_PER_S * time)
        most = Limit("MaximumConcurrency of the queue", _most(plan, plan.queue_concurrency))
        return min(most, Limit("SQS pollers", polled), key=_value)

    return Work(
        calls, images * plan.image_s, slots, lambda time: calls * min(1.0, max(0.0, time / arrived_s)),
        "arrival of images", arrived_s + plan.window_s, (), _reads(plan, images) + _writes(plan, images),
        rules.QUEUE_RETRY_S,
    )  # fmt: skip


def _s3batch(plan: Plan) -> Work:
    """Return the work of a job of S3 Batch Operations, which begins when its manifest is complete."""
    manifest_s = _lists(plan) * rules.LIST_S
    limit = Limit("concurrency of a job", rules.JOB_CONCURRENCY)

    def supply(time: float) -> float:
        return plan.images if time >= manifest_s - plan.image_s else 0.0  # what a call finishes began `image_s` earlier

    return Work(
        plan.images, plan.image_s, lambda _: limit, supply, "manifest", manifest_s, (),
        _reads(plan, 1) + _writes(plan, 1), rules.JOB_RETRY_S,
    )  # fmt: skip


def _listed(plan: Plan, slots: Callable[[float], Limit], rates: tuple[Limit, ...], retry_s: float) -> Work:
    """Return work whose images are known as the bucket is listed, page by page."""
    images = plan.batch
    calls = math.ceil(plan.images / images)
    listed_s = _lists(plan) * rules.LIST_S
    page = min(calls, rules.KEYS_PER_LIST / images)

    def supply(time: float) -> float:
        return min(calls, page + calls * max(0.0, time) / listed_s)

    end_s = listed_s - rules.LIST_S
    return Work(calls, images * plan.image_s, slots, supply, "listing", end_s, rates, _reads(plan, images), retry_s)


def _most(plan: Plan, concurrency: int | None) -> int:
    return plan.account if concurrency is None else concurrency


def _value(limit: Limit) -> float:
    return limit.value


def _lists(plan: Plan) -> int:
    return math.ceil(plan.images / rules.KEYS_PER_LIST)


def _arrival(plan: Plan) -> float:
    """Return the images that arrive in a second: S3 takes no more."""
    most = float(rules.PUTS_PER_S * plan.prefixes)
    return min(most, plan.arrival_per_s or most)


def _reads(plan: Plan, images: float) -> tuple[Limit, ...]:
    return (Limit("S3 GET", rules.GETS_PER_S * plan.prefixes / images),)


def _writes(plan: Plan, images: float) -> tuple[Limit, ...]:
    return (Limit("S3 PUT", rules.PUTS_PER_S * plan.prefixes / images),)
