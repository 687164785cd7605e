"""Defaults and fixed limits, each with its number: a change of one is a change of the documented behavior."""

import importlib
from typing import Any

import pytest

from function import storage
from function.settings import Settings

SETTINGS = {
    "model_path": None,
    "model_sha256": None,
    "conf": 0.25,
    "iou": 0.7,
    "max_det": 300,
    "max_image_pixels": 50_000_000,
    "result_bucket": None,
    "result_prefix": "results/",
    "annotate": False,
    "allowed_buckets": (),
    "allowed_url_hosts": (),
    "max_images": 16,
    "max_object_bytes": 104_857_600,
    "agnostic": False,
    "metrics": True,
    "class_metrics": False,
    "fast_decode": False,
    "snap_start": False,
    "model_name": None,
    "max_tensor_elements": 2_000_000,
    "cors_origins": (),
    "memory_mb": None,
    "page": True,
    "api_key_sha256": (),
    "reading": None,
    "upload_bucket": None,
    "class_conf": {},
    "imgsz": None,
    "max_imgsz_pixels": 67_108_864,
    "tile": None,
    "tile_overlap": 0.2,
    "tile_merge": None,
}
LIMITS = [
    ("function.settings", "MB_PER_CPU", 1769),
    ("function.settings", "READ_MAX_CROPS", 8),
    ("function.readings.bedrock", "ATTEMPTS", 4),
    ("function.readings.bedrock", "MAX_PARALLEL", 10),
    ("function.readings.bedrock", "MAX_WAIT_S", 60),
    ("function.readings.bedrock", "MAX_TOKENS", 300),
    ("function.readings.bedrock", "MAX_TEXT", 1000),
    ("function.readings.crops", "MAX_SIDE", 1568),
    ("function.readings.crops", "MARGIN", 0.1),
    ("function.readings.scale", "MIN_CONFIDENCE", 0.5),
    ("function.readings.scale", "MAX_OUTSIDE", 0.1),
    ("function.handler", "MAX_MODEL_BYTES", 2_147_483_648),
    ("function.request", "MAX_DETECTIONS", 3000),
    ("function.request", "MAX_POLYGONS", 100),
    ("function.request", "MAX_POINTS", 1000),
    ("function.tiling.slices", "MAX_TILES", 1024),
    ("function.tiling.masks", "MAX_LOGITS", 16_000_000),
    ("function.fetch", "TIMEOUT_S", 10),
    ("function.fetch", "MAX_REDIRECTS", 3),
    ("function.fetch", "MAX_TRIED", 4),
    ("function.fetch.addresses", "MAX_URL_LENGTH", 8192),
    ("function.api.multipart", "MAX_PARTS", 1000),
    ("function.api.uploads", "LIFE_S", 600),
    ("function.api.uploads", "KEY_BYTES", 16),
    ("function.postprocess.boxes", "CLASS_OFFSET", 7680),
    ("function.postprocess.boxes", "MAX_CANDIDATES", 30_000),
    ("function.preprocess.letterbox", "PAD_VALUE", 114),
    ("function.preprocess.image", "MAX_SIDE", 65_500),
]


@pytest.mark.parametrize("name", SETTINGS)
def test_setting_has_its_documented_default(name: str) -> None:
    assert getattr(Settings.from_env({}), name) == SETTINGS[name]


def test_table_of_defaults_has_every_setting_that_does_not_depend_on_the_machine() -> None:
    assert {*SETTINGS, "threads", "spinning"} == set(Settings._fields)


@pytest.mark.parametrize(("module", "name", "value"), LIMITS)
@pytest.mark.usefixtures("handler")
def test_limit_has_its_documented_value(module: str, name: str, value: Any) -> None:
    assert getattr(importlib.import_module(module), name) == value


def test_s3_client_has_the_documented_timeouts_and_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = storage._make_client(aws_access_key_id="none", aws_secret_access_key="none")
    try:
        config = client.meta.config
        assert (config.connect_timeout, config.read_timeout) == (2, 10)
        assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    finally:
        client.close()
