"""Real HTTP clients that send the same requests: each function takes the URL, the form of the request and the image."""

import asyncio
import base64
import gzip
import json
import shutil
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import httpx
import requests

FORMS = ("raw", "json", "form", "gzip", "deflate", "base64 text", "form of text")
TIMEOUT_S = 60
NODE_PROGRAM = Path(__file__).with_name("client.mjs")


class Reply(NamedTuple):
    """Response to a client."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


def data_of(form: str, image: bytes) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of a form that is no multipart form."""
    text = base64.b64encode(image).decode()
    json_text = json.dumps({"image_data": text}).encode()
    return {
        "raw": (image, {"Content-Type": "image/png"}),
        "json": (json_text, {"Content-Type": "application/json"}),
        "gzip": (gzip.compress(json_text), {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
        "deflate": (zlib.compress(image), {"Content-Type": "image/png", "Content-Encoding": "deflate"}),
        "base64 text": (text.encode(), {"Content-Type": "text/plain"}),
    }[form]


def curl(url: str, form: str, image: bytes, folder: Path) -> Reply:
    file = folder / "image.png"
    file.write_bytes(image)
    if form == "form":
        return run_curl(url, "-F", f"image=@{file}", "-F", "image_name=a.png")
    if form == "form of text":
        return run_curl(url, "-F", "image_data=" + base64.b64encode(image).decode())
    data, headers = data_of(form, image)
    (folder / "body").write_bytes(data)
    options = [option for name, value in headers.items() for option in ("-H", f"{name}: {value}")]
    return run_curl(url, "--data-binary", f"@{folder / 'body'}", *options)


def run_curl(url: str, *options: str) -> Reply:
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--include", "--max-time", str(TIMEOUT_S), *options, url],
        capture_output=True,
        text=True,
        check=True,
    )
    text = done.stdout.replace("\r\n", "\n").removeprefix("HTTP/1.1 100 Continue\n\n")
    head, _, body = text.partition("\n\n")
    status, *lines = head.splitlines()
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Reply(int(status.split()[1]), headers, body)


def requests_client(url: str, form: str, image: bytes, folder: Path) -> Reply:
    if form == "form":
        sent = requests.post(url, files={"image": ("a.png", image)}, timeout=TIMEOUT_S)
    elif form == "form of text":
        fields = {"image_data": (None, base64.b64encode(image).decode())}
        sent = requests.post(url, files=fields, timeout=TIMEOUT_S)
    else:
        data, headers = data_of(form, image)
        sent = requests.post(url, data=data, headers=headers, timeout=TIMEOUT_S)
    return Reply(sent.status_code, {name.lower(): value for name, value in sent.headers.items()}, sent.text)


def httpx_client(url: str, form: str, image: bytes, folder: Path) -> Reply:
    with httpx.Client(timeout=TIMEOUT_S) as client:
        if form == "form":
            sent = client.post(url, files={"image": ("a.png", image, "image/png")})
        elif form == "form of text":
            sent = client.post(url, files={"image_data": (None, base64.b64encode(image))})
        elif form == "json":
            sent = client.post(url, json={"image_data": base64.b64encode(image).decode()})
        else:
            data, headers = data_of(form, image)
            sent = client.post(url, content=data, headers=headers)
    return Reply(sent.status_code, dict(sent.headers), sent.text)


def aiohttp_client(url: str, form: str, image: bytes, folder: Path) -> Reply:
    return asyncio.run(_aiohttp(url, form, image))


async def _aiohttp(url: str, form: str, image: bytes) -> Reply:
    text = base64.b64encode(image).decode()
    options: dict[str, Any]
    if form == "form":
        fields = aiohttp.FormData()
        fields.add_field("image", image, filename="a.png", content_type="image/png")
        options = {"data": fields}
    elif form == "form of text":
        fields = aiohttp.FormData(default_to_multipart=True)
        fields.add_field("image_data", text)
        options = {"data": fields}
    elif form in ("gzip", "deflate"):  # compressed by the client while it sends, in chunks
        options = {"data": json.dumps({"image_data": text}).encode(), "compress": form}
        options["headers"] = {"Content-Type": "application/json"}
    elif form == "json":
        options = {"json": {"image_data": text}}
    else:
        data, headers = data_of(form, image)
        options = {"data": data, "headers": headers}
    async with aiohttp.ClientSession() as session, session.post(url, **options) as sent:
        return Reply(sent.status, {name.lower(): value for name, value in sent.headers.items()}, await sent.text())


def node(url: str, form: str, image: bytes, folder: Path) -> Reply:
    done = subprocess.run(
        ["node", str(NODE_PROGRAM), url, form], input=image, capture_output=True, check=True, timeout=TIMEOUT_S
    )
    status, headers, body = json.loads(done.stdout)
    return Reply(status, dict(headers), body)


Client = Callable[[str, str, bytes, Path], Reply]
CLIENTS: dict[str, Client] = {
    "curl": curl,
    "requests": requests_client,
    "httpx": httpx_client,
    "aiohttp": aiohttp_client,
    "node": node,
}
MISSING = {name for name in ("curl", "node") if not shutil.which(name)}
