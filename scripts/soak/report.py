"""What a run says: its counts and times, and what ten thousand pictures would take and cost."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from scripts.soak.fixtures import Placed
from scripts.soak.sqs_queue import Delivered, Round

PICTURES = 10_000
GB_SECOND = 0.0000166667  # USD; x86, us-east-1, aws.amazon.com/lambda/pricing
REQUEST = 0.20 / 1_000_000  # USD; same page
S3_GET, S3_PUT = 0.0004 / 1000, 0.005 / 1000  # USD; standard storage, us-east-1, aws.amazon.com/s3/pricing
SQS_REQUEST = 0.40 / 1_000_000  # USD; aws.amazon.com/sqs/pricing
SQS_CALLS = 3  # of a message: sent, received, deleted; batches of the pollers make it fewer
CONCURRENCY = 10


def counts(objects: Sequence[Placed], done: Delivered, met: dict[str, int], results: int) -> str:
    """The table of what happened."""
    broken, faulty = sum(one.broken for one in objects), sum(one.fault is not None for one in objects)
    rows = (
        ("objects", f"{len(objects):,}, {broken} of them broken"),
        ("invocations", f"{len(done.rounds):,}, {sum(len(one.keys) for one in done.rounds):,} messages in them"),
        ("faults injected", f"{faulty}, met by {sum(met.values())} requests"),
        ("reported for retry", f"{len(done.reported)} messages"),
        ("dead letters", f"{len(done.dead)}"),
        ("results", f"{results:,}, {broken} of them errors"),
    )
    return "".join(f"{name:22}{value}\n" for name, value in rows)


def times(rounds: Sequence[Round], init_ms: float, peak_bytes: int) -> str:
    """The table of times; invocations with a fault wait for boto3's retries and stand apart."""
    smooth = [one for one in rounds if not one.failed]
    rows = [("init", f"{init_ms:.0f} ms"), ("largest memory", f"{peak_bytes / 2**20:.0f} MB")]
    if smooth:
        took = sorted(one.invoke_ms for one in smooth)
        rows += [
            ("a batch, median", f"{statistics.median(took):.0f} ms, the slowest {took[-1]:.0f} ms"),
            ("a picture", f"{per_picture_ms(rounds):.1f} ms, reading and writing included"),
        ]
    faulty = [one.invoke_ms for one in rounds if one.failed]
    if faulty:
        rows.append(("a batch with a fault", f"{statistics.median(faulty):.0f} ms, median"))
    return "".join(f"{name:22}{value}\n" for name, value in rows)


def per_picture_ms(rounds: Sequence[Round]) -> float:
    """Mean over the invocations without a fault."""
    smooth = [one for one in rounds if not one.failed] or list(rounds)
    return sum(one.invoke_ms for one in smooth) / sum(len(one.keys) for one in smooth)


def arithmetic(picture_ms: float, batch: int, memory_mb: int) -> str:
    """Time and cost of ten thousand pictures at this speed."""
    seconds = PICTURES * picture_ms / 1000
    compute = seconds * memory_mb / 1024 * GB_SECOND
    around = PICTURES * (S3_GET + S3_PUT + SQS_CALLS * SQS_REQUEST) + PICTURES / batch * REQUEST
    return (
        f"{PICTURES:,} pictures at {picture_ms:.1f} ms are {seconds:,.0f} s of Lambda, with {CONCURRENCY} at once "
        f"{seconds / CONCURRENCY:,.0f} s;\nat {memory_mb} MB that is {compute:.3f} USD, and {around:.3f} USD "
        "for S3, SQS and requests (this machine's speed, not Lambda's)\n"
    )
