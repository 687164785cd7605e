"""Plan of the mixed soak test: the invocation of each number, in turn from every source, one in fifty with a fault.

The invocation of a number is always the same, so that a failure can be repeated.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from scripts.soak import endpoints, events, images
from scripts.soak.calls import Call, Item
from scripts.soak.choice import Choice, direct_event
from scripts.soak.fault_proxy import KINDS, Fault
from scripts.soak.fixtures import BUCKET
from scripts.soak.images import KnownImage

EVERY = 50  # one invocation of this many has a fault
FAULT_AT = 23  # its position in each fifty
REPEAT_AT = 11  # position of an invocation that is delivered twice, as S3 and SQS may do
SLOW = Fault("GET", 200, "slow", delay_s=1.5)  # not a failure
DRIP = Fault("GET", 200, "dripping body", drip_s=0.5)  # never ends in time
FAULTS = (*KINDS, SLOW, DRIP)
READABLE = ("small", "medium", "tiny")  # kinds of images whose row of the response only a fault can change
SAME = "conf=0.25"  # the default, so that the response is the same
BAD_REQUEST, INVALID_OPTION, NOT_FOUND = ("BadRequest",), ("InvalidOption",), ("NotFound",)


def call(number: int, known: Sequence[KnownImage], seed: int) -> Call:
    """Return the invocation of a number.

    Args:
        number: 0 or more.
        known: the images.
        seed: another seed makes other choices.
    """
    choice = Choice(number, random.Random(f"{seed} {number}"), known, tuple(images.WEIGHTS))
    turn, position = divmod(number, EVERY)
    if position != FAULT_AT:
        return ALL[number % len(ALL)](choice)
    if turn % 3 == 2:
        return BROKEN[turn // 3 % len(BROKEN)](choice)
    turn -= turn // 3
    made = OBJECTS[turn % len(OBJECTS)](choice._replace(kinds=READABLE))
    fault = FAULTS[turn % len(FAULTS)]
    return made._replace(fault=fault if made.stores or fault.method == "GET" else KINDS[0])


def has_fault(number: int) -> bool:
    """Return whether the invocation of a number has a fault."""
    return number % EVERY == FAULT_AT


def is_repeated(number: int) -> bool:
    """Return whether the platform delivers the event of a number twice."""
    return number % EVERY == REPEAT_AT


def _raw(choice: Choice) -> Call:
    front_end, item = events.FRONT_ENDS[choice.number // len(ALL) % len(events.FRONT_ENDS)], choice.inline()
    path = choice.rng.choice(("/", "/analyze", "/default/images"))
    query = choice.rng.choice(("", SAME))
    event = events.http(front_end, "POST", path, item.image.data, item.image.content_type, query)
    return Call(front_end, "http", event, (item,))


def _direct(choice: Choice) -> Call:
    item = choice.inline()
    return Call("direct", "http", direct_event(item.image), (item,))


def _direct_body(choice: Choice) -> Call:
    item = choice.inline()
    return Call("direct, body", "http", {"body": json.dumps(direct_event(item.image))}, (item,))


def _json(choice: Choice) -> Call:
    item = choice.inline()
    body = json.dumps(direct_event(item.image)).encode()
    return Call("json", "http", choice.http(body, "application/json"), (item,))


def _form(choice: Choice) -> Call:
    item = choice.inline()
    body, kind = events.form([(item.image.name, item.image.content_type, item.image.data)], {"conf": "0.25"})
    return Call("form", "http", choice.http(body, kind), (item,))


def _form_files(choice: Choice) -> Call:
    items = (choice.inline(), choice.inline())
    body, kind = events.form([(item.image.name, item.image.content_type, item.image.data) for item in items], {})
    return Call("form, two files", "images", choice.http(body, kind), items)


def _images(choice: Choice) -> Call:
    (stored,) = choice.in_s3(1)
    items = (choice.inline(), stored, choice.inline())
    entries = [{"s3": f"s3://{BUCKET}/{item.key}"} if item.key else direct_event(item.image) for item in items]
    return Call("images", "images", {"images": entries}, items)


def _direct_s3(choice: Choice) -> Call:
    items = choice.in_s3(1)
    return Call("direct, s3", "http", {"s3": f"s3://{BUCKET}/{items[0].key}"}, items)


def _health(choice: Choice) -> Call:
    front_end = choice.rng.choice(events.FRONT_ENDS)
    return Call("health", "health", events.http(front_end, "GET", "/health", b"", "text/plain"))


def _warm_up(choice: Choice) -> Call:
    return Call("warm-up", "warm", choice.rng.choice(({"warmup": True}, {"source": "serverless-plugin-warmup"})))


def _schedule(_: Choice) -> Call:
    return Call("schedule", "warm", {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})


def _wrong_option(choice: Choice) -> Call:
    event = events.http("function url", "POST", "/", choice.image().data, "image/jpeg", "conf=2")
    return Call("wrong option", "refused", event, error=INVALID_OPTION)


def _unknown_path(choice: Choice) -> Call:
    event = events.http(choice.rng.choice(events.FRONT_ENDS), "GET", "/none", b"", "text/plain")
    return Call("unknown path", "refused", event, error=NOT_FOUND)


def _s3(choice: Choice) -> Call:
    items = choice.in_s3(1)
    return Call("s3", "rows", {"Records": [_record(items[0])]}, items, stores=True)


def _sns(choice: Choice) -> Call:
    items = choice.in_s3(1)
    return Call("sns", "rows", events.sns({"Records": [_record(items[0])]}), items, stores=True)


def _eventbridge(choice: Choice) -> Call:
    items = choice.in_s3(1)
    return Call("eventbridge", "rows", events.eventbridge(*_fields(items[0])), items, stores=True)


def _sqs(choice: Choice) -> Call:
    items = choice.in_s3(3)
    return Call("sqs", "batch", {"Records": _messages(items)}, items, stores=True)


def _pipe(choice: Choice) -> Call:
    items = choice.in_s3(2)
    return Call("pipe", "batch", _messages(items), items, stores=True)


def _s3_batch(choice: Choice) -> Call:
    items, schema = choice.in_s3(1), choice.rng.choice(("1.0", "2.0"))
    return Call(f"s3 batch {schema}", "tasks", events.s3_batch(schema, [items[0].key]), items, stores=True)


def _map_item(choice: Choice) -> Call:
    items = choice.in_s3(1)
    return Call("map item", "row", {"bucket": BUCKET, **events.map_item(*_fields(items[0]))}, items, stores=True)


def _map_batch(choice: Choice) -> Call:
    items = choice.in_s3(2)
    event = {"BatchInput": {"bucket": BUCKET}, "Items": [events.map_item(*_fields(item)) for item in items]}
    return Call("map batch", "rows", event, items, stores=True)


def _unknown_event(_: Choice) -> Call:
    return Call("unknown event", "raised", {"Records": [{"eventSource": "aws:kinesis"}]}, error=BAD_REQUEST)


def _truncated_json(choice: Choice) -> Call:
    body = json.dumps(direct_event(choice.image())).encode()
    return Call("truncated json", "refused", choice.http(body[: len(body) // 2], "application/json"), error=BAD_REQUEST)


def _unreadable_message(choice: Choice) -> Call:
    """Return a batch whose first message is not JSON; the others get their results."""
    first, *others = choice._replace(kinds=READABLE).in_s3(3)
    records = [events.message(first.key, '{"Records": [{"s3": '), *_messages(others)]
    items = (first._replace(error=BAD_REQUEST, is_reported=True), *others)
    return Call("unreadable message", "batch", {"Records": records}, items, stores=True)


def _no_event(_: Choice) -> Call:
    return Call("no event", "refused", {}, error=BAD_REQUEST)


def _missing_object(choice: Choice) -> Call:
    return Call("missing object", "refused", {"s3": f"s3://{BUCKET}/none/{choice.number}"}, error=NOT_FOUND)


def _fields(item: Item) -> tuple[str, int, str]:
    stored = item.stored
    return stored.key, len(stored.data), stored.etag


def _record(item: Item) -> dict[str, Any]:
    return events.s3_record(*_fields(item))


def _messages(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Return a message for each object, in turn in the forms of S3, EventBridge and a request."""
    forms: list[dict[str, Any]] = []
    for at, item in enumerate(items):
        uri = {"s3": f"s3://{BUCKET}/{item.key}"}
        forms.append(({"Records": [_record(item)]}, events.eventbridge(*_fields(item)), uri)[at % 3])
    return [events.message(item.key, json.dumps(body)) for item, body in zip(items, forms, strict=True)]


Maker = Callable[[Choice], Call]
OBJECTS: tuple[Maker, ...] = (
    _sqs, _s3, _s3_batch, _eventbridge, _map_item, _direct_s3, _sns, _pipe, _map_batch, _images,
)  # fmt: skip
ALL: tuple[Maker, ...] = (
    *OBJECTS, _raw, _direct, _json, _raw, _form, _direct_body, _raw, _form_files, _health, _raw, _warm_up,
    _wrong_option, _raw, _schedule, _raw, _unknown_path, _raw, *endpoints.ALL,
)  # fmt: skip
BROKEN: tuple[Maker, ...] = (_truncated_json, _unreadable_message, _unknown_event, _no_event, _missing_object)
