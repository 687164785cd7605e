"""Report of a run: counts, times, and the estimated time and cost of ten thousand images."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from scripts.aws.prices import GB_SECOND, REQUEST, S3_GET, S3_PUT, SQS_REQUEST
from scripts.soak.fixtures import SoakObject
from scripts.soak.sqs_queue import Batch, DeliveryReport

IMAGES = 10_000
ARCHITECTURE = "x86_64"
SQS_CALLS = 3  # per message: send, receive, delete; fewer if the pollers use batches
CONCURRENCY = 10


def counts(objects: Sequence[SoakObject], report: DeliveryReport, met: dict[str, int], results: int) -> str:
    """Return the table of counts."""
    broken, faulty = sum(item.broken for item in objects), sum(item.fault is not None for item in objects)
    replaced = sum(item.older is not None for item in objects)
    rows = (
        ("objects", f"{len(objects):,}, {broken} of them broken, {replaced} with an older version"),
        ("invocations", f"{len(report.batches):,}, with {sum(len(batch.keys) for batch in report.batches):,} messages"),
        ("faults injected", f"{faulty}, met by {sum(met.values())} requests"),
        ("reported for retry", f"{len(report.reported)} messages"),
        ("dead letters", f"{len(report.dead)}"),
        ("results", f"{results:,}, {broken} of them errors"),
    )
    return "".join(f"{name:22}{value}\n" for name, value in rows)


def times(batches: Sequence[Batch], init_ms: float, peak_bytes: int) -> str:
    """Return the table of times; batches with a fault wait for the retries of boto3 and have their own row."""
    successful = [batch for batch in batches if not batch.failed]
    rows = [("init", f"{init_ms:.0f} ms"), ("peak memory", f"{peak_bytes / 2**20:.0f} MB")]
    if successful:
        durations = sorted(batch.invoke_ms for batch in successful)
        rows += [
            ("batch", f"median {statistics.median(durations):.0f} ms, maximum {durations[-1]:.0f} ms"),
            ("image", f"{per_image_ms(batches):.1f} ms, with reading and writing"),
        ]
    faulty = [batch.invoke_ms for batch in batches if batch.failed]
    if faulty:
        rows.append(("batch with a fault", f"median {statistics.median(faulty):.0f} ms"))
    return "".join(f"{name:22}{value}\n" for name, value in rows)


def per_image_ms(batches: Sequence[Batch]) -> float:
    """Return the mean time per image over the batches without a fault."""
    successful = [batch for batch in batches if not batch.failed] or list(batches)
    return sum(batch.invoke_ms for batch in successful) / sum(len(batch.keys) for batch in successful)


def estimate(image_ms: float, batch: int, memory_mb: int) -> str:
    """Return time and cost of ten thousand images at this speed."""
    seconds = IMAGES * image_ms / 1000
    compute = seconds * memory_mb / 1024 * GB_SECOND[ARCHITECTURE]
    requests = IMAGES * (S3_GET + S3_PUT + SQS_CALLS * SQS_REQUEST) + IMAGES / batch * REQUEST
    return (
        f"{IMAGES:,} images at {image_ms:.1f} ms take {seconds:,.0f} s of Lambda time, {seconds / CONCURRENCY:,.0f} s "
        f"with a concurrency of {CONCURRENCY};\ncost at {memory_mb} MB: {compute:.3f} USD, and {requests:.3f} USD "
        "for S3, SQS and requests (speed of this machine, not of Lambda)\n"
    )
