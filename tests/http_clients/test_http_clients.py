"""Real clients through every front end: a server on loopback makes events of their requests."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

from function.settings import Settings
from tests.conftest import ROOT, Context
from tests.http_clients.clients import CLIENTS, FORMS, MISSING, TIMEOUT_S, run_curl
from tests.support import http_front_end

OPTIONS = "?classes=red&max_det=1"
ORIGIN = "https://shop.example"
KINDS = http_front_end.KINDS
needs_curl = pytest.mark.skipif("curl" in MISSING, reason="curl is not installed")
every_client = pytest.mark.parametrize(
    "client",
    [
        pytest.param(name, marks=pytest.mark.skipif(name in MISSING, reason=f"{name} is not installed"))
        for name in CLIENTS
    ],
)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, handler: ModuleType) -> Iterator[str]:
    with http_front_end.serve(kind, lambda event: handler.lambda_handler(event, Context())) as address:
        yield address


@every_client
@pytest.mark.parametrize("form", FORMS)
def test_image_of_a_client_is_predicted(url: str, client: str, form: str, red_png: bytes, tmp_path: Path) -> None:
    reply = CLIENTS[client](url + OPTIONS, form, red_png, tmp_path)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json"), reply.body
    body = reply.json()
    assert (body["detection_count"], body["image_dimensions"]) == (1, {"width": 320, "height": 320})
    assert body["detections"][0]["class_name"] == "red"


@every_client
def test_error_reaches_the_client(url: str, client: str, red_png: bytes, tmp_path: Path) -> None:
    reply = CLIENTS[client](url + "?conf=2", "raw", red_png, tmp_path)
    assert (reply.status, reply.json()["type"]) == (422, "InvalidOption")


@needs_curl
def test_image_with_the_default_type_of_curl_is_predicted(url: str, red_png: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(red_png)
    reply = run_curl(url, "--data-binary", f"@{file}")
    assert (reply.status, reply.json()["detection_count"]) == (200, 1)


@needs_curl
def test_part_without_a_file_name_is_predicted(url: str, red_png: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(red_png)
    reply = run_curl(url, "-F", f"image=<{file};type=image/png")
    assert (reply.status, reply.json()["detection_count"]) == (200, 1)


@needs_curl
def test_urlencoded_form_of_curl_is_refused_with_what_to_send(url: str) -> None:
    reply = run_curl(url, "--data-urlencode", "image_data=iVBORw0KGgo+", "-d", "conf=0.4")
    assert reply.status == 415
    assert "multipart/form-data (curl -F)" in reply.json()["error"]


@needs_curl
def test_head_of_the_health_check_has_no_body(url: str) -> None:
    reply = run_curl(url + "/health", "--head")
    assert (reply.status, reply.body) == (200, "")


def test_browser_visit_lists_the_endpoints(url: str) -> None:
    reply = requests.get(url + "/nothing", timeout=TIMEOUT_S)
    assert (reply.status_code, "GET /health" in reply.json()["error"]) == (404, True)


def test_preflight_request_is_answered_by_one_side(
    url: str, kind: str, handler: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "SETTINGS", Settings.from_env({"CORS_ORIGINS": ORIGIN, "METRICS": "0"}))
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    reply = requests.options(url, headers=headers, timeout=TIMEOUT_S)
    of_the_function = kind in ("rest", "alb")
    assert reply.status_code == (204 if of_the_function else 405)
    assert reply.headers.get("Access-Control-Allow-Origin") == (ORIGIN if of_the_function else None)


@pytest.fixture(scope="module")
def built(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The zips of the color model under the runtime client."""
    from scripts.local_lambda.emulator import LocalLambda

    dist = tmp_path_factory.mktemp("dist")
    build = [str(ROOT / "scripts" / "build_zip.sh"), str(model_path), "--out", str(dist)]
    subprocess.run(build, check=True, timeout=600, stdout=sys.stderr)
    with LocalLambda(dist) as function:
        yield function


@pytest.mark.build
@pytest.mark.runtime
@every_client
def test_built_zips_predict_the_images_of_a_client(
    kind: str, client: str, built: Any, red_png: bytes, tmp_path: Path
) -> None:
    def invoke(event: dict[str, Any]) -> dict[str, Any]:
        done = built.invoke(event)
        assert done.error is None, done.logs
        reply: dict[str, Any] = json.loads(json.dumps(done.response))
        return reply

    with http_front_end.serve(kind, invoke) as address:
        replies = {form: CLIENTS[client](address + OPTIONS, form, red_png, tmp_path) for form in FORMS}
    assert {form: (reply.status, reply.json().get("detection_count")) for form, reply in replies.items()} == (
        dict.fromkeys(FORMS, (200, 1))
    )
