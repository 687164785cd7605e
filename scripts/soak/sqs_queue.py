"""SQS queue as Lambda polls it: S3 events in batches; failed messages are delivered again.

Source: docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling; events as in tests/function/sources/events.
"""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from scripts.local_lambda.invocation import Invocation
from scripts.soak import events
from scripts.soak.events import SEQUENCER
from scripts.soak.fixtures import EVERY, SoakObject

MAX_RECEIVES = 5  # deliveries of a message before it goes to the dead-letter queue
OLDER_SEQUENCER = "0055AED6DCD90281E5"  # of an older version; less than that of the newest


class Batch(NamedTuple):
    """One invocation: the ids of its messages, its time in ms, and the ids that it reported as failed.

    The id of a message is the key of its object, with an addition for an older version.
    """

    keys: tuple[str, ...]
    invoke_ms: float
    failed: tuple[str, ...]


class DeliveryReport(NamedTuple):
    """All batches, and the keys in the dead-letter queue."""

    batches: list[Batch]
    dead: list[str]

    @property
    def reported(self) -> set[str]:
        """Keys whose message was reported as failed at least once."""
        return {key for batch in self.batches for key in batch.failed}


def deliver(
    objects: Sequence[SoakObject],
    batch_size: int,
    invoke: Callable[[Any], Invocation],
    on_batch: Callable[[Batch], None],
) -> DeliveryReport:
    """Deliver a message for every version of every object until each is processed or in the dead-letter queue.

    Args:
        objects: the objects.
        batch_size: messages per invocation.
        invoke: invokes the function with an event.
        on_batch: called after each invocation, before messages are delivered again.
    """
    messages = itertools.chain.from_iterable(_messages(number, item) for number, item in enumerate(objects))
    queue = deque((key, body, 1) for key, body in messages)
    report = DeliveryReport([], [])
    while queue:
        taken = [queue.popleft() for _ in range(min(batch_size, len(queue)))]
        invocation = invoke({"Records": [events.message(key, body, receives) for key, body, receives in taken]})
        failed = set(_failed(invocation, [key for key, _, _ in taken]))
        report.batches.append(Batch(tuple(key for key, _, _ in taken), invocation.invoke_ms, tuple(sorted(failed))))
        on_batch(report.batches[-1])
        for key, body, receives in taken:
            if key in failed and receives == MAX_RECEIVES:
                report.dead.append(key)
            elif key in failed:
                queue.append((key, body, receives + 1))
    return report


def _failed(invocation: Invocation, keys: list[str]) -> Iterator[str]:
    """Yield the keys to deliver again: all of them if the invocation failed or its response is invalid."""
    response = invocation.response
    if invocation.error or not isinstance(response, dict) or set(response) != {"batchItemFailures"}:
        yield from keys
        return
    for item in response["batchItemFailures"]:
        if item["itemIdentifier"] not in keys:
            yield from keys
            return
        yield item["itemIdentifier"]


def _messages(number: int, item: SoakObject) -> list[tuple[str, str]]:
    """Return id and body of the messages of an object; that of an older version is the first or the last of two."""
    newest = (item.key, _body(number, item))
    if item.older is None:
        return [newest]
    older = item._replace(data=item.older, version_id=item.older_version_id)
    messages = [newest, (item.older_id, _body(number, older, OLDER_SEQUENCER))]
    return messages if number // EVERY % 2 == 0 else messages[::-1]


def _body(number: int, item: SoakObject, sequencer: str = SEQUENCER) -> str:
    """Return the notification of an object: in rotation from S3, from S3 through SNS, and from EventBridge."""
    fields = (item.key, len(item.data), item.etag, sequencer, item.version_id)
    notification = events.eventbridge(*fields) if number % 3 == 2 else {"Records": [events.s3_record(*fields)]}
    if number % 3 == 1:
        notification = {"Type": "Notification", "TopicArn": events.TOPIC_ARN, "Message": json.dumps(notification)}
    return json.dumps(notification)
