"""Text that UTF-8 does not have: JSON can spell half of a surrogate pair, anywhere in an event.

The runtime sends responses and errors as UTF-8: a half that it should send would end the invocation without a response.
"""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from function import model, sources
from function.errors import FunctionError, InternalError
from function.model import Model
from function.service import Service
from function.settings import Settings
from tests.support import tensor_models
from tests.support.fake_s3 import FakeS3

EVENTS = sorted((Path(__file__).parent / "sources" / "events").glob("*.json"))
HALF = "\ud800"
MARK = "\ud800\udc01"
ENVIRON = {"ALLOWED_BUCKETS": "photos", "ALLOWED_URL_HOSTS": "*", "CORS_ORIGINS": "https://*.example.com"}


def changed(value: Any, change: Callable[[str], str]) -> Iterator[Any]:
    """Return copies of a JSON value, each with one text or one name of a field changed, also in JSON inside of text."""
    if isinstance(value, str):
        yield change(value)
        if value[:1] in ("{", "["):
            yield from (json.dumps(inner) for inner in changed(json.loads(value), change))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from ([*value[:position], inner, *value[position + 1 :]] for inner in changed(item, change))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield {change(other) if other == name else other: value[other] for other in value}
            yield from (value | {name: inner} for inner in changed(item, change))


def append(text: str) -> str:
    return text + HALF


def replace(text: str) -> str:
    return HALF


def put(value: Any, drawn: Any) -> Any:
    """Return a JSON value with another one in place of the text or of the name of a field that is MARK."""
    if isinstance(value, str):
        if value == MARK:
            return drawn
        return json.dumps(put(json.loads(value), drawn)) if value[:1] in ("{", "[") else value
    if isinstance(value, list):
        return [put(item, drawn) for item in value]
    if isinstance(value, dict):
        return {str(drawn) if name == MARK else name: put(item, drawn) for name, item in value.items()}
    return value


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch, served: Model, red_png: bytes, tmp_path: Path) -> Callable[[Any], Any]:
    """Return the response to an event, or the error that it raises, after the runtime has sent it as UTF-8."""
    s3 = FakeS3()
    s3.install(monkeypatch)
    s3.objects["photos", "in/wall.jpg"] = red_png
    settings = Settings.from_env(ENVIRON)
    tensors = model.load(tensor_models.add(tmp_path / "add.onnx"), threads=1)

    def call(event: Any) -> Any:
        service = Service(tensors if "inputs" in json.dumps(event) else served, settings, "id-1")
        try:
            response = sources.find(event).respond(event, service)
        except FunctionError as error:
            str(error).encode()
            response = error
        else:
            json.dumps(response, ensure_ascii=False, allow_nan=False).encode()
        assert not [result for result in [response, *service.results] if isinstance(result, InternalError)]
        return response

    return call


@pytest.mark.parametrize("change", [append, replace])
@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_half_of_a_surrogate_pair_in_an_event_gives_a_response_or_a_typed_error(
    path: Path, change: Callable[[str], str], answer: Callable[[Any], Any]
) -> None:
    for event in changed(json.loads(path.read_text()), change):
        answer(event)


FORM = {"requestContext": {"http": {"method": "POST"}}, "rawPath": "/", "isBase64Encoded": True, "body": "LS1iLS0="}
REFUSED = {
    "key": {"s3": "s3://photos/\ud800"},
    "key of a result": {"s3": "s3://photos/in/\udfff.jpg"},
    "bucket": {"s3": "s3://\udc00/a"},
    "path of a URL": {"url": "https://example.com/\ud800.jpg"},
    "host of a URL": {"url": "https://ex\udc80ample.com/a.jpg"},
    "scheme of a URL": {"url": "\ud800https://example.com/a.jpg"},
    "base64": {"image_data": "aGk\ud800"},
    "data: URL": {"image_data": "data:image/png;base64,\ud800"},
    "body": {"body": "\udc00"},
    "body in base64": {"body": "\udc00", "isBase64Encoded": True},
    "boundary": FORM | {"headers": {"content-type": "multipart/form-data; boundary=\ud800"}},
    "body of an HTTP request": FORM | {"body": "\ud800", "headers": {"content-type": "application/json"}},
    "item": {"images": ["\ud800"]},
}


@pytest.mark.parametrize("event", REFUSED.values(), ids=REFUSED)
def test_half_of_a_surrogate_pair_in_an_address_or_a_body_is_a_bad_request(
    event: Any, answer: Callable[[Any], Any]
) -> None:
    response = answer(event)
    body = json.loads(response["body"])
    for row in body.get("results", [body]):
        assert row["type"] == "BadRequest"
        row["error"].encode()
    assert response["statusCode"] == (200 if "results" in body else 400)


@pytest.mark.parametrize("name", ["conf\ud800", "\ud800", "image_name\udc00"])
def test_unknown_field_with_half_of_a_surrogate_pair_is_echoed_as_an_escape(
    name: str, answer: Callable[[Any], Any], red_png: bytes
) -> None:
    response = answer({"image_data": base64.b64encode(red_png).decode(), name: 1})
    assert response["body"].isascii()
    assert json.loads(response["body"])["ignored"] == [name]


def test_class_with_half_of_a_surrogate_pair_is_unknown(answer: Callable[[Any], Any], red_png: bytes) -> None:
    response = answer({"image_data": base64.b64encode(red_png).decode(), "classes": ["\ud800"]})
    assert (response["statusCode"], r"unknown class '\ud800'" in json.loads(response["body"])["error"]) == (422, True)


def test_message_of_an_error_has_the_escape_of_a_half() -> None:
    assert str(FunctionError("a\ud800b\U0001f600")) == "a\\ud800b\U0001f600"


texts = st.text(st.characters(categories=["Cs", "Ll", "Nd"]) | st.sampled_from('/:=;,%{}[]"\\'), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
@hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_place_of_a_text_gives_a_response_or_a_typed_error(
    path: Path, data: st.DataObject, answer: Callable[[Any], Any]
) -> None:
    event = json.loads(path.read_text())
    variants = list(changed(event, lambda _: MARK))
    answer(put(data.draw(st.sampled_from(variants)), data.draw(values)))
