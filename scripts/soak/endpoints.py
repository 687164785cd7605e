"""Invocations of the mixed soak test for the endpoints beside the model, API keys, uploads and annotated images."""

from __future__ import annotations

import json
from collections.abc import Callable

from scripts.soak import events
from scripts.soak.calls import Call
from scripts.soak.choice import Choice, direct_event

IMAGE_TYPES = ("image/jpeg", "image/png")
WRONG_KEYS: tuple[dict[str, str], ...] = (
    {},
    {"x-api-key": "other"},
    {"authorization": f"Bearer {events.KEY}x"},
    {"authorization": "Basic eDp5"},
)
UNAUTHORIZED, NOT_ACCEPTABLE = ("Unauthorized",), ("NotAcceptable",)


def _page(choice: Choice) -> Call:
    return _get(choice, "page", "html", "/", {})


def _docs(choice: Choice) -> Call:
    return _get(choice, "docs", "html", "/docs", choice.rng.choice(({}, events.WITH_KEY)))


def _openapi(choice: Choice) -> Call:
    return _get(choice, "openapi", "openapi", "/openapi.json", events.WITH_KEY)


def _model(choice: Choice) -> Call:
    return _get(choice, "model", "model", "/model", {"authorization": f"Bearer {events.KEY}"})


def _upload(choice: Choice) -> Call:
    front_end = choice.rng.choice(events.FRONT_ENDS)
    body = choice.rng.choice((b"", b'{"content_type": "image/png"}'))
    return Call("upload", "upload", events.http(front_end, "POST", "/uploads", body, "application/json"))


def _upload_without_key(choice: Choice) -> Call:
    front_end, headers = choice.rng.choice(events.FRONT_ENDS), choice.rng.choice(WRONG_KEYS)
    event = events.http(front_end, "POST", "/uploads", b"", "application/json", headers=headers)
    return Call("upload, wrong key", "refused", event, error=UNAUTHORIZED)


def _wrong_key(choice: Choice) -> Call:
    front_end, headers = choice.rng.choice(events.FRONT_ENDS), choice.rng.choice(WRONG_KEYS)
    method, path = choice.rng.choice((("POST", "/"), ("GET", "/model"), ("GET", "/openapi.json")))
    event = events.http(front_end, method, path, choice.image().data, "image/jpeg", headers=headers)
    return Call("wrong key", "refused", event, error=UNAUTHORIZED)


def _annotated(choice: Choice) -> Call:
    item = choice.inline()
    body = json.dumps({**direct_event(item.image), "annotate": True}).encode()
    return Call("annotated", "annotated", choice.http(body, "application/json"), (item,))


def _accept(choice: Choice) -> Call:
    item, accepted = choice.inline(), choice.rng.choice(IMAGE_TYPES)
    event = choice.http(item.image.data, item.image.content_type, accept=f"{accepted}, application/json;q=0.5")
    return Call("annotated, accept", accepted, event, (item,))


def _accept_list(choice: Choice) -> Call:
    body = json.dumps({"images": [direct_event(choice.image())]}).encode()
    event = choice.http(body, "application/json", accept=choice.rng.choice(IMAGE_TYPES))
    return Call("list, accept", "refused", event, error=NOT_ACCEPTABLE)


def _get(choice: Choice, source: str, form: str, path: str, headers: dict[str, str]) -> Call:
    front_end = choice.rng.choice(events.FRONT_ENDS)
    return Call(source, form, events.http(front_end, "GET", path, b"", "text/plain", headers=headers))


ALL: tuple[Callable[[Choice], Call], ...] = (
    _page, _annotated, _docs, _accept, _openapi, _upload, _model, _upload_without_key, _accept_list, _wrong_key,
)  # fmt: skip
