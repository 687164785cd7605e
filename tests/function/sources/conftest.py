"""The bucket `photos` with an image, and the response of a source with the errors that it recorded."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from function import sources
from function.model import Model
from function.results import Inference, Result
from function.service import Service
from function.settings import Settings
from tests.support.fake_s3 import FakeS3


class Reply(NamedTuple):
    """What a source returned, and what it recorded for the metrics."""

    value: Any
    results: list[Result | Inference]

    @property
    def failed(self) -> list[str]:
        """Ids of the messages that failed."""
        return [item["itemIdentifier"] for item in self.value["batchItemFailures"]]


@pytest.fixture
def photos(monkeypatch: pytest.MonkeyPatch, red_png: bytes) -> FakeS3:
    """A bucket with an image."""
    fake = FakeS3()
    fake.install(monkeypatch)
    fake.objects["photos", "in/wall.jpg"] = red_png
    return fake


@pytest.fixture
def invoke(photos: FakeS3, served: Model) -> Callable[..., Reply]:
    """Return the reply to an event, predicted by the color model; keyword arguments are environment variables."""

    def call(event: Any, **environ: str) -> Reply:
        service = Service(served, Settings.from_env(environ), "id-1")
        value = sources.find(event).respond(event, service)
        return Reply(json.loads(json.dumps(value, allow_nan=False)), service.results)

    return call
