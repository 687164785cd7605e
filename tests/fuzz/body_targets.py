"""Bytes of request bodies: forms, JSON, base64 dialects, compressed bodies, query strings, tensors."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote

from tests.fuzz import documented, runtime, values
from tests.fuzz.image_targets import FUNCTION_URL
from tests.fuzz.targets import Target, variant
from tests.fuzz.verdict import check

REST_API: dict[str, Any] = {"httpMethod": "POST", "path": "/detect", "requestContext": {"stage": "prod"}}
LOAD_BALANCER: dict[str, Any] = {"httpMethod": "POST", "path": "/", "requestContext": {"elb": {"targetGroupArn": "a"}}}
CODINGS = ("gzip", "deflate", "x-gzip", "identity", "br", "gzip, gzip")
DATA_URL = "data:image/png;base64,"
ECHO_DATA: dict[str, list[Any]] = {"BOOL": [True, False], "BYTES": ["a", "é"], "FP16": [0.5, -1]}
TENSOR_REQUESTS: dict[str, list[dict[str, Any]]] = {  # model -> inputs
    "add": [
        {"name": "a", "shape": [1, 3], "datatype": "FP32", "data": [1, 2.5, -3e3]},
        {"name": "b", "shape": [1, 3], "datatype": "FP32", "data": [[1, 2, 3]]},
    ],
    "log": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 0]}],
    "expand": [
        {"name": "x", "shape": [1], "datatype": "FP32", "data": [1]},
        {"name": "shape", "shape": [2], "datatype": "INT64", "data": [3, 4]},
    ],
    **{
        f"echo-{name}": [{"name": "x", "shape": [2], "datatype": name, "data": ECHO_DATA.get(name, [1, 0])}]
        for name in runtime.ECHO_TYPES
    },
}


def _check_http(event: dict[str, Any], model: str = "colors", **environ: str) -> None:
    check(lambda: runtime.invoke(event, model, **environ), partial(documented.http_response, event), ())


def _base64_body(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    return FUNCTION_URL | {"headers": headers, "body": base64.b64encode(body).decode()}


def run_form(data: bytes) -> None:
    """Send a form; the first line of the input is its content type."""
    content_type, _, body = data.partition(b"\n")
    headers = {"content-type": content_type.decode("utf-8", "surrogateescape")}
    if variant(data, 4):
        _check_http(_base64_body(headers, body))
        return
    text = body.decode("utf-8", "replace")
    _check_http(REST_API | {"headers": headers, "body": text, "isBase64Encoded": False})


def run_json(data: bytes) -> None:
    """Send a JSON text as a body of HTTP, as the body of a direct invocation, and as the event itself."""
    text, number = data.decode("utf-8", "surrogateescape"), variant(data, 4)
    if number == 0:
        _check_http(_base64_body({"content-type": "application/json"}, data))
    elif number == 1:
        _check_http(REST_API | {"headers": {"Content-Type": "application/json"}, "body": text})
    else:
        _check_http({"body": text})


def run_base64(data: bytes) -> None:
    """Send text in place of base64, in every field that takes it."""
    text, number = data.decode("utf-8", "surrogateescape"), variant(data, 6)
    if number == 0:
        _check_http({"image_data": DATA_URL + text})
    elif number == 1:
        _check_http({"body": text, "isBase64Encoded": True})
    elif number == 2:
        _check_http(_base64_body({"content-type": "text/plain"}, data))
    elif number == 3:
        body = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n'
        body += b"Content-Transfer-Encoding: base64\r\n\r\n" + data + b"\r\n--b--\r\n"
        _check_http(_base64_body({"content-type": "multipart/form-data; boundary=b"}, body))
    else:
        _check_http({"image_data": text})


def run_encoding(data: bytes) -> None:
    """Send a compressed body; the first line of the input is its Content-Encoding. Half are compressed here."""
    coding, _, body = data.partition(b"\n")
    name = coding.decode("utf-8", "surrogateescape")
    if variant(data, 2):
        body = gzip.compress(body, 1, mtime=0) if "gzip" in name else zlib.compress(body, 1)
    content_type = ("application/json", "image/png", "application/octet-stream")[variant(data[::-1], 3)]
    headers = {"content-encoding": name, "content-type": content_type}
    _check_http(_base64_body(headers, body), MAX_OBJECT_BYTES="100000")


def run_query(data: bytes) -> None:
    """Send a query string beside an image."""
    text, number = data.decode("utf-8", "surrogateescape"), variant(data, 4)
    image = {"body": base64.b64encode(runtime.png()).decode(), "isBase64Encoded": True}
    pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=10_000)
    model = ("colors", "segments", "classifier")[variant(data[::-1], 3)]
    if number == 0:
        raw = dict(part.partition("=")[::2] for part in text.split("&"))
        _check_http(LOAD_BALANCER | image | {"queryStringParameters": raw}, model)
    elif number == 1:
        many: dict[str, list[str]] = {}
        for name, value in pairs:
            many.setdefault(name, []).append(value)
        _check_http(REST_API | image | {"multiValueQueryStringParameters": many}, model)
    elif number == 2:
        _check_http({**image, "rawQueryString": text}, model)
    else:
        _check_http(FUNCTION_URL | image | {"queryStringParameters": dict(pairs)}, model)


def run_tensors(data: bytes) -> None:
    """Send JSON to a generic ONNX model, which the first byte selects."""
    names = list(runtime.TENSOR_MODELS)
    model, text = names[data[0] % len(names) if data else 0], data[1:].decode("utf-8", "surrogateescape")
    path = f"/v2/models/{model}/infer"
    if variant(data, 2):
        _check_http({"body": text}, model)
        return
    context = {"domainName": "a.lambda-url.eu-west-1.on.aws", "http": {"method": "POST", "path": path}}
    _check_http({"rawPath": path, "requestContext": context, "body": text}, model)


def _form_seeds() -> Iterator[bytes]:
    png = runtime.png()
    part = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    field = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    head, end = b"multipart/form-data; boundary=b\n", b"--b--\r\n"
    yield head + part + png + b"\r\n" + end
    yield head + part + png + b"\r\n" + part + png + b"\r\n" + field % (b"conf", b"0.4") + end
    yield head + field % (b"url", b"https://a.example/a.png") + field % (b"image_name", b"a") + end
    yield head + field % (b"s3", b"s3://photos/in/wall.jpg") + field % (b"classes[0]", b"red") + end
    yield head + field % (b"image_data", base64.b64encode(png)) + end
    encoded = part.replace(b'filename="a.png"', b"filename*=UTF-8''a%20%E2%82%AC.png")
    yield head + encoded + png + b"\r\n" + end
    words = part.replace(b"a.png", b"=?utf-8?B?5p2x5LqsLmpwZw==?=")
    yield head + words + png + b"\r\n" + end
    pieces = part.replace(b'filename="a.png"', b"filename*0*=UTF-8''a%20; filename*1=b.png")
    yield head + pieces + png + b"\r\n" + end
    transfer = part.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
    yield head + transfer + base64.encodebytes(png) + b"\r\n" + end
    quoted = part.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
    yield head + quoted + b"=89PNG=0D=0A" + b"\r\n" + end
    yield b'multipart/form-data; boundary="b"; charset=utf-8\n' + part + png + b"\r\n" + end
    yield b"application/x-www-form-urlencoded\nimage_data=" + quote(base64.b64encode(png)).encode()


def _json_seeds() -> Iterator[bytes]:
    png = base64.b64encode(runtime.png()).decode()
    requests: tuple[Any, ...] = (
        {"image_data": png, "image_name": "a.png", "conf": 0.4, "classes": ["red", 1], "masks": "rle"},
        {"images": [{"image_data": png}, {"image_data": "x"}, {"url": "https://a.example/"}, 1], "max_det": 5},
        {"s3": "s3://photos/in/wall.jpg", "agnostic": True, "iou": 0.5},
        {"url": "https://a.example/a.png", "confidence": 0.4, "unknown": [1]},
        {"inputs": []},
        [],
    )
    for request in requests:
        yield json.dumps(request).encode()
    yield b'\xef\xbb\xbf{"image_data": NaN, "conf": 1e999}'


def _base64_seeds() -> Iterator[bytes]:
    png = runtime.png()
    yield base64.b64encode(png)
    yield base64.urlsafe_b64encode(png).rstrip(b"=")
    yield base64.encodebytes(png)
    yield str(png).encode()
    yield repr(base64.b64encode(png)).encode()
    yield b"'" + base64.b64encode(png) + b"'"
    yield quote(base64.b64encode(png)).encode()
    yield b"image_data=" + quote(base64.b64encode(png)).encode()
    yield png.decode("latin-1").encode()
    yield png.hex().encode()
    yield DATA_URL.encode() + base64.b64encode(png)
    yield b"[object File]"


def _encoding_seeds() -> Iterator[bytes]:
    png, text = runtime.png(), json.dumps({"image_data": base64.b64encode(runtime.png()).decode()}).encode()
    for coding in CODINGS:
        yield coding.encode() + b"\n" + png
        yield coding.encode() + b"\n" + text
    yield b"gzip\n" + gzip.compress(png, mtime=0)
    yield b"gzip\n" + gzip.compress(png[:50], mtime=0) + gzip.compress(png[50:], mtime=0) + b"\0\0"
    yield b"gzip, gzip\n" + gzip.compress(gzip.compress(text, mtime=0), mtime=0)
    yield b"deflate\n" + zlib.compress(png)
    yield b"deflate\n" + zlib.compress(text)[2:-4]
    yield b"\n" + gzip.compress(png, mtime=0)


def _query_seeds() -> Iterator[bytes]:
    for query in values.queries():
        yield query.encode()
    yield b"classes[]=0&classes[1]=red&conf=0.1&confidence=0.1"
    yield b"image_name=%F0%9F%90%88&conf=%C3%28"


def _tensor_seeds() -> Iterator[bytes]:
    names = list(runtime.TENSOR_MODELS)
    for name, inputs in TENSOR_REQUESTS.items():
        yield bytes([names.index(name)]) + json.dumps({"id": "1", "inputs": inputs}).encode()
    outputs = {"inputs": TENSOR_REQUESTS["add"], "outputs": [{"name": "twice"}]}
    yield b"\0" + json.dumps(outputs).encode()


JSON_WORDS = (b'{"', b'":', b"[[", b"]]", b"NaN", b"1e999", b"-Infinity", b"\\ud800", b"null", b"true", b"1" * 400)
OPTION_WORDS = tuple(f"{name}=".encode() for name in values.OPTION_VALUES)
OPTION_JSON_WORDS = tuple(
    f'"{name}":'.encode() for name in (*values.OPTION_VALUES, "images", "image_data", "s3", "url")
)
TARGETS = {
    "form": Target(
        run_form,
        _form_seeds,
        frozenset({"body:form"}),
        (b"\r\n--b", b"--b--", b"Content-Disposition: form-data; name=", b"filename*=", b"boundary=", b"=?utf-8?Q?"),
    ),
    "json": Target(run_json, _json_seeds, frozenset({"body:json"}), JSON_WORDS + OPTION_JSON_WORDS),
    "base64": Target(run_base64, _base64_seeds, frozenset({"body:base64"}), (b"b'", b"=", b"\r\n", b"%2B", b"data:")),
    "encoding": Target(
        run_encoding,
        _encoding_seeds,
        frozenset({"body:encoding"}),
        (b"\x1f\x8b\x08", b"x\x9c", *(coding.encode() + b"\n" for coding in CODINGS)),
    ),
    "query": Target(
        run_query,
        _query_seeds,
        frozenset(f"option:{name}" for name in values.OPTION_VALUES),
        (*OPTION_WORDS, b"&", b"[]=", b"%00", b"%ED%A0%80", b"image_name="),
    ),
    "tensors": Target(
        run_tensors,
        _tensor_seeds,
        frozenset(f"datatype:{name}" for name in runtime.ECHO_TYPES),
        (*JSON_WORDS, b'"shape":', b'"datatype":', b'"data":', b'"inputs":', b'"outputs":'),
    ),
}
