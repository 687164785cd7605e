"""The bucket `photos` of moto with images of tests/golden, and the state machine of template.yaml with the function."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from function import storage
from tests.conftest import ROOT
from tests.support.bulk import Function, machine
from tests.support.state_machine import StateMachine

GOLDEN = ROOT / "tests" / "golden"
IMAGES = ("alpha.png", "cmyk.jpg", "gray.jpg", "photo-cat.jpg", "small.bmp")
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The bucket `photos` with images of tests/golden below in/."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        storage._client.cache_clear()
        client = boto3.client("s3")
        client.create_bucket(Bucket="photos")
        for name in IMAGES:
            client.put_object(Bucket="photos", Key=f"in/{name}", Body=(GOLDEN / name).read_bytes())
        yield client
    storage._client.cache_clear()


@pytest.fixture
def function(handler: ModuleType) -> Function:
    return Function(handler)


@pytest.fixture
def bulk(s3: Any, function: Function) -> StateMachine:
    return machine(s3, function)
