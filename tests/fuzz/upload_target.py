"""Requests for an upload: bodies, authorizers, keys and paths, with UPLOAD_BUCKET and without it."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.fuzz import event_targets, values
from tests.fuzz.targets import Target

ENVIRON = {"UPLOAD_BUCKET": "photos"}
IAM = {"iam": {"userArn": "arn:aws:iam::111122223333:user/a"}}
AUTHORIZERS = (IAM, IAM, {"jwt": {"claims": {"sub": "a"}}}, {"lambda": None}, {"scopes": None}, {}, *values.ODD_VALUES)
BODIES = (
    *("", "{}", '{"content_type": "image/png"}', '{"content_type": "text/html"}', "[]", "{"),
    *('{"s3": "s3://photos/uploads/a"}', '{"content_typ": "image/png"}', '{"content_type": null, "a": {}, "conf": 2}'),
    json.dumps(dict.fromkeys(map(str, range(1001)))),
)
PATHS = ("/uploads", "/uploads/", "/prod/uploads", "//uploads", "/uploads/a", "/v2/uploads", "/")
FILES = ("function_url", "http_api_v2", "rest_v1", "alb", "lattice_v2")


def cases() -> Any:
    """Return the strategy of a case of `event_targets.run`."""
    return st.fixed_dictionaries(
        {"event": _events(), "environ": st.sampled_from((ENVIRON, ENVIRON, {}))},
        optional={"remaining_ms": st.sampled_from(event_targets.REMAINING_MS)},
    )


def seeds() -> Iterator[bytes]:
    """Yield valid cases."""
    for event in _base_events():
        yield json.dumps({"event": _with(event, "/uploads", BODIES[2], IAM), "environ": ENVIRON}).encode()


def _base_events() -> list[dict[str, Any]]:
    return [json.loads((event_targets.SAMPLES / f"{name}.json").read_text("utf-8")) for name in FILES]


@st.composite
def _events(draw: Any) -> dict[str, Any]:
    path, authorizer = draw(st.sampled_from(PATHS)), draw(st.sampled_from(AUTHORIZERS))
    odd = st.sampled_from(values.ODD_VALUES).map(lambda value: json.dumps({"content_type": value}))
    body = draw(st.one_of(st.sampled_from(BODIES), odd, st.text(max_size=20)))
    return _with(draw(st.sampled_from(_base_events())), path, body, authorizer)


def _with(event: dict[str, Any], path: str, body: str, authorizer: Any) -> dict[str, Any]:
    """Return an event with a path, a text as its body and an authorizer."""
    event = copy.deepcopy(event)
    for field in ("rawPath", "path"):
        if field in event:
            event[field] = path
    event |= {"body": body, "isBase64Encoded": False}
    event["requestContext"]["authorizer"] = authorizer
    return event


TARGETS = {"uploads": Target(event_targets.run, seeds, frozenset({"path:/uploads"}), (), cases)}
