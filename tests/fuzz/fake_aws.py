"""S3 below the real boto3 client, with errors on request: HTTP responses instead of a network."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.awsrequest
import botocore.endpoint
import botocore.exceptions
import botocore.httpsession
from urllib3 import HTTPResponse

ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>{}</Message></Error>'
CHANGED = b"changed"  # an object that another client has replaced
MODIFIED = "Fri, 27 Nov 2026 00:00:00 GMT"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Status(NamedTuple):
    """Error response of S3."""

    status: int
    code: str
    message: str = "a message of S3"


FAULTS: dict[str, Any] = {  # name -> what happens instead of the request
    "denied": Status(403, "AccessDenied"),
    "denied action": Status(403, "AccessDenied", "User: arn:aws:sts::1:r is not authorized to perform: kms:Decrypt"),
    "expired": Status(400, "ExpiredToken"),
    "invalid key id": Status(403, "InvalidAccessKeyId"),
    "signature": Status(403, "SignatureDoesNotMatch"),
    "skewed": Status(403, "RequestTimeTooSkewed"),
    "no key": Status(404, "NoSuchKey"),
    "no bucket": Status(404, "NoSuchBucket"),
    "no version": Status(404, "NoSuchVersion"),
    "moved": Status(301, "PermanentRedirect"),
    "conflict": Status(409, "ConditionalRequestConflict"),
    "precondition": Status(412, "PreconditionFailed"),
    "archived": Status(403, "InvalidObjectState"),
    "slow down": Status(503, "SlowDown"),
    "internal": Status(500, "InternalError"),
    "kms": Status(400, "KMS.DisabledException"),
    "kms throttled": Status(400, "KMS.ThrottlingException"),
    "invalid": Status(400, "InvalidRequest"),
    "unknown code": Status(418, "Teapot", "line\nbreak"),
    "no XML": b"<html>",
    "empty error": b"",
    "connect": botocore.exceptions.ConnectTimeoutError(endpoint_url="s3"),
    "read": botocore.exceptions.ReadTimeoutError(endpoint_url="s3"),
    "dns": botocore.exceptions.EndpointConnectionError(endpoint_url="s3"),
    "closed": botocore.exceptions.ConnectionClosedError(endpoint_url="s3"),
    "ssl": botocore.exceptions.SSLError(endpoint_url="s3", error=OSError("certificate")),
    "cut": None,  # a body that ends early
    "changed": None,  # the object changes after the request
    "vanished": None,  # the object is deleted after the request
}
UNDOCUMENTED_CODES = ("Teapot", "PreconditionFailed", "ConditionalRequestConflict")  # the last two: of a read


class FakeAws:
    """Objects in memory, and one fault for each request by its number.

    Attributes:
        objects: (bucket, key) -> bytes.
        faults: number of a request -> name in FAULTS.
        metadata: (bucket, key) -> headers x-amz-meta-*.
        written: (bucket, key) of every successful write.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.faults: dict[int, str] = {}
        self.metadata: dict[tuple[str, str], dict[str, str]] = {}
        self.written: list[tuple[str, str]] = []
        self.requests = 0

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Replace the network of boto3, and its waits between attempts."""
        with (
            mock.patch.object(botocore.httpsession.URLLib3Session, "send", lambda _, request: self.send(request)),
            mock.patch.object(botocore.endpoint.time, "sleep", lambda _: None),
        ):
            yield

    def send(self, request: Any) -> Any:
        """Return the response to one HTTP request."""
        fault = self.faults.get(self.requests)
        self.requests += 1
        found = FAULTS.get(fault or "")
        if isinstance(found, Exception):
            raise found
        if isinstance(found, Status):
            text = ERROR.format(found.code, found.message).encode()
            return _response(request, found.status, b"" if request.method == "HEAD" else text)
        if isinstance(found, bytes):
            return _response(request, 500 if found else 400, found)
        bucket, key, version = _address(request.url)
        reply = self._serve(request, bucket, key, version, is_cut=fault == "cut")
        if fault == "changed":
            self.objects[bucket, key] = CHANGED
        if fault == "vanished":
            self.objects.pop((bucket, key), None)
        return reply

    def _serve(self, request: Any, bucket: str, key: str, version: str | None, is_cut: bool) -> Any:
        existing = self.objects.get((bucket, key))
        if request.method == "PUT":
            return self._put(request, bucket, key, existing)
        if existing is None:
            text = ERROR.format("NoSuchKey", "none").encode()
            return _response(request, 404, b"" if request.method == "HEAD" else text)
        headers = {"ETag": f'"{_etag(existing)}"', "Last-Modified": MODIFIED, "Content-Length": str(len(existing))}
        headers |= {f"x-amz-meta-{name}": text for name, text in self.metadata.get((bucket, key), {}).items()}
        if version:
            headers["x-amz-version-id"] = version
        body = b"" if request.method == "HEAD" else existing[: len(existing) // 2] if is_cut else existing
        return _response(request, 200, body, headers)

    def _put(self, request: Any, bucket: str, key: str, existing: bytes | None) -> Any:
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        is_unmet = "if-none-match" in headers and existing is not None
        is_unmet |= "if-match" in headers and (existing is None or headers["if-match"].strip('"') != _etag(existing))
        if is_unmet:
            return _response(request, 412, ERROR.format("PreconditionFailed", "none").encode())
        data = _body(request.body)
        data = _unchunked(data) if "aws-chunked" in headers.get("content-encoding", "") else data
        self.objects[bucket, key] = data
        start = "x-amz-meta-"
        self.metadata[bucket, key] = {n.removeprefix(start): v for n, v in headers.items() if n.startswith(start)}
        self.written.append((bucket, key))
        return _response(request, 200, b"", {"ETag": f'"{_etag(data)}"'})


def _address(url: str) -> tuple[str, str, str | None]:
    """Return bucket, key and version of a URL in either style."""
    parts = urlsplit(url)
    host, path = parts.netloc, unquote(parts.path).removeprefix("/")
    bucket = host.removesuffix(".amazonaws.com").partition(".s3")[0]
    if host.startswith("s3."):
        bucket, _, path = path.partition("/")
    return bucket, path, parse_qs(parts.query).get("versionId", [None])[0]


def _response(request: Any, status: int, body: bytes, headers: dict[str, str] | None = None) -> Any:
    headers = {"Content-Length": str(len(body)), **(headers or {})}
    raw = HTTPResponse(io.BytesIO(body), headers, status, preload_content=False, enforce_content_length=False)
    response = botocore.awsrequest.AWSResponse(request.url, status, raw.headers, raw)
    if not request.stream_output:
        response.content  # noqa: B018  (reads the body, as botocore does)
    return response


def _body(body: Any) -> bytes:
    if body is None:
        return b""
    return bytes(body) if isinstance(body, bytes | bytearray) else bytes(body.read())


def _unchunked(data: bytes) -> bytes:
    """Return the content of a body in the coding aws-chunked."""
    content = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size.partition(b";")[0] or b"0", 16)
        if not length:
            return content
        content, data = content + data[:length], data[length + 2 :]
    return content


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _etag(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()
