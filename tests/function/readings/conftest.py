"""A local Bedrock, and a service of the color model with a reader."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image

from function import sources
from function.model import Model
from function.readings import bedrock as converse
from function.readings.reader import Reader
from function.service import Service
from function.settings import Settings
from tests.conftest import encode
from tests.function.sources.test_http import event
from tests.support.fake_bedrock import FakeBedrock

MODEL_ID = "anthropic.claude-haiku"


@pytest.fixture
def bedrock(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBedrock]:
    """A server that boto3 takes for Bedrock."""
    with FakeBedrock() as fake:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", fake.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        converse._client.cache_clear()
        yield fake
        if converse._client.cache_info().currsize:
            converse._client().close()
        converse._client.cache_clear()


@pytest.fixture
def reading_service(served: Model) -> Callable[..., Service]:
    """Make a service whose detections are read; the keyword arguments are environment variables."""

    def make(remaining_ms: Callable[[], int] | None = None, **environ: str) -> Service:
        settings = Settings.from_env({"READ_MODEL_ID": MODEL_ID, **environ})
        assert settings.reading
        reader = Reader.load(settings.reading, settings, served.metadata)
        return Service(served, settings, "request-1", remaining_ms, reader=reader)

    return make


def readings(body: dict[str, Any]) -> list[Any]:
    """Return the readings of a response, None for a detection without one."""
    return [detection.get("reading") for detection in body["detections"]]


def cells(reds: int, blues: int = 0) -> bytes:
    """An image with cells of the color model that do not touch, red ones first, at most 25."""
    drawn = Image.new("RGB", (320, 320), (114, 114, 114))
    for number in range(reds + blues):
        x, y = 64 * (number % 5), 64 * (number // 5)
        drawn.paste((255, 0, 0) if number < reds else (0, 0, 255), (x, y, x + 32, y + 32))
    return encode(drawn)


TWO = cells(1, 1)


def respond(service: Service, sample: Any) -> tuple[int, dict[str, Any]]:
    reply = sources.find(sample).respond(sample, service)
    return reply["statusCode"], json.loads(reply["body"])


def direct(data: bytes = TWO, **fields: Any) -> dict[str, Any]:
    return {"image_data": base64.b64encode(data).decode(), **fields}


def http(name: str, context: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    sample = event(name, body=TWO, **options)
    sample["requestContext"] = {**(sample.get("requestContext") or {}), **(context or {})}
    return sample
