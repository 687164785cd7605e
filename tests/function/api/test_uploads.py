"""Uploads: who gets a form, what S3 accepts with it, and the prediction of the uploaded image."""

import base64
import datetime
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from function import sources, storage
from function.model import Model
from function.service import Service
from function.settings import Settings
from scripts.soak import s3_server
from tests.function.api.openapi import calls
from tests.support.post_policy import CheckedS3

EVENTS = Path(__file__).parent.parent / "sources" / "events"
FRONT_ENDS = (
    "function_url",
    "http_api_v1",
    "http_api_v2",
    "rest_v1",
    "alb",
    "alb_multi_value",
    "lattice_v1",
    "lattice_v2",
)
BUCKET, KEY, SECRET = "images-to-read", "key of a caller", "secret of the role"
ON = {"UPLOAD_BUCKET": BUCKET, "API_KEY_SHA256": hashlib.sha256(KEY.encode()).hexdigest(), "MAX_OBJECT_BYTES": "5000"}
WITH_KEY = {"x-api-key": KEY}
HEADER = {"x_api_key": KEY}  # of a sample event
IAM = {"iam": {"accessKey": "AKIA", "userArn": "arn:aws:iam::111122223333:user/a"}}
CLAIMS = {"jwt": {"claims": {"sub": "a"}, "scopes": None}}
Call = Callable[..., Any]


@pytest.fixture(scope="module")
def s3() -> Iterator[CheckedS3]:
    with s3_server.s3() as url, CheckedS3(url, SECRET).serving() as serving:
        assert isinstance(serving, CheckedS3)
        s3_server.client(url).create_bucket(Bucket=BUCKET)
        yield serving


@pytest.fixture(autouse=True)
def role(s3: CheckedS3, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The credentials of the function."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3.url,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": "token",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)  # that of another test may have other credentials
    for client in (storage._client, storage._presigning_client):
        client.cache_clear()
    yield
    for client in (storage._client, storage._presigning_client):
        client.cache_clear()


def event(name: str, path: str = "/uploads", body: str = "", headers: dict[str, str] | None = None) -> dict[str, Any]:
    """A POST through a front end."""
    sample: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    for field in ("rawPath", "path", "raw_path"):
        if field in sample:
            sample[field] = path
    sample["body"] = body
    sample["is_base64_encoded" if "is_base64_encoded" in sample else "isBase64Encoded"] = False
    added = {"content-type": "application/json", **(headers or {})}
    if name == "alb_multi_value":
        sample["multiValueHeaders"] = {field: [value] for field, value in added.items()}
    elif name == "lattice_v2":
        sample["headers"] = {field: [value] for field, value in added.items()}
    else:
        sample["headers"] = added
    return sample


@pytest.fixture
def call(served: Model) -> Call:
    """Return status and body of the response; keyword arguments are environment variables."""

    def run(sample: dict[str, Any], **environ: str) -> tuple[int, Any]:
        service = Service(served, Settings.from_env(environ), "id-1")
        reply = sources.find(sample).respond(sample, service)
        return reply["statusCode"], json.loads(reply["body"])

    return run


@pytest.fixture
def form(call: Call) -> dict[str, Any]:
    status, made = call(event("function_url", headers=WITH_KEY), **ON)
    assert status == 200
    fields: dict[str, Any] = made
    return fields


def upload(form: dict[str, Any], image: bytes, **changes: str | None) -> tuple[int, str]:
    """Send a form as a client does; return the status, and the code of an error."""
    fields = {name: value for name, value in {**form["fields"], **changes}.items() if value is not None}
    reply = httpx.post(form["url"], data=fields, files={"file": ("a.png", image)}, timeout=30)
    return reply.status_code, reply.text.removeprefix("<Error><Code>").removesuffix("</Code></Error>")


def test_uploaded_image_is_predicted_without_allowed_buckets(call: Call, form: dict[str, Any], red_png: bytes) -> None:
    assert upload(form, red_png) == (204, "")
    request = event("function_url", "/", json.dumps({"s3": form["s3"]}), WITH_KEY)
    status, body = call(request, **ON)
    assert (status, body["detection_count"], body["detections"][0]["class_name"]) == (200, 1, "red")


def test_form_names_a_new_key_its_life_and_its_limit(call: Call, form: dict[str, Any]) -> None:
    other = call(event("function_url", headers=WITH_KEY), **ON)[1]
    assert form["s3"].startswith(f"s3://{BUCKET}/uploads/")
    assert form["fields"]["key"] == form["s3"].removeprefix(f"s3://{BUCKET}/")
    assert len(form["fields"]["key"]) >= len("uploads/") + 32
    assert other["s3"] != form["s3"]
    assert (form["max_bytes"], form["expires_in"]) == (5000, 600)


def test_form_accepts_the_largest_image_and_no_byte_more(form: dict[str, Any]) -> None:
    assert upload(form, b"x" * 5000) == (204, "")
    assert upload(form, b"x" * 5001) == (400, "EntityTooLarge")
    assert upload(form, b"") == (400, "EntityTooSmall")


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"Content-Type": "image/webp"}, (204, "")),
        ({"Content-Type": "text/html"}, (403, "AccessDenied")),
        ({"Content-Type": None}, (403, "AccessDenied")),
        ({"key": "uploads/another"}, (403, "AccessDenied")),
        ({"key": "in/trigger.jpg"}, (403, "AccessDenied")),
        ({"acl": "public-read"}, (403, "AccessDenied")),
        ({"x-amz-security-token": "another"}, (403, "AccessDenied")),
        ({"policy": base64.b64encode(b'{"conditions": []}').decode()}, (403, "SignatureDoesNotMatch")),
    ],
)
def test_form_is_bound_to_its_fields(
    form: dict[str, Any], changes: dict[str, str | None], outcome: tuple[int, str]
) -> None:
    assert upload(form, b"image", **changes) == outcome


@pytest.mark.parametrize(("minutes", "status"), [(9, 204), (11, 403)])
def test_form_lives_ten_minutes(
    form: dict[str, Any], s3: CheckedS3, minutes: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr(s3, "now", lambda: later)
    assert upload(form, b"image")[0] == status


def test_content_type_of_the_request_is_that_of_the_form(call: Call) -> None:
    request = event("function_url", body='{"content_type": "image/png"}', headers=WITH_KEY)
    form = call(request, **ON)[1]
    assert form["fields"]["Content-Type"] == "image/png"
    assert upload(form, b"image") == (204, "")


@pytest.mark.parametrize(
    "body", ['{"content_type": "text/html"}', '{"content_type": "image/"}', '{"content_type": 1}', "[]", "{", "x" * 9]
)
def test_request_without_an_image_type_is_refused(call: Call, body: str) -> None:
    status, error = call(event("function_url", body=body, headers=WITH_KEY), **ON)
    assert (status, error["type"]) == (400, "BadRequest")


@pytest.mark.parametrize(("value", "got"), [(1.5, "a number"), ([], "an empty array"), ("a", "'a'")])
def test_error_of_a_content_type_has_the_json_type_of_the_value(call: Call, value: Any, got: str) -> None:
    status, error = call(event("function_url", body=json.dumps({"content_type": value}), headers=WITH_KEY), **ON)
    assert (status, error["error"]) == (
        400,
        f"content_type must be the type of an image, such as image/jpeg, got {got}",
    )


@pytest.mark.parametrize("value", [None, ""])
def test_content_type_that_is_not_set_is_jpeg_as_documented(call: Call, value: str | None) -> None:
    status, form = call(event("function_url", body=json.dumps({"content_type": value}), headers=WITH_KEY), **ON)
    assert (status, form["fields"]["Content-Type"]) == (200, "image/jpeg")
    assert "ignored" not in form
    document = calls.call("colors", calls.event("function_url", "GET", "/openapi.json", **HEADER), **ON).json
    operation = document["paths"]["/uploads"]["post"]
    checked = calls.validator(document, operation["requestBody"]["content"]["application/json"]["schema"])
    assert checked.is_valid({"content_type": value})
    assert not checked.is_valid({"content_type": "text/html"})


@pytest.mark.parametrize("name", ["content_typ", "Content-Type", "contentType", "CONTENT_TYPE", "contents_type"])
def test_misspelled_field_is_refused_as_for_images(call: Call, name: str) -> None:
    status, error = call(event("function_url", body=json.dumps({name: "image/png"}), headers=WITH_KEY), **ON)
    assert (status, error["type"]) == (422, "InvalidOption")
    assert error["error"] == f"unknown field {name!r}; did you mean content_type?"


def test_other_fields_are_ignored_and_the_default_is_jpeg(call: Call) -> None:
    body = {"name": "a.png", "conf": 2, "images": []}
    status, form = call(event("function_url", body=json.dumps(body), headers=WITH_KEY), **ON)
    assert (status, form["fields"]["Content-Type"]) == (200, "image/jpeg")
    assert form["ignored"] == ["name", "conf", "images"]


def test_fields_of_the_query_are_ignored(call: Call) -> None:
    request = event("rest_v1", body='{"content_type": "image/png"}', headers=WITH_KEY)
    request |= {"multiValueQueryStringParameters": None, "queryStringParameters": {"content_type": "image/webp"}}
    status, form = call(request, **ON)
    assert (status, form["fields"]["Content-Type"], form["ignored"]) == (200, "image/png", ["content_type"])


def test_form_without_other_fields_has_no_list_of_them(form: dict[str, Any]) -> None:
    assert set(form) == {"url", "fields", "s3", "expires_in", "max_bytes"}


def test_ignored_fields_have_the_limits_of_images(call: Call) -> None:
    def send(count: int) -> tuple[int, Any]:
        fields = {f"{number:04}" + "a" * 200: 1 for number in range(count)}
        status, answer = call(event("function_url", body=json.dumps(fields), headers=WITH_KEY), **ON)
        return status, answer

    status, form = send(1000)
    assert (status, len(form["ignored"]), max(map(len, form["ignored"]))) == (200, 20, 100)
    status, error = send(1001)
    assert (status, error["type"]) == (422, "InvalidOption")


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_key_is_enough_through_every_front_end(call: Call, name: str) -> None:
    assert call(event(name, headers=WITH_KEY), **ON)[0] == 200


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_nobody_uploads_without_a_proof(call: Call, name: str) -> None:
    proofs_of_nothing = {"x-api-key": KEY, "authorization": "Bearer x", "x-amzn-oidc-data": "a.b.c"}
    status, error = call(event(name, headers=proofs_of_nothing), UPLOAD_BUCKET=BUCKET)
    assert (status, error["type"]) == (403, "Forbidden")


def test_wrong_key_is_unauthorized(call: Call) -> None:
    assert call(event("function_url", headers={"x-api-key": "x"}), **ON)[0] == 401


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("function_url", {"authorizer": IAM}),
        ("http_api_v2", {"authorizer": CLAIMS}),
        ("http_api_v2", {"authorizer": IAM}),
        ("rest_v1", {"authorizer": {"claims": {"sub": "a"}, "principalId": "a"}}),
        ("rest_v1", {"identity": {"userArn": "arn:aws:iam::111122223333:user/a"}}),
    ],
)
def test_authorizer_of_the_front_end_is_enough(call: Call, name: str, context: dict[str, Any]) -> None:
    request = event(name)
    request["requestContext"] |= context
    assert call(request, UPLOAD_BUCKET=BUCKET)[0] == 200


@pytest.mark.parametrize("path", ["/uploads", "/uploads/", "/prod/uploads", "/base/path/uploads"])
def test_path_is_found_after_a_stage_or_base_path(call: Call, path: str) -> None:
    assert call(event("rest_v1", path, headers=WITH_KEY), **ON)[0] == 200


@pytest.mark.parametrize("path", ["/v2/uploads", "/prod/v2/uploads/"])
def test_reserved_path_gives_no_form(call: Call, path: str) -> None:
    status, error = call(event("function_url", path, headers=WITH_KEY), **ON)
    assert (status, error["type"]) == (404, "NotFound")


@pytest.mark.parametrize("path", ["/uploads", "/uploads/", "/prod/uploads", "/base/path/uploads"])
@pytest.mark.parametrize("name", FRONT_ENDS)
def test_without_a_bucket_uploads_are_turned_off(call: Call, name: str, path: str) -> None:
    status, error = call(event(name, path, headers=WITH_KEY), API_KEY_SHA256=ON["API_KEY_SHA256"])
    assert (status, error["type"]) == (404, "NotFound")
    assert "UPLOAD_BUCKET" in error["error"]


def test_image_sent_to_uploads_that_are_turned_off_is_not_predicted(call: Call, red_png: bytes) -> None:
    request = event("function_url", body=base64.b64encode(red_png).decode())
    request |= {"isBase64Encoded": True, "headers": {"content-type": "image/png"}}
    assert call(request)[0] == 404


def test_uploads_that_are_turned_off_need_the_key_too(call: Call) -> None:
    assert call(event("function_url"), API_KEY_SHA256=ON["API_KEY_SHA256"])[0] == 401


@pytest.mark.parametrize(
    ("address", "bucket"),
    [
        (f"s3://{BUCKET}/other/a.jpg", BUCKET),
        (f"s3://{BUCKET}/uploads", BUCKET),
        (f"s3://{BUCKET}/results/uploads/a.jpg", BUCKET),
        (f"s3://{BUCKET}/uploads/a.jpg", ""),
        (f"s3://{BUCKET}/uploads/a.jpg", "another"),
        ("s3://another/uploads/a.jpg", BUCKET),
    ],
)
def test_other_objects_are_not_readable(call: Call, address: str, bucket: str) -> None:
    status, error = call(event("function_url", "/", json.dumps({"s3": address})), UPLOAD_BUCKET=bucket)
    assert (status, error["type"]) == (403, "Forbidden")


@pytest.mark.parametrize("key", ["other/x", "uploads", "a/uploads/x"])
def test_refused_object_of_the_bucket_of_uploads_names_the_prefix(call: Call, key: str) -> None:
    request = event("function_url", "/", json.dumps({"s3": f"s3://{BUCKET}/{key}"}))
    assert "only uploads/ is readable" in call(request, UPLOAD_BUCKET=BUCKET)[1]["error"]
    assert "only uploads/" not in call(request, UPLOAD_BUCKET="another")[1]["error"]


def test_url_of_the_form_names_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    storage._presigning_client.cache_clear()
    form = storage.presign_post(BUCKET, "uploads/a", "image/jpeg", "image/", 1, 60)
    assert form["url"] == f"https://s3.eu-west-1.amazonaws.com/{BUCKET}"


def test_missing_credentials_are_a_transient_error(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    storage._presigning_client.cache_clear()
    status, error = call(event("function_url", headers=WITH_KEY), **ON)
    assert (status, error["type"]) == (503, "TransientError")
