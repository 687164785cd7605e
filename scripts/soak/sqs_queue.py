"""A queue as Lambda polls it: events of S3 in batches, and failed messages delivered again.

Source: docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling; the shapes are those of tests/events.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from scripts.local_lambda.invocation import Invocation
from scripts.soak.fixtures import BUCKET, Placed

MAX_RECEIVES = 5  # deliveries of one message before the dead-letter queue has it
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:pictures"


class Round(NamedTuple):
    """One invocation: what was in it, how many ms it took, which messages it reported as failed."""

    keys: tuple[str, ...]
    invoke_ms: float
    failed: tuple[str, ...]  # keys


class Delivered(NamedTuple):
    """Everything that happened."""

    rounds: list[Round]
    dead: list[str]  # keys whose message failed too often

    @property
    def reported(self) -> set[str]:
        """Keys whose message was reported as failed at least once."""
        return {key for one in self.rounds for key in one.failed}


def deliver(
    objects: Sequence[Placed],
    batch: int,
    invoke: Callable[[Any], Invocation],
    on_round: Callable[[Round], None],
) -> Delivered:
    """Send an event for every object through the function until each is done or dead.

    Args:
        objects: what to announce.
        batch: messages to an invocation.
        invoke: one event through the function.
        on_round: called after each invocation, before anything is delivered again.
    """
    queue = deque((one.key, _body(number, one), 1) for number, one in enumerate(objects))
    done = Delivered([], [])
    while queue:
        taken = [queue.popleft() for _ in range(min(batch, len(queue)))]
        invocation = invoke({"Records": [_message(key, body, receives) for key, body, receives in taken]})
        failed = set(_failed(invocation, [key for key, _, _ in taken]))
        done.rounds.append(Round(tuple(key for key, _, _ in taken), invocation.invoke_ms, tuple(sorted(failed))))
        on_round(done.rounds[-1])
        for key, body, receives in taken:
            if key in failed and receives == MAX_RECEIVES:
                done.dead.append(key)
            elif key in failed:
                queue.append((key, body, receives + 1))
    return done


def _failed(invocation: Invocation, keys: list[str]) -> Iterator[str]:
    """The keys whose messages come again: all of them if the invocation failed or its answer is not understood."""
    response = invocation.response
    if invocation.error or not isinstance(response, dict) or set(response) != {"batchItemFailures"}:
        yield from keys
        return
    for item in response["batchItemFailures"]:
        if item["itemIdentifier"] not in keys:
            yield from keys
            return
        yield item["itemIdentifier"]


def _message(key: str, body: str, receives: int) -> dict[str, Any]:
    """A message; its id is the key, so that a report can be read."""
    return {
        "messageId": key,
        "receiptHandle": "local",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(receives), "SentTimestamp": "1772366400000"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN,
        "awsRegion": "us-east-1",
    }


def _body(number: int, one: Placed) -> str:
    """The notice of an object: by turns of S3 itself, through SNS, and of EventBridge."""
    notice = _of_bridge(one) if number % 3 == 2 else _of_s3(one)
    if number % 3 == 1:
        notice = {"Type": "Notification", "TopicArn": "arn:aws:sns:local", "Message": json.dumps(notice)}
    return json.dumps(notice)


def _of_s3(one: Placed) -> dict[str, Any]:
    described = {"key": quote_plus(one.key, safe="/"), "size": len(one.data), "eTag": one.etag, "sequencer": "00"}
    s3 = {"s3SchemaVersion": "1.0", "bucket": {"name": BUCKET}, "object": described}
    return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}]}


def _of_bridge(one: Placed) -> dict[str, Any]:
    described = {"key": one.key, "size": len(one.data), "etag": one.etag, "sequencer": "00"}
    detail = {"version": "0", "bucket": {"name": BUCKET}, "object": described, "reason": "PutObject"}
    return {"version": "0", "detail-type": "Object Created", "source": "aws.s3", "detail": detail}
