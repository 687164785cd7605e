"""Reads and writes of S3 objects, on moto, and the errors of S3, with a proxy that injects them."""

import base64
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from function import storage
from function.errors import Forbidden, NotFound, TooLarge, TransientError
from scripts.soak import s3_server
from scripts.soak.fault_proxy import Fault, FaultyProxy

KEYS = ["a.jpg", "in/a b + 100% %2B \"x\" 'y'.jpg", "in/صورة 大.jpg", "in/ä?#&=;,:@$!*().jpg", "in//two.jpg"]
BUCKET = "photos"


@pytest.fixture(scope="module")
def proxy() -> Iterator[FaultyProxy]:
    with s3_server.s3() as url, FaultyProxy(url).serving() as serving:
        yield serving


@pytest.fixture(autouse=True)
def client(proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 client of the function, connected to the proxy and without waits between attempts."""
    for name, value in {
        "AWS_ENDPOINT_URL": proxy.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    monkeypatch.setattr(storage, "READ_TIMEOUT", 1)
    storage._client.cache_clear()
    s3 = storage._client()
    s3.create_bucket(Bucket=BUCKET)
    proxy.faults.clear()
    proxy.met.clear()
    yield s3
    s3.close()
    storage._client.cache_clear()


@pytest.mark.parametrize("key", KEYS)
def test_written_object_is_read(key: str, client: Any) -> None:
    storage.write(BUCKET, key, b"some bytes", "image/jpeg")
    read = storage.read(BUCKET, key, None, 100)
    assert (read.data, read.version_id, len(read.etag)) == (b"some bytes", None, 32)
    assert client.head_object(Bucket=BUCKET, Key=key)["ContentType"] == "image/jpeg"


def test_conditional_write_keeps_an_existing_object() -> None:
    storage.write(BUCKET, "once", b"first", "text/plain", only_new=True)
    storage.write(BUCKET, "once", b"second", "text/plain", only_new=True)
    assert storage.read(BUCKET, "once", None, 100).data == b"first"


def test_empty_object_is_read() -> None:
    storage.write(BUCKET, "empty", b"", "image/jpeg")
    assert storage.read(BUCKET, "empty", None, 100).data == b""


def test_earlier_version_is_read(client: Any) -> None:
    client.create_bucket(Bucket="versions")
    client.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    first = client.put_object(Bucket="versions", Key="a", Body=b"first")["VersionId"]
    client.put_object(Bucket="versions", Key="a", Body=b"second")
    assert storage.read("versions", "a", first, 100)[::2] == (b"first", first)
    assert storage.read("versions", "a", None, 100).data == b"second"


@pytest.mark.parametrize(("bucket", "key", "version"), [(BUCKET, "nothing", None), ("no-bucket", "a", None)])
def test_missing_object_or_bucket_raises_not_found(bucket: str, key: str, version: str | None) -> None:
    with pytest.raises(NotFound, match=f"s3://{bucket}/{key}"):
        storage.read(bucket, key, version, 100)


def test_object_above_the_limit_is_not_read() -> None:
    storage.write(BUCKET, "large", b"x" * 101, "image/jpeg")
    with pytest.raises(TooLarge, match="must have at most 100 bytes, got 101"):
        storage.read(BUCKET, "large", None, 100)
    assert len(storage.read(BUCKET, "large", None, 101).data) == 101


S3_ERRORS = [
    (403, "AccessDenied", Forbidden),
    (403, "InvalidObjectState", Forbidden),
    (400, "KMS.DisabledException", Forbidden),
    (400, "KeyTooLongError", Forbidden),
    (405, "MethodNotAllowed", Forbidden),
    (404, "NoSuchKey", NotFound),
    (404, "NoSuchVersion", NotFound),
    (400, "RequestTimeout", TransientError),
    (400, "KMS.ThrottlingException", TransientError),
    (409, "OperationAborted", TransientError),
    (429, "TooManyRequestsException", TransientError),
    (500, "InternalError", TransientError),
    (503, "SlowDown", TransientError),
    (503, "ServiceUnavailable", TransientError),
    (0, "connection closed", TransientError),
]


@pytest.mark.parametrize(("status", "code", "error"), S3_ERRORS)
def test_error_of_a_read_is_translated(status: int, code: str, error: type[Exception], proxy: FaultyProxy) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("GET", status, code)
    with pytest.raises(error, match=f"s3://{BUCKET}/a"):
        storage.read(BUCKET, "a", None, 100)


@pytest.mark.parametrize(("status", "code", "error"), S3_ERRORS)
def test_error_of_a_write_is_translated(status: int, code: str, error: type[Exception], proxy: FaultyProxy) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("PUT", status, code)
    with pytest.raises(error, match=f"s3://{BUCKET}/a"):
        storage.write(BUCKET, "a", b"", "image/jpeg")


@pytest.mark.parametrize(("status", "code"), [(400, "SomethingNew"), (403, "SignatureDoesNotMatch")])
def test_unexpected_error_is_raised_unchanged(status: int, code: str, proxy: FaultyProxy) -> None:
    from botocore.exceptions import ClientError

    proxy.faults[f"/{BUCKET}/a"] = Fault("GET", status, code)
    with pytest.raises(ClientError, match=code):
        storage.read(BUCKET, "a", None, 100)


def test_message_of_access_denied_mentions_a_missing_object(proxy: FaultyProxy) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("GET", 403, "AccessDenied")
    with pytest.raises(Forbidden, match=r"may also be missing: .* s3:ListBucket"):
        storage.read(BUCKET, "a", None, 100)


def test_transient_error_is_retried_a_limited_number_of_times(proxy: FaultyProxy) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("GET", 503, "SlowDown")
    with pytest.raises(TransientError):
        storage.read(BUCKET, "a", None, 100)
    assert proxy.met[f"/{BUCKET}/a"] == storage.ATTEMPTS


def test_truncated_object_is_a_transient_error(proxy: FaultyProxy) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("GET", 200, "cut off")
    with pytest.raises(TransientError, match=f"s3://{BUCKET}/a"):
        storage.read(BUCKET, "a", None, 1000)


def test_s3_that_does_not_respond_is_a_transient_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        storage._client.cache_clear()
        with pytest.raises(TransientError, match="timeout"):
            storage.read(BUCKET, "a", None, 100)


def test_image_in_the_event_does_not_load_boto3(
    run_python: Callable[..., Any], model_path: Path, red_png: bytes
) -> None:
    events = [{"image_data": base64.b64encode(red_png).decode()}, {"warmup": True}, {"Records": []}]
    program = f"""
import json, sys
import function.handler
for event in {events}:
    function.handler.lambda_handler(event, None)
print(json.dumps([name for name in ("boto3", "botocore") if name in sys.modules]))
"""
    assert run_python(program, MODEL_PATH=str(model_path)) == []


def test_refused_connection_is_a_transient_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3_server.free_port()}")
    storage._client.cache_clear()
    with pytest.raises(TransientError):
        storage.read(BUCKET, "a", None, 100)
