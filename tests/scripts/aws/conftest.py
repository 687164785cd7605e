"""AWS with responses from a table behind the real boto3, and zips to deploy."""

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from botocore.client import BaseClient

from tests.support import built_zips

ENVIRON = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    "AWS_EC2_METADATA_DISABLED": "true",
}
OTHER_VARIABLES = ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL")


class Error(NamedTuple):
    """A response with an error of AWS."""

    code: str
    message: str = "none"
    status: int = HTTPStatus.BAD_REQUEST


class FakeAws:
    """Responses by the names of operations. boto3 checks the parameters and writes the requests, which go nowhere."""

    def __init__(self) -> None:
        self.responses: dict[str, Any] = {"GetCallerIdentity": {"Account": "123456789012"}}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.calls]

    def record(self, operation: str, parameters: dict[str, Any]) -> None:
        self.calls.append((operation, parameters))

    def respond(self, operation: str) -> tuple[Any, dict[str, Any]]:
        """Return the HTTP response and its parsed form, as `BaseClient._make_request` does."""
        response = self.responses.get(operation, Error("ResourceNotFoundException", status=HTTPStatus.NOT_FOUND))
        if isinstance(response, list):  # one for each call
            response = response.pop(0)
        if not isinstance(response, Error):
            return SimpleNamespace(status_code=HTTPStatus.OK), response
        metadata = {"HTTPStatusCode": response.status}
        error = {"Code": response.code, "Message": response.message}
        return SimpleNamespace(status_code=response.status), {"Error": error, "ResponseMetadata": metadata}


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    for name in OTHER_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, credentials: None) -> Iterator[FakeAws]:
    fake = FakeAws()
    call = BaseClient._make_api_call

    def record(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        fake.record(operation, parameters)
        return call(client, operation, parameters)

    def respond(client: Any, operation_model: Any, request: dict[str, Any], context: dict[str, Any]) -> Any:
        return fake.respond(operation_model.name)

    monkeypatch.setattr(BaseClient, "_make_api_call", record)
    monkeypatch.setattr(BaseClient, "_make_request", respond)
    monkeypatch.setattr("scripts.aws.lambda_function.ROLE_WAIT", 0)
    yield fake


@pytest.fixture(autouse=True)
def present_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run commands in this process, also if another version of a package is here than in the environment `aws`."""
    monkeypatch.setattr("scripts.environments.has_packages", lambda name="build": True)


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    return built_zips.write(tmp_path / "dist")


@pytest.fixture
def function(aws: FakeAws, dist: Path) -> Any:
    from tests.scripts.aws.function import Function

    return Function(aws, dist)
