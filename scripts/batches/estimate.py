"""The first calls: permissions with one image, then the time of a warm call, and what all images will take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from scripts.aws.prices import REGION, S3_GET, lambda_usd
from scripts.batches.calls import Caller, Function, Reply
from scripts.batches.errors import FAILED, BatchError, is_transient
from scripts.batches.run import DEFAULT_MEMORY_MB, Run
from scripts.batches.sources import Item

TRIES = 5  # of the first call
FIRST_IMAGES = 5  # that may be broken before the measurement is given up
OF_EVERY_IMAGE = ("InvalidOption", "BadRequest")  # errors of the options, which all images have in common
RESPONSE_BYTES = 1_000_000  # of a call; the responses of all calls are in memory
TIMEOUT_SHARE = 0.25  # of the time-out of the function that a call may take
ALLOW = "deploy.sh --read s3://{bucket}/ allows it, ALLOWED_BUCKETS of the function must have {bucket}"


class Measured(NamedTuple):
    """Times of the first calls.

    Attributes:
        image_s: time of an image in a warm call, with the way to Lambda and back.
        billed_s: billed time of an image.
        init_s: of the cold start; None without one.
        memory_mb: of the function.
        per_call: images in one call.
        task: of the model; "" if no image was read.
    """

    image_s: float
    billed_s: float
    init_s: float | None
    memory_mb: int
    per_call: int
    task: str


class Estimate(NamedTuple):
    """What the images will take: seconds, and USD for Lambda and for reading them from S3."""

    seconds: float
    lambda_usd: float
    s3_usd: float


def measure(run: Run, caller: Caller, has_rows: bool) -> Measured | None:
    """Call the function for one image and then for a group; their rows are written.

    Args:
        run: takes the responses.
        caller: calls the function.
        has_rows: the file has results of an earlier run: the permissions are right.

    Returns:
        None if no image is left to measure.

    Raises:
        BatchError: a permission is missing, an option is wrong, or the function fails.
        DeployError: credentials are missing or expired.
    """
    first = None
    for _ in range(FIRST_IMAGES):
        items = next(run.groups(1), None)
        if items is None:
            break
        first = _first(caller, items)
        if not has_rows:
            _require_permissions(first)
        run.receive(first)
        if "error" not in first.rows[0]:
            break
    if first is None:
        return None
    warm = first
    if (items := next(run.groups(run.per_call), None)) is not None:
        warm = caller.call(items)
        run.receive(warm)
    return _measured(first, warm if warm.rows else first, run.per_call, caller.function)


def estimate(measured: Measured, images: int, concurrency: int, function: Function, are_objects: bool) -> Estimate:
    """Return time and price of images.

    Args:
        measured: of the first calls.
        images: that are left.
        concurrency: calls at the same time.
        function: its architecture.
        are_objects: the function reads the images from S3.
    """
    calls = -(-images // measured.per_call)
    parallel = min(concurrency, calls) or 1
    seconds = images * measured.image_s / parallel + (measured.init_s or 0.0)
    billed = images * measured.billed_s + parallel * (measured.init_s or 0.0)
    price = lambda_usd(billed, measured.memory_mb, function.architecture, calls)
    return Estimate(seconds, price, images * S3_GET if are_objects else 0.0)


def lines(measured: Measured, found: Estimate, images: int, concurrency: int) -> list[str]:
    """Return the measurement and the estimate for a person."""
    cold = f"; cold start {measured.init_s:.1f} s" if measured.init_s is not None else ""
    total = found.lambda_usd + found.s3_usd
    return [
        f"measured  {1000 * measured.image_s:.0f} ms per image with {measured.per_call} in a call{cold}",
        f"estimate  {duration(found.seconds)} for {images:,} images with {concurrency} calls at a time; "
        f"{total:.4f} USD (Lambda {found.lambda_usd:.4f}, S3 {found.s3_usd:.4f}; prices of {REGION})",
    ]


def duration(seconds: float) -> str:
    """Return a time for a person: `42 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _first(caller: Caller, items: Sequence[Item]) -> Reply:
    """Return the response to a first call, which is tried again after a transient error.

    Raises:
        BatchError: it has no row after all tries, or an error for every image.
    """
    for attempt in range(TRIES):
        time.sleep(2**attempt / 2 if attempt else 0)
        reply = caller.call(items)
        if reply.is_final:
            raise BatchError(f"the function refuses the request: {reply.error[0]}: {reply.error[1]}")
        if reply.rows and not is_transient(reply.rows[0]):
            return reply
    kind, message = reply.error
    if reply.rows:
        kind, message = reply.rows[0]["type"], reply.rows[0]["error"]
    raise BatchError(f"the first call failed with {kind}: {message}", FAILED)


def _require_permissions(first: Reply) -> None:
    """Raise BatchError if the error of the first image is one of all images."""
    (row,) = first.rows
    kind = row.get("type")
    if "error" in row and kind in OF_EVERY_IMAGE:
        raise BatchError(f"the function refuses the request: {kind}: {row['error']}")
    if "error" in row and kind == "Forbidden":
        bucket = row["source"].removeprefix("s3://").partition("/")[0]
        actions = "kms:Decrypt" if "kms" in row["error"].lower() else "s3:GetObject and s3:ListBucket"
        raise BatchError(
            f"the role of the function must have {actions} for s3://{bucket}: "
            f"{row['error']}; {ALLOW.format(bucket=bucket)}"
        )


def _measured(first: Reply, warm: Reply, per_call: int, function: Function) -> Measured:
    """Return the times; a call takes at most a part of the time-out, and its response a part of the memory."""
    count = len(warm.rows)
    init_s = first.init_s
    cold_s = (init_s or 0.0) if warm is first else 0.0  # the billed duration has the init phase
    image_s, billed_s = (max(value - cold_s, 0.001) / count for value in (warm.seconds, warm.billed_s))
    least = min(TIMEOUT_SHARE * function.timeout_s / image_s, RESPONSE_BYTES * count / max(warm.bytes, 1))
    memory = warm.memory_mb or function.memory_mb or DEFAULT_MEMORY_MB
    tasks = [row["model"]["task"] for row in (*first.rows, *warm.rows) if "model" in row]
    return Measured(
        image_s, billed_s, init_s, memory, max(1, min(per_call, int(least))), str(tasks[0]) if tasks else ""
    )
