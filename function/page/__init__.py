"""Page in the browser at the root of the function: one HTML document without requests to other hosts.

Loaded only when it is requested. The parts are the files beside this module; they are put together for each request,
because the front end and the settings are a part of it.
"""

import base64
import gzip
import hashlib
import json
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from function import predictor
from function.draw import colors
from function.metadata import GRAY_CHANNELS, RGB_CHANNELS
from function.service import Service
from function.settings import Settings

if TYPE_CHECKING:
    from function.tensors.signature import Signature

FOLDER = os.path.dirname(os.path.abspath(__file__))
IMAGE_SCRIPTS = ("service.js", "image.js", "predict.js", "drawing.js", "panel.js", "page.js")
TENSOR_SCRIPTS = ("service.js", "tensors.js")
MAP_SCRIPT = "maps.js"
MAP_TASKS = ("semantic", "depth")
SAMPLE = "sample.jpg"
TITLES = {
    "detect": "Object detection",
    "segment": "Instance segmentation",
    "pose": "Pose estimation",
    "obb": "Oriented object detection",
    "classify": "Image classification",
    "semantic": "Semantic segmentation",
    "depth": "Depth estimation",
}
ENVELOPE_BYTES = 64 * 1024  # headers and other fields of the event around the body
ARCHITECTURES = {"aarch64": "arm64", "arm64": "arm64"}
X86_64 = "x86_64"
LOW_CONF = 0.05  # the page asks for detections down to it, and its slider filters them; not if each one is also read
SIDES = (320, 640, 960, 1280, 1920)  # px, of the model input and of tiles
SHA256_SHOWN = 12  # digits
UPLOAD_HOSTS = " https: http://127.0.0.1:* http://localhost:*"  # the form names the host of the bucket, not the page
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-cache",  # the browser asks with its ETag each time
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


def respond(
    headers: Mapping[str, str], service: Service, max_request_bytes: int, sends_bytes: bool = True
) -> dict[str, Any]:
    """Return the page as an HTTP response: 200, or 304 without a body if the browser has it.

    Args:
        headers: of the request, names in lower case.
        service: its model and settings are described to the page.
        max_request_bytes: of an event with a body in base64, as the front end or Lambda limits it.
        sends_bytes: the front end decodes a body in base64; otherwise the page is not compressed.
    """
    text, policy = _document(service, max_request_bytes)
    tag = f'W/"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    sent = {**HEADERS, "Content-Security-Policy": policy, "ETag": tag}
    if tag in headers.get("if-none-match", ""):
        return {"statusCode": 304, "headers": sent, "body": "", "isBase64Encoded": False}
    if not (sends_bytes and _accepts_gzip(headers.get("accept-encoding", ""))):
        return {"statusCode": 200, "headers": sent, "body": text, "isBase64Encoded": False}
    body = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    return {
        "statusCode": 200,
        "headers": {**sent, "Content-Encoding": "gzip"},
        "body": body,
        "isBase64Encoded": True,
    }


def _document(service: Service, max_request_bytes: int) -> tuple[str, str]:
    """Return the HTML and its content security policy, which names the digests of its style and its script."""
    signature = service.signature
    config = _config(service.settings, max_request_bytes) | (
        _tensor_config(signature, service.settings) if signature else _image_config(service)
    )
    scripts = TENSOR_SCRIPTS if signature else IMAGE_SCRIPTS
    if config.get("task") in MAP_TASKS:
        scripts = (*scripts, MAP_SCRIPT)
    style, script = _read("page.css"), "\n".join(map(_script, scripts))
    parts = {
        "title": "ONNX model" if signature else TITLES[config["task"]],
        "subtitle": "" if signature else _subtitle(service),
        "style": style,
        "script": script,
        "config": json.dumps(config).replace("<", "\\u003c"),  # an element cannot be closed by a value
        "key_form": _read("key_form.html"),
        "sample": "" if signature else f"data:image/jpeg;base64,{_sample()}",
    }
    template = _read("tensors.html" if signature else "index.html")
    html = re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)
    return html, _policy(style, script, config["uploads"])


def _config(settings: Settings, max_request_bytes: int) -> dict[str, Any]:
    """Return what the scripts have to know of the function. It names no class: the page needs no API key."""
    return {
        "needs_key": bool(settings.api_key_sha256),
        "uploads": bool(settings.upload_bucket),
        "max_object_bytes": settings.max_object_bytes,
        "limit_bytes": (max_request_bytes - ENVELOPE_BYTES) * 3 // 4,  # four characters for three bytes
        "memory_mb": settings.memory_mb,
        "arch": ARCHITECTURES.get(os.uname().machine, X86_64),
    }


def _image_config(service: Service) -> dict[str, Any]:
    metadata, settings = service.require_image_model().metadata, service.settings
    lowest = min((settings.conf, *settings.class_conf.values()))
    return {
        "task": metadata.task,
        "has_map": metadata.task in MAP_TASKS,
        "conf": lowest,
        "floor": lowest if settings.reading or settings.class_conf or settings.tile else min(LOW_CONF, settings.conf),
        # One number would replace the thresholds of all classes.
        "sends_conf": metadata.task not in ("classify", *MAP_TASKS) and not settings.class_conf,
        "imgsz": _sizes(service),
        # 0: no tiles.
        "tiles": ([0] if settings.tile else []) + list(SIDES) if metadata.task in predictor.TILED else [],
        "max_pixels": settings.max_image_pixels,
        "colors": colors.COLORS,
    }


def _sizes(service: Service) -> list[int]:
    """Return the sides of model inputs that the page offers beside that of the model; none for a static model."""
    metadata, most = service.require_image_model().metadata, service.settings.max_imgsz_pixels
    if not metadata.rectangular:
        return []
    return [side for side in SIDES if side**2 <= most and side % metadata.stride == 0]


def _tensor_config(signature: "Signature", settings: Settings) -> dict[str, Any]:
    from function.tensors import signature as signatures

    return {"model": None if settings.api_key_sha256 else signatures.metadata(signature)}


def _subtitle(service: Service) -> str:
    """Return the size of the model input and, unless the function needs a key, the start of the checksum."""
    metadata = service.require_image_model().metadata
    height, width = metadata.imgsz_hw
    bands = "" if metadata.channels in (GRAY_CHANNELS, RGB_CHANNELS) else f", TIFF of {metadata.channels} bands"
    size = f"{width} × {height} pixels{bands}"
    needs_key = bool(service.settings.api_key_sha256)
    return f"Model input {size}" if needs_key else f"Model {metadata.sha256[:SHA256_SHOWN]}, {size}"


def _script(name: str) -> str:
    """Return a script without the lines that are comments."""
    return re.sub(r"^ *//.*\n", "", _read(name), flags=re.MULTILINE)


def _policy(style: str, script: str, uploads: bool) -> str:
    """Return the content security policy: nothing is loaded, and requests go to the function and to the bucket."""
    return "; ".join((
        "default-src 'none'",
        f"script-src '{_digest(script)}'",
        f"style-src '{_digest(style)}'",
        "img-src blob: data:",
        f"connect-src 'self'{UPLOAD_HOSTS if uploads else ''}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ))  # fmt: skip


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _accepts_gzip(header: str) -> bool:
    """Return whether the header `Accept-Encoding` allows gzip: named, and not with the weight 0."""
    for item in header.lower().split(","):
        name, _, weight = item.partition(";")
        if name.strip() == "gzip":
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight)
    return False


def _sample() -> str:
    with open(os.path.join(FOLDER, SAMPLE), "rb") as file:
        return base64.b64encode(file.read()).decode()


def _read(name: str) -> str:
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return file.read()
