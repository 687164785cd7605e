"""The response with the page: its headers, its policy, its compression, and what it says of the function."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from function import page
from function.model import Model
from function.service import Service
from function.settings import Settings
from function.sources import http
from function.tensors.model import TensorModel
from tests.conftest import ROOT
from tests.function.sources.test_http import HTTP_EVENTS, event, with_method
from tests.support import tensor_models

MAX_BYTES = 68 * 1024
TEXT_ONLY = ("rest_v1",)  # a REST API decodes base64 only with its binaryMediaTypes
LIMITS = {"alb": 1_048_576, "alb_multi_value": 1_048_576}  # bytes of a request
Get = Callable[..., dict[str, Any]]


@pytest.fixture
def get(served: Model) -> Get:
    """GET / through a front end; keyword arguments are environment variables."""

    def run(
        name: str = "function_url", headers: dict[str, str] | None = None, method: str = "GET", **env: str
    ) -> dict[str, Any]:
        return respond(served, name, headers or {}, method, env)

    return run


def respond(
    model: Model | TensorModel, name: str, headers: dict[str, str], method: str, env: dict[str, str]
) -> dict[str, Any]:
    sample = with_method(event(name, path="/", rawPath="/", raw_path="/", body=None), method)
    field = "multiValueHeaders" if name == "alb_multi_value" else "headers"
    sample[field] = {key: [value] if field == "multiValueHeaders" else value for key, value in headers.items()}
    return http.respond(sample, Service(model, Settings.from_env(env), "id-1"))


def fields(reply: dict[str, Any]) -> dict[str, str]:
    headers: dict[str, str] = reply.get("headers") or {name: one for name, (one,) in reply["multiValueHeaders"].items()}
    return headers


def html(reply: dict[str, Any]) -> str:
    body: str = reply["body"]
    return gzip.decompress(base64.b64decode(body)).decode() if reply["isBase64Encoded"] else body


def config(text: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="config">(.*?)</script>', text)
    assert match
    parsed: dict[str, Any] = json.loads(match[1])
    return parsed


class Sources(HTMLParser):
    """Addresses that a document names, its inline styles and scripts, and its attributes of style and events."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: dict[str, list[str]] = {"style": [], "script": []}
        self.unsafe: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._open = tag if tag == "style" or (tag == "script" and ("type", "module") in attributes) else ""
        self.addresses += [value for name, value in attributes if name in ("src", "href", "action") and value]
        self.unsafe += [name for name, _ in attributes if name == "style" or name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inline[self._open].append(data)


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_every_front_end_gets_the_page(name: str, get: Get) -> None:
    reply = get(name)
    assert (reply["statusCode"], fields(reply)["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert html(reply).startswith("<!doctype html>")


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_page_is_compressed_if_the_client_and_the_front_end_can(name: str, get: Get) -> None:
    plain, packed = get(name), get(name, {"accept-encoding": "br;q=1.0, gzip;q=0.8"})
    assert html(packed) == html(plain)
    assert packed["isBase64Encoded"] is (name not in TEXT_ONLY)
    assert fields(packed).get("Content-Encoding") == (None if name in TEXT_ONLY else "gzip")
    assert fields(packed)["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("header", ["gzip;q=0", "gzip; q=0.0", "br", "", "x-gzip2"])
def test_page_is_not_compressed_for_another_client(header: str, get: Get) -> None:
    assert not get(headers={"accept-encoding": header})["isBase64Encoded"]


def test_page_loads_nothing(get: Get) -> None:
    sources = Sources(html(get()))
    assert [address[:5] for address in sources.addresses] == ["data:"] * len(sources.addresses)
    assert sources.unsafe == []


@pytest.mark.parametrize("env", [{}, {"UPLOAD_BUCKET": "photos"}])
def test_policy_allows_the_inline_style_and_script_alone(env: dict[str, str], get: Get) -> None:
    reply = get(**env)
    rules = dict(rule.split(" ", 1) for rule in fields(reply)["Content-Security-Policy"].split("; "))
    sources = Sources(html(reply))
    for kind in ("style", "script"):
        (text,) = sources.inline[kind]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
    assert (rules["default-src"], rules["frame-ancestors"]) == ("'none'", "'none'")
    assert ("https:" in rules["connect-src"]) is bool(env)


def test_page_is_small(get: Get) -> None:
    assert len(html(get()).encode()) < MAX_BYTES


def test_page_that_the_browser_has_is_not_sent_again(get: Get) -> None:
    tag = fields(get())["ETag"]
    reply = get(headers={"if-none-match": f'"x", {tag}'})
    assert (reply["statusCode"], reply["body"], fields(reply)["ETag"]) == (304, "", tag)
    assert fields(get(CONF_THRESHOLD="0.5"))["ETag"] != tag


def test_head_has_the_headers_and_no_body(get: Get) -> None:
    assert get(method="HEAD") == get() | {"body": ""}


def test_page_can_be_turned_off(get: Get) -> None:
    reply = get(PAGE="0")
    assert (reply["statusCode"], json.loads(reply["body"])["type"]) == (404, "NotFound")


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_limit_of_an_image_is_below_that_of_the_front_end(name: str, get: Get) -> None:
    limit = LIMITS.get(name, 6 * 1024 * 1024)
    assert limit * 0.65 < config(html(get(name)))["limit_bytes"] < limit * 0.75


def test_page_knows_the_settings_and_no_class(get: Get) -> None:
    text = html(get(CONF_THRESHOLD="0.4", API_KEY_SHA256="ab" * 32, AWS_LAMBDA_FUNCTION_MEMORY_SIZE="1769"))
    known = config(text)
    assert (known["task"], known["conf"], known["floor"]) == ("detect", 0.4, 0.05)
    assert (known["needs_key"], known["memory_mb"]) == (True, 1769)
    assert '"red"' not in text


def test_checksum_is_shown_only_if_no_key_is_needed(get: Get, served: Model) -> None:
    start = served.metadata.sha256[:12]
    assert start in html(get())
    assert start not in html(get(API_KEY_SHA256="ab" * 32))


def test_default_below_the_floor_is_the_floor(get: Get) -> None:
    assert config(html(get(CONF_THRESHOLD="0.01")))["floor"] == 0.01


@pytest.mark.parametrize("name", ["add", "</script><script>alert(1)"])
def test_generic_model_has_a_page_of_its_inputs(name: str, tmp_path: Path) -> None:
    model = load_tensors(tensor_models.add(tmp_path / "add.onnx"), name)
    text = html(respond(model, "function_url", {}, "GET", {}))
    assert [tensor["datatype"] for tensor in config(text)["model"]["inputs"]] == ["FP32", "FP32"]
    assert len(Sources(text).inline["script"]) == 1
    with_key = config(html(respond(model, "function_url", {}, "GET", {"API_KEY_SHA256": "ab" * 32})))
    assert with_key["model"] is None


def load_tensors(path: Path, name: str) -> TensorModel:
    from function import model

    loaded = model.load(path, threads=1, name=name)
    assert isinstance(loaded, TensorModel)
    return loaded


def test_prices_are_those_of_the_documentation() -> None:
    script, tuning = (page.FOLDER + "/panel.js"), (ROOT / "docs" / "tuning.md").read_text()
    text = Path(script).read_text()
    per_second = re.search(r"x86_64: ([\d.]+), arm64: ([\d.]+)", text)
    per_request = re.search(r"USD_PER_REQUEST = ([\d.]+)", text)
    assert per_second
    assert per_request
    assert f"{per_second[1]} USD" in tuning
    assert float(per_second[2]) == pytest.approx(0.8 * float(per_second[1]), rel=0.01)  # "a fifth less"
    assert f"{1e6 * float(per_request[1]):.2f} USD" in tuning


def test_colors_and_lines_are_those_of_annotated_images() -> None:
    from function.draw import keypoints

    text = Path(page.FOLDER, "drawing.js").read_text()
    pairs = re.findall(r"\[(\d+), (\d+)\]", text)
    lines = {frozenset((int(first) + 1, int(second) + 1)) for first, second in pairs}
    assert lines == set(map(frozenset, keypoints.COCO_LINES))
