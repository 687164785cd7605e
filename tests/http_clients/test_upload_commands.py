"""The commands of docs/api.md that upload a large photo, as a reader would copy them."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import boto3
import numpy as np
import pytest
from PIL import Image

from function import storage
from function.settings import Settings
from scripts.soak import s3_server
from tests.conftest import ROOT, Context
from tests.support import http_front_end, served
from tests.support.post_policy import CheckedS3

KEY, BUCKET, SECRET = "key of a caller", "uploads-of-callers", "secret of the role"
SETTINGS = {"UPLOAD_BUCKET": BUCKET, "API_KEY_SHA256": hashlib.sha256(KEY.encode()).hexdigest(), "METRICS": "0"}
ROLE = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": "token/with+signs==",
    "AWS_DEFAULT_REGION": "eu-west-1",
}
SIDE = 3200
LARGE = 30_000_000  # bytes
PROGRAMS = ("bash", "curl", "jq")

pytestmark = pytest.mark.skipif(not all(map(shutil.which, PROGRAMS)), reason=f"one of {PROGRAMS} is not installed")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[CheckedS3]:
    with s3_server.s3() as url, CheckedS3(url, SECRET).serving() as serving:
        assert isinstance(serving, CheckedS3)
        s3_server.client(url).create_bucket(Bucket=BUCKET)
        for name, value in {"AWS_ENDPOINT_URL": serving.url, **ROLE}.items():
            monkeypatch.setenv(name, value)
        clear_clients()
        yield serving
        clear_clients()


def clear_clients() -> None:
    for client in (storage._client, storage._presigning_client):
        client.cache_clear()
    boto3.DEFAULT_SESSION = None  # with the credentials that it has read


@pytest.fixture
def url(s3: CheckedS3, handler: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(handler, "SETTINGS", Settings.from_env(SETTINGS))
    with http_front_end.serve("function_url", lambda event: handler.lambda_handler(event, Context())) as address:
        yield address.rstrip("/")


def write_photo(path: Path) -> None:
    """Write an image of noise, which no compression makes smaller, with a red area."""
    pixels = np.random.default_rng(1).integers(90, 130, (SIDE, SIDE, 3), dtype=np.uint8)
    pixels[1600:1920, 640:960] = (255, 0, 0)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=0)
    path.write_bytes(buffer.getvalue())


def commands() -> list[str]:
    """Return the code blocks of the section on uploads."""
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    section = text.partition("\n### Uploads\n")[2].partition("\n## ")[0]
    return [block.partition("```")[0] for block in section.split("```bash\n")[1:]]


def check_upload(url: str, folder: Path) -> None:
    """Run the commands in a folder, and check the prediction."""
    write_photo(folder / "photo.jpg")
    assert (folder / "photo.jpg").stat().st_size > LARGE
    upload, predict = commands()
    assert len(upload.splitlines()) == 2
    environ = {**os.environ, "API_KEY": KEY, "URL": url}
    program = ["bash", "-euo", "pipefail", "-c", upload + predict]
    done = subprocess.run(program, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    body = json.loads(done.stdout)
    assert body["image_dimensions"] == {"width": SIDE, "height": SIDE}
    assert [found["class_name"] for found in body["detections"]] == ["red"]


def test_documented_commands_predict_a_photo_of_30_mb(url: str, tmp_path: Path) -> None:
    check_upload(url, tmp_path)


@pytest.mark.build
@pytest.mark.runtime
def test_built_zips_predict_an_uploaded_photo(s3: CheckedS3, model_path: Path, tmp_path: Path) -> None:
    """With the boto3 of the runtime: layer.zip has none."""
    build = [str(ROOT / "scripts" / "build_zip.sh"), str(model_path), "--out", str(tmp_path / "dist")]
    subprocess.run(build, check=True, timeout=600, stdout=sys.stderr)
    variables = {**SETTINGS, **ROLE, "AWS_ENDPOINT_URL": s3.url}
    options = [option for name, value in variables.items() for option in ("--env", f"{name}={value}")]
    with served.serve(tmp_path / "dist", "--isolation", "plain", "--memory", "3008", *options) as url:
        check_upload(url, tmp_path)
