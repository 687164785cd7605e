"""Reads and writes of S3 objects, on moto, and the errors of S3, with a proxy that injects them."""

import base64
import itertools
import json
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from function import storage, storage_errors
from function.errors import BadRequest, Forbidden, NotFound, TooLarge, TransientError
from function.model import Model
from function.service import Service
from function.settings import Settings
from function.sources import s3_objects
from function.sources.s3_objects import S3Object
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


def test_write_of_a_new_object_keeps_an_existing_one() -> None:
    assert storage.write(BUCKET, "once", b"first", "text/plain", only_new=True)
    assert not storage.write(BUCKET, "once", b"second", "text/plain", only_new=True)
    assert storage.read(BUCKET, "once", None, 100).data == b"first"


def test_write_replaces_only_the_object_with_the_etag() -> None:
    storage.write(BUCKET, "changed", b"first", "text/plain")
    first = storage.read(BUCKET, "changed", None, 100).etag
    assert storage.write(BUCKET, "changed", b"second", "text/plain", replaced_etag=first)
    assert not storage.write(BUCKET, "changed", b"third", "text/plain", replaced_etag=first)
    assert storage.read(BUCKET, "changed", None, 100).data == b"second"


def test_write_that_replaces_a_deleted_object_is_not_done(client: Any) -> None:
    assert not storage.write(BUCKET, "deleted", b"", "text/plain", replaced_etag="0" * 32)
    assert storage.head(BUCKET, "deleted") is None


def test_properties_are_those_of_the_write(client: Any) -> None:
    metadata = {"source-version-id": "3/L4+kq==", "source-sequencer": "00AF"}
    storage.write(BUCKET, "described", b"data", "text/plain", metadata=metadata)
    described = storage.head(BUCKET, "described")
    assert described
    assert described[:3] == (client.head_object(Bucket=BUCKET, Key="described")["ETag"].strip('"'), None, metadata)


def test_properties_name_the_latest_version(client: Any) -> None:
    client.create_bucket(Bucket="heads")
    client.put_bucket_versioning(Bucket="heads", VersioningConfiguration={"Status": "Enabled"})
    versions = [client.put_object(Bucket="heads", Key="a", Body=body)["VersionId"] for body in (b"1", b"2")]
    described = storage.head("heads", "a")
    assert described
    assert described.version_id == versions[1]


def test_read_has_the_time_of_the_version(client: Any) -> None:
    storage.write(BUCKET, "timed", b"", "text/plain")
    modified = storage.read(BUCKET, "timed", None, 100).last_modified
    assert modified == client.head_object(Bucket=BUCKET, Key="timed")["LastModified"]
    assert modified
    assert modified.tzinfo


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_result_of_the_newest_version_stays_in_every_order(
    order: Sequence[int], client: Any, served: Model, red_png: bytes
) -> None:
    bucket = f"order-{''.join(map(str, order))}"
    client.create_bucket(Bucket=bucket)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    uploads = [client.put_object(Bucket=bucket, Key="in/a", Body=data) for data in (red_png, b"broken", red_png + b"0")]
    versions = [upload["VersionId"] for upload in uploads]
    service = Service(served, Settings.from_env({}), "id-1")
    for number in (*order, order[0]):
        outcome = s3_objects.process(S3Object(bucket, "in/a", versions[number], None, f"00A{number}"), service)
        assert not outcome.failure
    response = client.get_object(Bucket=bucket, Key="results/in/a.json")
    assert json.load(response["Body"])["source"]["version_id"] == versions[2]
    assert response["Metadata"]["source-version-id"] == versions[2]


@pytest.mark.parametrize("bucket", [BUCKET, "no-bucket"])
def test_missing_object_has_no_properties(bucket: str) -> None:
    assert storage.head(bucket, "nothing") is None


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, Forbidden), (400, Forbidden), (405, Forbidden), (503, TransientError), (0, TransientError)],
)
def test_error_of_properties_is_translated(status: int, error: type[Exception], proxy: FaultyProxy) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("HEAD", status, "")
    with pytest.raises(error, match=f"s3://{BUCKET}/a"):
        storage.head(BUCKET, "a")


@pytest.mark.parametrize(
    ("status", "code"), [(412, "PreconditionFailed"), (409, "ConditionalRequestConflict"), (404, "NoSuchKey")]
)
def test_unmet_condition_is_no_error(status: int, code: str, proxy: FaultyProxy) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("PUT", status, code)
    assert storage.write(BUCKET, "a", b"", "text/plain", replaced_etag="0" * 32) is False


def test_missing_bucket_of_a_conditional_write_is_not_found() -> None:
    with pytest.raises(NotFound, match="NoSuchBucket"):
        storage.write("no-bucket", "a", b"", "text/plain", replaced_etag="0" * 32)


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


def test_object_above_the_limit_is_not_read(client: Any) -> None:
    storage.write(BUCKET, "large", b"x" * 101, "image/jpeg")
    with pytest.raises(TooLarge, match="must have at most 100 bytes, got 101") as raised:
        storage.read(BUCKET, "large", None, 100)
    described = client.head_object(Bucket=BUCKET, Key="large")
    assert raised.value.s3_object == (b"", described["ETag"].strip('"'), None, described["LastModified"])
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


HINTS = [  # status, code, what the error says to change
    (400, "ExpiredToken", "change its configuration, which starts new execution environments"),
    (400, "InvalidToken", "the credentials of the function must be valid: check that its role exists"),
    (403, "InvalidAccessKeyId", "the credentials of the function must be valid"),
    (403, "SignatureDoesNotMatch", "the credentials of the function must be valid"),
    (403, "RequestTimeTooSkewed", "must be within 15 minutes of the time of S3"),
    (301, "PermanentRedirect", "the function must be in the region of the bucket"),
    (400, "AuthorizationHeaderMalformed", "the function must be in the region of the bucket"),
    (400, "IllegalLocationConstraintException", "the function must be in the region of the bucket"),
    (307, "TemporaryRedirect", "the bucket is new"),
]


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(("status", "code", "hint"), HINTS)
def test_error_of_the_function_itself_is_transient_and_says_what_to_change(
    method: str, status: int, code: str, hint: str, proxy: FaultyProxy
) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault(method, status, code)
    with pytest.raises(TransientError, match=hint) as raised:
        storage.read(BUCKET, "a", None, 100) if method == "GET" else storage.write(BUCKET, "a", b"", "image/jpeg")
    assert str(raised.value).startswith(f"s3://{BUCKET}/a: S3 responded with {status} {code}: injected; ")


def test_redirect_of_a_head_says_that_the_region_differs(proxy: FaultyProxy) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("HEAD", 301, "")
    with pytest.raises(TransientError, match="the function must be in the region of the bucket"):
        storage.head(BUCKET, "a")


@pytest.mark.parametrize(
    ("response", "region"),
    [
        ({"Error": {"Code": "AuthorizationHeaderMalformed", "Region": "eu-central-1"}}, " (eu-central-1):"),
        (
            {
                "Error": {"Code": "PermanentRedirect"},
                "ResponseMetadata": {"HTTPStatusCode": 301, "HTTPHeaders": {"x-amz-bucket-region": "eu-west-3"}},
            },
            " (eu-west-3):",
        ),
        ({"Error": {"Code": "301"}}, "bucket:"),
    ],
)
def test_region_of_the_bucket_is_in_the_error(response: dict[str, Any], region: str) -> None:
    error = storage_errors.of_response(response, "s3://b/a", is_read=True)
    assert f"the function must be in the region of the bucket{region.removeprefix('bucket')}" in str(error)


@pytest.mark.parametrize("code", ["KMS.DisabledException", "KMS.InvalidKeyUsageException", "KMS.SomethingNew"])
def test_refusal_of_a_key_is_forbidden(code: str, proxy: FaultyProxy) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("GET", 400, code)
    with pytest.raises(Forbidden, match=code):
        storage.read(BUCKET, "a", None, 100)


@pytest.mark.parametrize("code", ["KMS.KeyUnavailableException", "KMS.DependencyTimeoutException"])
def test_key_that_is_unavailable_is_a_transient_error(code: str, proxy: FaultyProxy) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("GET", 400, code)
    with pytest.raises(TransientError, match=code):
        storage.read(BUCKET, "a", None, 100)


@pytest.mark.parametrize(("status", "code"), [(400, "SomethingNew"), (409, "AnotherOne"), (302, "Found"), (402, "")])
def test_unknown_code_is_a_transient_error_so_that_the_event_is_delivered_again(
    status: int, code: str, proxy: FaultyProxy
) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("GET", status, code)
    with pytest.raises(TransientError, match=f"S3 responded with {status} {code}"):
        storage.read(BUCKET, "a", None, 100)


def test_missing_credentials_are_a_transient_error_that_says_what_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    storage._client.cache_clear()
    with pytest.raises(TransientError, match=r"Unable to locate credentials; the credentials of the function must"):
        storage.read(BUCKET, "a", None, 100)


def test_half_of_the_credentials_is_a_transient_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    storage._client.cache_clear()
    with pytest.raises(TransientError, match=r"Partial credentials found .*; the credentials of the function must"):
        storage.read(BUCKET, "a", None, 100)


def test_host_without_an_address_is_a_transient_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://s3.example.invalid")
    storage._client.cache_clear()
    with pytest.raises(
        TransientError, match=r"Could not connect to the endpoint URL.*; S3 must be reachable: in a VPC"
    ):
        storage.read(BUCKET, "a", None, 100)


@pytest.mark.parametrize("url", ["not a url", "s3.example.com", "http://"])
def test_endpoint_that_is_no_url_is_a_transient_error(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    storage._client.cache_clear()
    with pytest.raises(TransientError, match="AWS_ENDPOINT_URL must"):
        storage.read(BUCKET, "a", None, 100)


@pytest.mark.parametrize(
    ("region", "message"), [("eu west", "the function must be in the region of the bucket"), ("x" * 80, "must be")]
)
def test_region_that_does_not_exist_is_a_transient_error(
    region: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    storage._client.cache_clear()
    with pytest.raises(TransientError, match=message):
        storage.read(BUCKET, "a", None, 100)


def test_message_of_s3_is_printable(proxy: FaultyProxy) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("GET", 403, "AccessDenied", "a\tb\nc\u202e\u2028d")
    with pytest.raises(Forbidden) as raised:
        storage.read(BUCKET, "a", None, 100)
    assert str(raised.value).isprintable()


USER = "User: arn:aws:sts::111122223333:assumed-role/yolo/yolo is not authorized to perform: "
SENTENCES = [
    ("GET", "AccessDenied", f'{USER}s3:GetObject on resource: "arn:aws:s3:::{BUCKET}/a" because no policy allows it'),
    ("GET", "AccessDenied", f"{USER}kms:Decrypt on the resource associated with this ciphertext"),
    ("PUT", "AccessDenied", f"{USER}kms:GenerateDataKey on resource: arn:aws:kms:eu-central-1:111122223333:key/1"),
    ("PUT", "AccessDenied", f'{USER}s3:PutObject on resource: "arn:aws:s3:::{BUCKET}/a"'),
    ("GET", "KMS.DisabledException", "arn:aws:kms:eu-central-1:111122223333:key/1 is disabled."),
    ("GET", "InvalidObjectState", "The operation is not valid for the object's storage class"),
    ("GET", "SlowDown", "Please reduce your request rate."),
]


@pytest.mark.parametrize(("method", "code", "sentence"), SENTENCES)
def test_sentence_of_s3_is_in_the_error(method: str, code: str, sentence: str, proxy: FaultyProxy) -> None:
    status = 503 if code == "SlowDown" else 403
    proxy.faults[f"/{BUCKET}/a"] = Fault(method, status, code, sentence)
    with pytest.raises((Forbidden, TransientError)) as raised:
        storage.read(BUCKET, "a", None, 100) if method == "GET" else storage.write(BUCKET, "a", b"", "image/jpeg")
    assert str(raised.value) == f"s3://{BUCKET}/a: S3 responded with {status} {code}: {sentence}"


def test_sentence_of_s3_is_one_line_of_limited_length(proxy: FaultyProxy) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("PUT", 403, "AccessDenied", "one\n two " + "x" * 5000)
    with pytest.raises(Forbidden, match=r": one two x+$") as raised:
        storage.write(BUCKET, "a", b"", "image/jpeg")
    assert len(str(raised.value)) < 700


@pytest.mark.parametrize("sentence", ["Access Denied", f'{USER}s3:ListBucket on resource: "arn:aws:s3:::{BUCKET}"'])
def test_denied_read_that_names_no_other_action_mentions_a_missing_object(sentence: str, proxy: FaultyProxy) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("GET", 403, "AccessDenied", sentence)
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


def test_truncated_response_to_a_write_is_a_transient_error(proxy: FaultyProxy) -> None:
    proxy.faults[f"/{BUCKET}/a"] = Fault("PUT", 200, "cut off")
    with pytest.raises(TransientError, match=f"s3://{BUCKET}/a"):
        storage.write(BUCKET, "a", b"{}", "application/json")


def test_s3_that_does_not_respond_is_a_transient_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        storage._client.cache_clear()
        with pytest.raises(TransientError, match="timeout"):
            storage.read(BUCKET, "a", None, 100)


def test_image_in_the_event_does_not_load_boto3(
    run_python: Callable[..., Any], model_path: Path, red_png: bytes
) -> None:
    events = [{"image_data": base64.b64encode(red_png).decode()}, {"warmup": True}]
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


@pytest.mark.parametrize("bucket", ["a b", "a/b", "Bücket", "arn:aws:s3:x:1:accesspoint"])
def test_impossible_name_of_a_bucket_is_a_bad_request(bucket: str) -> None:
    with pytest.raises(BadRequest, match="the bucket of an object must be a valid name"):
        storage.read(bucket, "a.jpg", None, 10)


def test_head_of_a_version_has_its_properties(client: Any) -> None:
    client.create_bucket(Bucket="versions")
    client.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    first = client.put_object(Bucket="versions", Key="a", Body=b"1")["VersionId"]
    client.put_object(Bucket="versions", Key="a", Body=b"2")
    described = storage.head("versions", "a", first)
    assert described is not None
    assert described.version_id == first
    assert storage.head("versions", "b", first) is None


@pytest.mark.parametrize(("given", "expected"), [(None, "timeout:1 attempts:2"), ("timeout:3", "timeout:3")])
def test_resolver_has_short_limits_unless_others_are_set(
    given: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RES_OPTIONS", given or "")
    if given is None:
        monkeypatch.delenv("RES_OPTIONS")
    storage._make_client(aws_access_key_id="a", aws_secret_access_key="b").close()
    assert os.environ["RES_OPTIONS"] == expected


def test_error_response_without_details_is_transient() -> None:
    error = storage_errors.of_response({}, "s3://b/a", is_read=True)
    assert isinstance(error, TransientError)
    assert str(error) == "s3://b/a: S3 responded with 0 None"
