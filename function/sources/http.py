"""HTTP requests of every front end: the endpoints, and the responses in the form of the front end.

A POST goes to the model, whatever the path: consoles, rules and custom domains put names of their own before or in
place of a path. Reserved paths are found at the end of the path, after any stage or base path.
"""

import http
from time import monotonic
from typing import TYPE_CHECKING, Any

from function.api import body, inference_routes, response
from function.api.body import ParsedBody
from function.api.inference_routes import Route
from function.errors import BadRequest, FunctionError, NotFound, UnsupportedImage, shown
from function.errors import kind as json_kind
from function.service import Service
from function.settings import Settings
from function.sources import front_ends, object_request
from function.sources.front_ends import HttpRequest

if TYPE_CHECKING:
    from function.tensors.signature import Signature

FORM = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
MAX_HEADERS_BYTES = 8 * 1024  # of a response, with its status
REPLACEMENT = "\ufffd"  # a decoder of text writes it in place of bytes that are no text
LATIN1_STARTS = ("\xff\xd8", "\x89PNG")  # of images whose bytes were read as Latin-1 text
LATIN1_STARTS_AS_UTF8 = tuple(start.encode() for start in LATIN1_STARTS)
SNIFFED_BYTES = 4096
MIN_REPLACEMENTS = 4  # by chance, 4 KB of compressed data have one in 4,000 images
FORM_STARTS = ("--", b"--")
DISPOSITION = b"content-disposition: form-data"


def matches(event: Any) -> bool:
    """Return whether one of the front ends sent the event."""
    return front_ends.find(event) is not None and not object_request.is_item(event)


def respond(event: Any, service: Service) -> dict[str, Any]:
    """Return the response in the form of the front end."""
    request = front_ends.parse(event)
    service.subject = f"{request.method} {shown(request.path)}"
    if request.front_end.deadline_s:
        service.end_within(request.front_end.deadline_s, f"the limit of the {request.front_end.name}")
    is_preflight = request.method == "OPTIONS" and _sends_cors(request, service.settings)
    plain = _no_content() if is_preflight else _reply(request, service)
    if any(not isinstance(result, FunctionError) for result in service.results):
        plain["headers"]["Server-Timing"] = response.server_timing(service, monotonic() - service.started)
    reply = _to_front_end(event, request, plain, service.settings)
    limit = request.front_end.max_response_bytes
    size = response.sent_bytes(reply) if limit else 0
    if limit and size > limit:
        hint = inference_routes.REDUCE_HINT if service.signature else response.REDUCE_HINT
        error = service.guard(response.refuse_size, size, limit, request.front_end.name, hint)
        reply = _to_front_end(event, request, response.result_response(error, service), service.settings)
    return reply


def read(event: Any, settings: Settings) -> ParsedBody:
    """Parse the images and options of an event.

    Raises:
        FunctionError: no endpoint at the path, another method than POST, or a body that is not supported.
    """
    return _read_images(front_ends.parse(event), settings)


def _reply(request: HttpRequest, service: Service) -> dict[str, Any]:
    """Return the response with its headers as an object; that to HEAD has the body of GET."""
    method = "GET" if request.method == "HEAD" else request.method
    settings, signature = service.settings, service.signature
    if signature:
        settings = settings._replace(upload_bucket=None)  # a model that takes tensors has no uploads of images
    if settings.api_key_sha256:
        from function.sources import routes  # imported here: API_KEY_SHA256 is set

        refusal = service.guard(routes.check_key, request, settings)
        if refusal:
            return response.result_response(refusal, service)
    route = inference_routes.find(request.path)
    if route and not (method == "POST" and request.path.strip("/") == request.stage):
        return _route_response(route, method, request, service)
    if method == "GET":
        from function.sources import routes  # imported here: most requests are a POST to the model

        endpoint = routes.find(request, settings)
        if endpoint:
            return endpoint.respond(request, service)
    if signature:
        fields = service.guard(_read_endpoint_json, request, signature, settings)
        return inference_routes.infer_response(fields, service)
    if _is_upload(request):
        return _upload(request, service)
    if service.reader:
        from function.api import authentication  # imported here: few functions read detections

        digests = settings.api_key_sha256
        service.may_read = authentication.is_authenticated(request.headers, request.context, digests)
    parsed = service.guard(_read_images, request, settings)
    limit = request.front_end.max_response_bytes
    max_bytes = min(response.MAX_BODY_BYTES, limit - MAX_HEADERS_BYTES) if limit else response.MAX_BODY_BYTES
    return response.respond(parsed, service, _image_type(request), max_bytes)


def _is_upload(request: HttpRequest) -> bool:
    if "uploads" not in request.path:
        return False
    from function.sources import routes  # imported here: most requests are a POST of an image

    return routes.is_upload_path(request)


def _upload(request: HttpRequest, service: Service) -> dict[str, Any]:
    """Return the form with which the caller sends an image to S3."""
    form = service.guard(_upload_form, request, service.settings)
    if isinstance(form, FunctionError):
        return response.result_response(form, service)
    return response.http_response(200, form, service)


def _upload_form(request: HttpRequest, settings: Settings) -> dict[str, Any]:
    from function.api import uploads  # imported here: most functions take no uploads

    uploads.check_enabled(settings)
    _check_endpoint(request, settings)
    uploads.check_caller(request.headers, request.context, settings)
    return uploads.form(_content(request, settings), settings, request.query)


def _image_type(request: HttpRequest) -> str | None:
    """Return the type of the image that the caller wants in place of JSON; None for JSON."""
    header = request.headers.get("accept", "")
    if "image/" not in header.lower():
        return None
    from function.api import accept  # imported here: few requests want an image

    return accept.image_type(header)


def _read_images(request: HttpRequest, settings: Settings) -> ParsedBody:
    _check_endpoint(request, settings)
    content = _content(request, settings)
    if not content:
        from function.sources import routes  # imported here: most requests have a body

        raise routes.empty_body(request, settings, body.EXPECTED)
    is_form = request.media_type == FORM
    if content[:2] in FORM_STARTS and not is_form:
        _refuse_form(content, request.media_type)
    if not is_form and (request.media_type.endswith("json") or body.looks_like_json(content)):
        return body.parse_json(content, settings, request.query)
    if _is_garbled(content):
        raise UnsupportedImage(
            "the image was changed on its way to the function: its bytes were read as text (with characters U+FFFD, or "
            "each byte as a character). A REST API needs binaryMediaTypes */* and a new deployment; a client must read "
            "the file as bytes, not as text. Or send the image as base64 text in a JSON object, as image_data"
        )
    if is_form:
        form = content.encode("utf-8", "replace") if isinstance(content, str) else content
        return body.parse_form(form, request.headers["content-type"], request.query, settings)
    if isinstance(content, str) or body.may_be_text(content) or request.media_type == URLENCODED:
        from function.api import encodings  # imported here: images arrive as bytes

        content = encodings.image_bytes(content, request.media_type)
    return body.parse_bytes(content, request.query)


def _content(request: HttpRequest, settings: Settings) -> str | bytes:
    """Return the body without base64 and without compression; text if the front end sent text.

    Raises:
        FunctionError: it cannot be decoded, or it has more than MAX_OBJECT_BYTES.
    """
    text = request.body or ""
    if not isinstance(text, str):
        raise BadRequest(f"body must be text, got {json_kind(text)}")
    coding = request.headers.get("content-encoding")
    return body.decode(text, request.is_base64, coding, settings.max_object_bytes, settings.memory_mb)


def _refuse_form(content: str | bytes, media_type: str) -> None:
    """Raise UnsupportedImage for a form whose content type is not that of a form."""
    start = content[:SNIFFED_BYTES]
    text = start.encode("utf-8", "replace") if isinstance(start, str) else start
    if DISPOSITION in text.lower():
        raise UnsupportedImage(
            f"a form must have the content type {FORM} with its boundary, got {media_type or 'no content type'}: "
            "do not set the content type, the HTTP library does it"
        )


def _is_garbled(content: str | bytes) -> bool:
    """Return whether the bytes of an image were read as text, which destroys them."""
    if isinstance(content, str):
        return REPLACEMENT in content or content.startswith(LATIN1_STARTS)
    if content.startswith(LATIN1_STARTS_AS_UTF8):
        return True
    return content.count(REPLACEMENT.encode(), 0, SNIFFED_BYTES) >= MIN_REPLACEMENTS


def _route_response(route: Route, method: str, request: HttpRequest, service: Service) -> dict[str, Any]:
    """Return the response of a route of the Open Inference Protocol."""
    signature = service.signature
    error = service.guard(inference_routes.check, route, method, signature)
    if error:
        return response.result_response(error, service)
    if route.verb == "infer" and signature:
        fields = service.guard(_read_json, request, signature, service.settings)
        return inference_routes.infer_response(fields, service)
    return response.http_response(200, inference_routes.describe(route, signature), service)


def _read_endpoint_json(request: HttpRequest, signature: "Signature", settings: Settings) -> Any:
    """Check the path and the method, and return the JSON object of the request."""
    _check_endpoint(request, settings)
    return _read_json(request, signature, settings)


def _read_json(request: HttpRequest, signature: "Signature", settings: Settings) -> Any:
    """Return the JSON object of a request to a generic ONNX model."""
    content, expected = _content(request, settings), inference_routes.expected_body(signature)
    if not content:
        from function.sources import routes  # imported here: most requests have a body

        raise routes.empty_body(request, settings, expected)
    media_type = request.media_type
    if not (media_type.endswith("json") or body.looks_like_json(content)):
        actual = f"{media_type or 'no content type'}, {len(content)} bytes"
        raise UnsupportedImage(f"body must be JSON, got {actual}; this model takes tensors, not images; {expected}")
    return body.load_json(content, expected)


def _check_endpoint(request: HttpRequest, settings: Settings) -> None:
    """Check that a request goes to the model.

    Raises:
        NotFound: GET of a path without an endpoint, or a path of the Open Inference Protocol that does not exist.
        MethodNotAllowed: another method than POST.
    """
    if request.method == "POST":
        if inference_routes.is_reserved(request.path_below_stage):
            raise NotFound(f"unknown path {shown(request.path)}; available: {inference_routes.AVAILABLE}")
        return
    from function.sources import routes  # imported here: most requests are a POST to the model

    raise routes.refusal(request, settings)


def _no_content() -> dict[str, Any]:
    return {"statusCode": 204, "headers": {}, "body": "", "isBase64Encoded": False}


def _sends_cors(request: HttpRequest, settings: Settings) -> bool:
    return bool(request.front_end.leaves_cors and settings.cors_origins)


def _to_front_end(event: Any, request: HttpRequest, reply: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Finish a response: no body for HEAD, CORS headers, and the form that the front end expects."""
    if request.method == "HEAD":
        reply["body"] = ""
    if _sends_cors(request, settings):
        from function.api import cors  # imported here: few functions send these headers

        make = cors.preflight_headers if request.method == "OPTIONS" else cors.headers
        reply["headers"] |= make(settings.cors_origins, request.headers.get("origin", ""))
    if request.front_end in (front_ends.LOAD_BALANCER, front_ends.LATTICE):
        status = http.HTTPStatus(reply["statusCode"])
        reply["statusDescription"] = f"{status.value} {status.phrase}"
    if request.front_end is front_ends.LOAD_BALANCER and "multiValueHeaders" in event:
        reply["multiValueHeaders"] = {name: [value] for name, value in reply.pop("headers").items()}
    return reply
