"""Events of every source: valid ones with changed fields, faults of S3, responses of servers, time limits."""

import base64
import copy
import json
from collections.abc import Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.fuzz import documented, fake_aws, runtime, values
from tests.fuzz.body_targets import TENSOR_REQUESTS
from tests.fuzz.targets import Target
from tests.fuzz.verdict import check
from tests.support import aws_events

SAMPLES = Path(__file__).parent.parent / "function" / "sources" / "events"
FILES = {  # target -> sample events
    "function-url": ("function_url",),
    "http-api": ("http_api_v1", "http_api_v2"),
    "rest-api": ("rest_v1",),
    "load-balancer": ("alb", "alb_multi_value"),
    "lattice": ("lattice_v1", "lattice_v2"),
    "direct": ("direct", "direct_body"),
    "s3": ("s3_put", "s3_special_key", "s3_copy_versioned", "s3_removed", "s3_test", "sns_s3", "sns_s3_test",
           "eventbridge_created", "eventbridge_deleted"),
    "sqs": ("sqs_s3", "sqs_s3_several_records", "sqs_fifo", "sqs_sns_wrapped", "sqs_sns_raw", "sqs_eventbridge",
            "sqs_s3_test", "sqs_no_notification"),
    "s3-batch": ("s3_batch_1_0", "s3_batch_2_0"),
    "distributed-map": ("map_item", "map_batch"),
    "other-events": ("warmup", "schedule"),
    "inference": ("function_url_tensors", "direct_tensors"),
}  # fmt: skip
STARTS = {  # target -> beginning of the names in tests/support/aws_events.py
    "s3": ("s3 record", "s3 list", "sns", "eventbridge s3", "cloudtrail", "s3 removed", "s3 restored", "s3 test"),
    "sqs": ("sqs", "pipes"),
    "s3-batch": ("s3 batch",),
    "distributed-map": ("map",),
    "direct": ("direct",),
    "load-balancer": ("load balancer",),
    "lattice": ("vpc lattice",),
    "http-api": ("http api",),
    "rest-api": ("rest api",),
}
SOURCES = {  # target -> sources that it covers
    **dict.fromkeys(("function-url", "http-api", "rest-api", "load-balancer", "lattice"), ("http",)),
    "direct": ("direct",),
    "s3": ("s3",),
    "sqs": ("sqs",),
    "s3-batch": ("s3_batch",),
    "distributed-map": ("distributed_map",),
    "other-events": ("warmup", "unknown"),
    "inference": ("direct", "http"),
}
FRONT_ENDS = {  # target -> name of the front end
    "function-url": "Function URL",
    "http-api": "API Gateway HTTP API",
    "rest-api": "API Gateway REST API",
    "load-balancer": "Application Load Balancer",
    "lattice": "VPC Lattice",
}
PATHS = (
    "/", "/detect", "/predict", "/analyze", "/health", "/prod/health", "/v2", "/v2/health/live", "/v2/health/ready",
    "/v2/models/add", "/v2/models/add/ready", "/v2/models/add/infer", "/v2/models/add/versions/3/infer",
    "/model", "/openapi.json", "/docs", "/a b/%/docs", "/v2/models/other/infer", "/uploads",
    "/v2/nothing", "/%2e%2e/v2", "//", "/v2/models/%00/infer", "/" + "a/" * 2000,
)  # fmt: skip
METHODS = ("POST", "GET", "HEAD", "OPTIONS", "PUT", "", "post")
READERS = ("direct", "http", "unknown")  # sources whose caller reads the response
MAX_DEPTH = 12  # of the fields that are changed
NAMES = (
    "body", "headers", "images", "image_data", "url", "s3", "inputs", "Records", "eventSource", "bucket", "key",
    "Bucket", "Key", "object", "name", "Items", "BatchInput", "tasks", "taskId", "messageId", "detail", "conf",
    "classes", "requestContext", "httpMethod", "warmup", "source", "detail-type", "Message", "multiValueHeaders",
    "versionId", "sequencer", "userArguments", "job", "requestPayload", "s3Key", "shape", "data", "datatype",
)  # fmt: skip
REMAINING_MS = (30_000, 30_000, 900_000, 3_000, 400, 0)
KEY, KEY_SHA256 = "secret", "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
ENVIRONS: tuple[dict[str, str], ...] = (
    {}, {}, {"ANNOTATE": "1"}, {"CORS_ORIGINS": "https://a.example,https://*.b.example"}, {"CORS_ORIGINS": "*"},
    {"RESULT_BUCKET": "results-bucket", "RESULT_PREFIX": ""}, {"MAX_IMAGES": "2"}, {"METRICS": "classes"},
    {"UPLOAD_BUCKET": "photos"}, {"API_KEY_SHA256": KEY_SHA256},
    {"ALLOWED_BUCKETS": "", "ALLOWED_URL_HOSTS": ""}, {"MAX_OBJECT_BYTES": "100"}, {"MAX_IMAGE_PIXELS": "100"},
)  # fmt: skip

BOOLEAN, COUNT, PLACE, CHANGES = st.booleans(), st.integers(1, 20), st.integers(0, 1 << 16), st.integers(0, 4)
PATH, METHOD = st.sampled_from(PATHS), st.sampled_from(("POST", "POST", "POST", *METHODS))
ODD_VALUE, TEXT = st.sampled_from(values.ODD_VALUES), st.text(max_size=30)
WRAP = st.sampled_from(
    (lambda value: [value], lambda value: {"value": value}, lambda value: [value, copy.deepcopy(value)])
)
NAME = st.one_of(st.text(max_size=10), st.sampled_from(NAMES))
CHANGE = st.sampled_from(("replace", "replace", "replace", "remove", "rename", "wrap", "repeat", "text", "any"))


def run(data: bytes) -> None:
    """Invoke the function with an event.

    Args:
        data: JSON text: the event, and optional: environ, faults (number of a request to S3 and a name in FAULTS),
            web (responses of servers, in base64), remaining_ms and model.
    """
    case = json.loads(data)
    event, environ = case["event"], case.get("environ", {})
    s3, web = runtime.new_s3(), runtime.FakeWeb([base64.b64decode(text) for text in case.get("web", ())])
    s3.faults = {int(number): name for number, name in case.get("faults", {}).items()}
    model, remaining = case.get("model", "colors"), case.get("remaining_ms", runtime.REMAINING_MS)
    source = runtime.event_name(event)

    def documented_response(value: Any) -> None:
        documented.FORMS[source](event, value)
        for address in s3.written:
            if address[1].endswith(".json") and address in s3.objects and s3.objects[address] != fake_aws.CHANGED:
                documented.stored_result(s3.objects[address])

    with s3.installed(), web.installed():
        check(
            lambda: runtime.invoke(copy.deepcopy(event), model, remaining, **environ),
            documented_response,
            _raised(source, event),
            runtime.is_injected,
        )


def _raised(source: str, event: Any) -> tuple[type[Exception], ...]:
    """Return the documented errors that may leave the function for an event."""
    from function.errors import BadRequest, FunctionError

    if source == "unknown":
        from function.sources import unknown

        return (BadRequest,) if unknown.find_sender(event) else ()
    if source in ("sqs", "s3_batch"):
        return () if _has_ids(source, event) else (BadRequest,)
    return () if source in (*READERS, "warmup") else (FunctionError,)


def _has_ids(source: str, event: Any) -> bool:
    """Return whether every message or task can be reported."""
    if source == "sqs":
        messages = event["Records"] if isinstance(event, dict) else event
        ids = [message.get("messageId") if isinstance(message, dict) else None for message in messages]
        return all(map(_is_name, ids))
    ids = [event.get("invocationId"), event.get("invocationSchemaVersion")]
    if not isinstance(event["tasks"], list):
        return False
    ids += [task.get("taskId") if isinstance(task, dict) else None for task in event["tasks"]]
    return all(map(_is_name, ids))


def _is_name(value: Any) -> bool:
    """Return whether a response can repeat a value as the id of a message or a task."""
    return isinstance(value, str) and value != "" and not any("\ud800" <= letter <= "\udfff" for letter in value)


def cases(name: str) -> Any:
    """Return the strategy of a target: a case of `run`."""
    events = base_events(name)
    event = st.sampled_from(events).flatmap(lambda base: _changed(_prepared(name, base)))
    optional: dict[str, Any] = {
        "faults": st.dictionaries(
            st.integers(0, 8).map(str), st.sampled_from(sorted(fake_aws.FAULTS)), min_size=1, max_size=4
        ),
        "web": st.lists(st.sampled_from(_web_responses()), min_size=1, max_size=3),
        "environ": st.sampled_from(ENVIRONS),
        "remaining_ms": st.sampled_from(REMAINING_MS),
        "model": st.sampled_from(list(runtime.TENSOR_MODELS if name == "inference" else runtime.IMAGE_MODELS)),
    }
    if name == "inference":
        return st.fixed_dictionaries({"event": event, "model": optional.pop("model")}, optional=optional)
    return st.fixed_dictionaries({"event": event}, optional=optional)


def base_events(name: str) -> list[Any]:
    """Return the valid events of a target."""
    events = [json.loads((SAMPLES / f"{file}.json").read_text("utf-8")) for file in FILES[name]]
    known = aws_events.READ | aws_events.ACKNOWLEDGED | aws_events.ANSWERED
    if name == "other-events":
        used = tuple(start for starts in STARTS.values() for start in starts)
        others = {key: value for key, value in known.items() if not key.startswith(used)}
        return [*events, *others.values(), *aws_events.RAISED.values()]
    return events + [value for key, value in known.items() if key.startswith(STARTS.get(name, ("\0",)))]


def _prepared(name: str, event: Any) -> Any:
    """Return the strategy of an event with another body, path, method and query, if it is one of HTTP."""
    if name in FRONT_ENDS or name == "inference":
        return _http_event(event, name == "inference")
    if name == "direct":
        return st.one_of(st.just(event), _requests(), _requests().map(lambda fields: {"body": json.dumps(fields)}))
    return st.just(event)


@st.composite
def _http_event(draw: Any, event: dict[str, Any], is_tensor: bool) -> dict[str, Any]:
    event = copy.deepcopy(event)
    if is_tensor and draw(BOOLEAN):
        return {"body": json.dumps(draw(_tensor_requests()))} if draw(BOOLEAN) else draw(_tensor_requests())
    path, method = draw(PATH), draw(METHOD)
    for field in ("rawPath", "path", "raw_path"):
        if field in event:
            event[field] = path
    http = event.get("requestContext", {}).get("http") if isinstance(event.get("requestContext"), dict) else None
    for holder in (event, http):
        for field in ("httpMethod", "method"):
            if isinstance(holder, dict) and field in holder:
                holder[field] = method
    body, content_type = draw(_tensor_bodies() if is_tensor else _bodies())
    is_base64 = draw(BOOLEAN)
    event["body"] = base64.b64encode(body).decode() if is_base64 else body.decode("utf-8", "replace")
    event["is_base64_encoded" if "raw_path" in event else "isBase64Encoded"] = is_base64
    for field in ("headers", "multiValueHeaders"):
        if isinstance(event.get(field), dict):
            headers = {"content-type": content_type} | draw(_headers())
            is_list = field == "multiValueHeaders"
            event[field] = {name: [value] if is_list else value for name, value in headers.items()}
    query = draw(_options())
    if query:
        event["queryStringParameters"] = {key: values.as_text(value) for key, value in query.items()}
    return event


@cache
def _headers() -> Any:
    names = st.sampled_from((
        "content-encoding", "origin", "access-control-request-headers", "host", "accept", "x-api-key", "authorization",
        "x-forwarded-proto",
    ))  # fmt: skip
    texts = st.sampled_from((KEY, f"Bearer {KEY}", "https://a.example", "a.example:8443", "http"))
    return st.dictionaries(names, st.one_of(texts, st.sampled_from(values.ODD_TEXTS)), max_size=2)


@cache
def _options() -> Any:
    pairs = [(alias, value) for alias, name in values.aliases().items() for value in values.OPTION_VALUES[name]]
    names = [*values.aliases(), "classes[]", "classes[0]", "image_name", "unknown", "Conf"]
    odd = st.tuples(st.sampled_from(names), st.sampled_from(values.ODD_VALUES))
    return st.lists(st.one_of(st.sampled_from(pairs), odd), max_size=3).map(dict)


@cache
def _images() -> Any:
    png = base64.b64encode(runtime.png()).decode()
    good: list[dict[str, Any]] = [
        {"image_data": png}, {"url": "https://a.example/a.png"}, {"s3": f"s3://{runtime.BUCKET}/{runtime.KEY}"},
    ]  # fmt: skip
    odd = st.tuples(st.sampled_from(("image_data", "url", "s3", "image_name")), st.sampled_from(values.ODD_VALUES))
    chosen = st.one_of(st.sampled_from(good), odd.map(lambda pair: dict([pair])))
    return st.tuples(chosen, _options()).map(lambda parts: parts[0] | parts[1])


@cache
def _requests() -> Any:
    several = st.lists(st.one_of(_images(), st.sampled_from(values.ODD_VALUES)), max_size=4)
    lists = st.tuples(several, _options()).map(lambda parts: {"images": parts[0]} | parts[1])
    return st.one_of(_images(), lists)


@cache
def _bodies() -> Any:
    """Return the strategy of a body and its content type."""
    as_json = _requests().map(lambda fields: (json.dumps(fields).encode(), "application/json"))
    image = st.just((runtime.png(), "image/png"))
    text = st.sampled_from(values.ODD_TEXTS).map(lambda text: (text.encode("utf-8", "replace"), "text/plain"))
    return st.one_of(as_json, image, text, _options().map(_form))


def _form(fields: dict[str, Any]) -> tuple[bytes, str]:
    part = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n' + runtime.png() + b"\r\n"
    for name, value in fields.items():
        text = values.as_text(value).encode("utf-8", "replace")
        part += b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), text)
    return part + b"--b--\r\n", "multipart/form-data; boundary=b"


@cache
def _tensor_requests() -> Any:
    known = st.sampled_from([{"id": "1", "inputs": inputs} for inputs in TENSOR_REQUESTS.values()])
    outputs = st.sampled_from(([], None, [{"name": "y"}], [{"name": "sum"}, {"name": "twice"}], [{"name": "none"}]))
    return st.one_of(known, st.tuples(known, outputs).map(lambda parts: parts[0] | {"outputs": parts[1]}))


@cache
def _tensor_bodies() -> Any:
    as_json = _tensor_requests().map(lambda fields: (json.dumps(fields).encode(), "application/json"))
    return st.one_of(as_json, _bodies())


def _web_responses() -> list[str]:
    png = runtime.png()
    responses = (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(png) + png,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + png,
        b"HTTP/1.1 302 Found\r\nLocation: https://b.example/\r\n\r\n",
        b"HTTP/1.1 500 Error\r\n\r\n",
        b"\0" * 100,
        b"",
    )
    return [base64.b64encode(response).decode() for response in responses]


@st.composite
def _changed(draw: Any, prepared: Any) -> Any:
    """Return the strategy of a value with some of its fields changed, also inside of JSON texts."""
    value = copy.deepcopy(draw(prepared))
    for _ in range(draw(CHANGES)):
        places = list(_places(value, ()))
        if places:
            value = _with(value, places[draw(PLACE) % len(places)], draw)
    return value


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each field and item; "json" is the step into a JSON text."""
    if len(path) > MAX_DEPTH:
        return
    children: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value[:20])
    elif isinstance(value, str) and value[:1] in "{[" and (inner := _inner(value)):
        yield from _places(inner, (*path, "json"))
    for key, child in children:
        yield (*path, key)
        yield from _places(child, (*path, key))


def _inner(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _with(value: Any, path: tuple[Any, ...], draw: Any) -> Any:
    """Return a value with the field at a path changed."""
    key, *rest = path
    if key == "json" and isinstance(value, str):
        return json.dumps(_with(_inner(value), tuple(rest), draw))
    if rest:
        value[key] = _with(value[key], tuple(rest), draw)
        return value
    change = draw(CHANGE)
    if change == "replace":
        value[key] = copy.deepcopy(draw(ODD_VALUE))
    elif change == "any":
        value[key] = draw(_any_json())
    elif change == "text":
        value[key] = json.dumps(value[key]) if not isinstance(value[key], str) else draw(TEXT)
    elif change == "wrap":
        value[key] = draw(WRAP)(value[key])
    elif change == "remove":
        value.pop(key)
    elif change == "rename" and isinstance(value, dict):
        value[draw(NAME)] = value.pop(key)
    elif change == "repeat" and isinstance(value, list):
        value.extend(copy.deepcopy(value[key]) for _ in range(draw(COUNT)))
    return value


@cache
def _any_json() -> Any:
    leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20))
    return st.recursive(
        leaves,
        lambda children: st.one_of(
            st.lists(children, max_size=4), st.dictionaries(st.sampled_from(NAMES), children, max_size=4)
        ),
        max_leaves=8,
    )


def _seeds(name: str) -> Iterator[bytes]:
    model = {"model": "add"} if name == "inference" else {}
    for event in base_events(name):
        for case in ({"event": event}, {"event": event, "remaining_ms": 0, "faults": {"0": "read"}}):
            yield json.dumps(case | model).encode()


def _covers(name: str) -> frozenset[str]:
    covered = [f"source:{source}" for source in SOURCES[name]]
    covered += [f"front end:{FRONT_ENDS[name]}"] if name in FRONT_ENDS else []
    covered += [f"path:{path}" for path in PATHS] if name in FRONT_ENDS else []
    return frozenset(covered)


TARGETS = {name: Target(run, partial(_seeds, name), _covers(name), (), partial(cases, name)) for name in FILES}
