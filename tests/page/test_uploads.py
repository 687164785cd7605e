"""Photos above the payload limit: the page uploads them if the function takes uploads."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from function import storage
from scripts.soak import s3_server
from tests.page.conftest import OpenPage, Server, choose, wait_for_result
from tests.support.post_policy import CheckedS3

pytestmark = pytest.mark.browser
BUCKET, KEY, SECRET = "images-to-read", "key of a caller", "secret of the role"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
FAILED = "Failed to load resource"


class BucketWithCors(CheckedS3):
    """A bucket that allows every origin, as template.yaml makes it."""

    def forward(
        self, method: str, target: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        status, sent, reply = super().forward(method, target, body, headers)
        others = [(name, value) for name, value in sent if name.lower() != "access-control-allow-origin"]
        return status, [*others, ("Access-Control-Allow-Origin", "*")], reply


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of S3 with a bucket for uploads, which checks the policy of each form."""
    with s3_server.s3() as upstream, BucketWithCors(upstream, SECRET).serving() as s3:
        s3_server.client(upstream).create_bucket(Bucket=BUCKET)
        for name, value in {
            "AWS_ENDPOINT_URL": s3.url,
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "eu-west-1",
        }.items():
            monkeypatch.setenv(name, value)
        yield s3.url
        for client in (storage._client, storage._presigning_client):
            client.cache_clear()


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    """A PNG of more than 4.7 MB: noise, and a red square."""
    values = np.random.default_rng(0).integers(80, 150, (1500, 1500, 3), dtype=np.uint8)
    values[300:600, 300:600] = (255, 0, 0)
    path = tmp_path / "large.png"
    Image.fromarray(values).save(path)
    return path


def test_large_photo_is_uploaded_and_predicted_at_its_full_size(
    url: str, bucket: str, server: Server, open_page: OpenPage, settings_of: Callable[..., None], large_file: Path
) -> None:
    settings_of(api_key_sha256=(DIGEST,), upload_bucket=BUCKET)
    page = open_page(url, expected_errors=FAILED)
    choose(page, large_file)
    page.wait_for_selector("#key-dialog[open]")
    page.fill("#key", KEY)
    page.keyboard.press("Enter")
    wait_for_result(page)
    assert json.loads(server.posts()[-1]["body"])["s3"].startswith(f"s3://{BUCKET}/uploads/")
    (stored,) = s3_server.client(bucket).list_objects_v2(Bucket=BUCKET)["Contents"]
    assert stored["Size"] == large_file.stat().st_size
    assert page.is_hidden("#notice")


def test_caller_who_may_not_upload_gets_the_image_reduced(
    url: str, bucket: str, server: Server, open_page: OpenPage, settings_of: Callable[..., None], large_file: Path
) -> None:
    settings_of(upload_bucket=BUCKET)  # neither a key nor an authorizer
    page = open_page(url, expected_errors=FAILED)
    choose(page, large_file)
    wait_for_result(page)
    assert "JPEG" in page.inner_text("#notice") or "Reduced" in page.inner_text("#notice")
    assert server.posts()[-1]["queryStringParameters"]["conf"] == "0.05"
