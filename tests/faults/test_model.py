"""Faults of a model in a bucket or in a file: truncated, swapped, missing, not allowed."""

import hashlib
import logging
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from function.errors import UnusableModel
from function.settings import Settings
from scripts.soak.fault_proxy import Fault, FaultyProxy
from tests.conftest import ROOT
from tests.faults.events import BUCKET
from tests.support import color_model

KEY = "models/m.onnx"
URI = f"s3://{BUCKET}/{KEY}"


@pytest.fixture
def model(model_path: Path) -> bytes:
    return model_path.read_bytes()


@pytest.fixture
def other(tmp_path: Path) -> bytes:
    """Another version of the model, with the names of its classes swapped."""
    return color_model.save(tmp_path / "other.onnx", names="{0: 'blue', 1: 'red'}").read_bytes()


def load(handler: ModuleType, path: str, sha256: str = "") -> Any:
    """Load a model as the start of the function does."""
    return handler._load(Settings.from_env({"MODEL_PATH": path, "MODEL_SHA256": sha256}))


def place(where: str, content: bytes, client: Any, tmp_path: Path) -> str:
    """Put a model into the bucket or into a file, and return the value of MODEL_PATH."""
    if where == "bucket":
        client.put_object(Bucket=BUCKET, Key=KEY, Body=content)
        return URI
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("where", ["bucket", "file"])
@pytest.mark.parametrize("kept", [0, 0.2, 0.7, 0.999])
@pytest.mark.parametrize("has_checksum", [True, False], ids=["with a checksum", "without a checksum"])
def test_truncated_model_is_refused(
    where: str, kept: float, has_checksum: bool, handler: ModuleType, model: bytes, client: Any, tmp_path: Path
) -> None:
    path = place(where, model[: int(kept * len(model))], client, tmp_path)
    sha256 = hashlib.sha256(model).hexdigest() if has_checksum else ""
    with pytest.raises(UnusableModel, match="MODEL_SHA256" if has_checksum else "is not a model") as raised:
        load(handler, path, sha256)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("where", ["bucket", "file"])
def test_swapped_model_is_refused_by_its_checksum(
    where: str, handler: ModuleType, model: bytes, other: bytes, client: Any, tmp_path: Path
) -> None:
    expected = hashlib.sha256(model).hexdigest()
    assert load(handler, place(where, model, client, tmp_path), expected).metadata.names == {0: "red", 1: "blue"}
    path = place(where, other, client, tmp_path)
    with pytest.raises(
        UnusableModel, match=f"must be {expected} .MODEL_SHA256., got {hashlib.sha256(other).hexdigest()}"
    ):
        load(handler, path, expected)


@pytest.mark.parametrize("where", ["bucket", "file"])
@pytest.mark.parametrize("has_checksum", [True, False], ids=["with a checksum", "without a checksum"])
def test_model_without_a_checksum_is_a_warning_in_the_log(
    where: str,
    has_checksum: bool,
    handler: ModuleType,
    other: bytes,
    client: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sha256 = hashlib.sha256(other).hexdigest()
    path = place(where, other, client, tmp_path)
    with caplog.at_level(logging.WARNING):
        settings = Settings.from_env({"MODEL_PATH": path, "MODEL_SHA256": sha256 if has_checksum else ""})
        handler._warn_of_unchecked(settings, handler._load(settings))
    warnings = [record.getMessage() for record in caplog.records if "MODEL_SHA256" in record.getMessage()]
    assert warnings == ([] if has_checksum else [f"{path} is not checked: set MODEL_SHA256 to {sha256}"])


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault("GET", 404, "NoSuchKey"), "no such object"),
        (Fault("GET", 403, "AccessDenied"), "AccessDenied"),
        (Fault("GET", 400, "KMS.DisabledException"), "KMS.DisabledException"),
        (Fault("GET", 301, "PermanentRedirect"), "the function must be in the region of the bucket"),
        (Fault("GET", 503, "SlowDown"), "SlowDown"),
        (Fault("GET", 200, "cut off"), "s3://"),
    ],
)
def test_model_that_cannot_be_read_is_refused_with_the_reason(
    fault: Fault, message: str, handler: ModuleType, client: Any, proxy: FaultyProxy
) -> None:
    proxy.faults[f"/{BUCKET}/{KEY}"] = fault
    with pytest.raises(UnusableModel, match=rf"no model at {URI} \(MODEL_PATH\): .*{message}"):
        load(handler, URI)


def test_start_writes_the_warning(model_path: Path) -> None:
    variables = {"PYTHONPATH": str(ROOT), "MODEL_PATH": str(model_path)}
    command = [sys.executable, "-c", "import function.handler"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert f"{model_path} is not checked: set MODEL_SHA256 to" in done.stderr
    variables["MODEL_SHA256"] = hashlib.sha256(model_path.read_bytes()).hexdigest()
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert "MODEL_SHA256" not in done.stderr
