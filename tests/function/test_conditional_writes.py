"""Responses of S3 to a conditional write: one whose condition is not met has not written, any other is an error."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from function import storage
from function.errors import Forbidden, FunctionError, NotFound, TransientError


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Responses of S3, without a server."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = storage._make_client(aws_access_key_id="none", aws_secret_access_key="none")
    monkeypatch.setattr(storage, "_client", lambda: client)
    with Stubber(client) as stubber:
        yield stubber
    client.close()


def write(condition: dict[str, Any]) -> bool:
    return storage.write("photos", "a.json", b"{}", "application/json", **condition)


NEW, REPLACED = {"only_new": True}, {"replaced_etag": "0" * 32}


@pytest.mark.parametrize(
    ("condition", "status", "code"),
    [
        (NEW, 412, "PreconditionFailed"),
        (NEW, 409, "ConditionalRequestConflict"),
        (REPLACED, 412, "PreconditionFailed"),
        (REPLACED, 409, "ConditionalRequestConflict"),
        (REPLACED, 404, "NoSuchKey"),
    ],
)
def test_refused_conditional_write_is_not_done(condition: dict[str, Any], status: int, code: str, s3: Stubber) -> None:
    s3.add_client_error("put_object", code, http_status_code=status)
    assert write(condition) is False


@pytest.mark.parametrize(
    ("condition", "status", "code", "error"),
    [
        (NEW, 404, "NoSuchKey", NotFound),
        (NEW, 404, "NoSuchBucket", NotFound),
        (REPLACED, 404, "NoSuchBucket", NotFound),
        (NEW, 403, "AccessDenied", Forbidden),
        ({}, 503, "SlowDown", TransientError),
    ],
)
def test_other_refusal_of_a_write_is_an_error(
    condition: dict[str, Any], status: int, code: str, error: type[FunctionError], s3: Stubber
) -> None:
    s3.add_client_error("put_object", code, http_status_code=status)
    with pytest.raises(error):
        write(condition)


@pytest.mark.parametrize(
    ("condition", "header"),
    [({}, {}), (NEW, {"IfNoneMatch": "*"}), (REPLACED, {"IfMatch": f'"{"0" * 32}"'})],
)
def test_condition_is_sent(condition: dict[str, Any], header: dict[str, str], s3: Stubber) -> None:
    expected = {"Bucket": "photos", "Key": "a.json", "Body": b"{}", "ContentType": "application/json", "Metadata": {}}
    s3.add_response("put_object", {}, expected | header)
    assert write(condition) is True
    s3.assert_no_pending_responses()
