"""The bucket `photos` on a real HTTP server, behind a proxy that injects faults, and the handler that uses it."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from function import storage
from scripts.soak import s3_server
from scripts.soak.fault_proxy import FaultyProxy
from tests.faults.events import BUCKET, KEYS


@pytest.fixture(scope="session")
def proxy() -> Iterator[FaultyProxy]:
    with s3_server.s3() as url, FaultyProxy(url).serving() as serving:
        yield serving


@pytest.fixture(scope="session")
def environ(proxy: FaultyProxy) -> dict[str, str]:
    """Environment variables of a function that reads from the proxy."""
    return {
        "AWS_ENDPOINT_URL": proxy.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.fixture(scope="module")
def s3(environ: dict[str, str], red_png: bytes) -> Iterator[Any]:
    """S3 client of the test, and of the function unless its endpoint changes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        patch.setattr("boto3.DEFAULT_SESSION", None)
        storage._client.cache_clear()
        made = storage._make_client()
        made.create_bucket(Bucket=BUCKET)
        for key in KEYS:
            made.put_object(Bucket=BUCKET, Key=key, Body=red_png)
        yield made
        made.close()
        storage._client.cache_clear()


@pytest.fixture
def client(s3: Any, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 client without faults; the bucket has two images and no results."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    proxy.faults.clear()
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": f"results/{key}.json"} for key in KEYS]})
    yield s3
    proxy.faults.clear()


@pytest.fixture
def handle(handler: ModuleType, client: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return the handler of a function whose callers may name the bucket."""
    monkeypatch.setattr(handler, "SETTINGS", handler.SETTINGS._replace(allowed_buckets=(BUCKET,)))
    lambda_handler: Callable[..., Any] = handler.lambda_handler
    return lambda_handler
