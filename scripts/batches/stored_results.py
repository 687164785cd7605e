"""Results that the function wrote to S3: many at a time, in the order of the requests."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any, NamedTuple

from scripts.aws.errors import MISSING, Refused, translate
from scripts.aws.session import Aws
from scripts.batches.errors import BatchError

WORKERS = 16  # requests at the same time
AHEAD = 32  # results in memory


class Wanted(NamedTuple):
    """A result to read.

    Attributes:
        source: of its image; "" if only the result names it.
        bucket, key: of the result.
        since: an older result does not count.
        missing: row of the image if there is no result.
    """

    source: str
    bucket: str
    key: str
    since: datetime | None = None
    missing: dict[str, Any] | None = None


def read(wanted: Iterable[Wanted | dict[str, Any]], aws: Aws) -> Iterator[tuple[Wanted, Any] | dict[str, Any]]:
    """Yield each wanted result with its JSON document, None without one; rows that are ready stay in their place.

    Raises:
        BatchError: the caller may not read a result.
        DeployError: another error of AWS.
    """
    client = aws.client("s3", retries={"mode": "adaptive", "max_attempts": 8}, max_pool_connections=WORKERS)
    waiting: deque[tuple[Wanted, Future[Any]] | dict[str, Any]] = deque()
    pool = ThreadPoolExecutor(WORKERS)
    try:
        for entry in wanted:
            waiting.append(entry if isinstance(entry, dict) else (entry, pool.submit(_document, client, entry)))
            if len(waiting) >= AHEAD:
                yield _finished(waiting.popleft())
        while waiting:
            yield _finished(waiting.popleft())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def row(source: str, document: dict[str, Any]) -> dict[str, Any]:
    """Return the row of an image for its result: the fields of a response, as a call returns them, without times."""
    if "error" in document:
        return {"source": source, "error": " ".join(str(document["error"]).split()), "type": str(document.get("type"))}
    return {"source": source, **{name: value for name, value in document.items() if name != "source"}}


def _finished(entry: Any) -> Any:
    return entry if isinstance(entry, dict) else (entry[0], entry[1].result())


def _document(client: Any, wanted: Wanted) -> Any:
    """Return the JSON document of a result; None if there is none, it is too old, or it is no JSON."""
    try:
        response = client.get_object(Bucket=wanted.bucket, Key=wanted.key)
        data = response["Body"].read()
    except Exception as error:
        translated = translate(error)
        if isinstance(translated, Refused) and translated.kind in MISSING:
            return None
        if isinstance(translated, Refused) and translated.status == 403:
            address = f"s3://{wanted.bucket}/{wanted.key}"
            raise BatchError(f"{address} cannot be read: s3:GetObject is missing ({translated})") from error
        raise translated from error
    if wanted.since and response["LastModified"] < wanted.since:
        return None
    try:
        return json.loads(data)
    except ValueError:
        return None
