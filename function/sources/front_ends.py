"""HTTP front ends: which one sent an event, its limits, and its event as an `HttpRequest`.

Function URL, API Gateway REST (v1) and HTTP (v2) APIs, Application Load Balancer and VPC Lattice (v1 and v2) put the
same content into different fields and encodings.
"""

from typing import Any, NamedTuple
from urllib import parse as urls


class FrontEnd(NamedTuple):
    """Front end and what it allows.

    Source of the limits: quotas of REST and HTTP APIs in the API Gateway developer guide; "Lambda functions as targets"
    in the guide of Application Load Balancers.
    """

    name: str
    deadline_s: float | None = None  # it responds with an error after this time; None: no limit of its own
    max_response_bytes: int | None = None  # of the JSON of a response; None: the limit of Lambda
    max_request_bytes: int = 6 * 1024 * 1024  # of the event; the limit of Lambda unless the front end has a lower one
    sends_bytes: bool = True  # it decodes a base64 body of a response; a REST API only if its binaryMediaTypes fit
    leaves_cors: bool = False  # the function has to send the CORS headers; the other front ends send their own


FUNCTION_URL = FrontEnd("Function URL")
REST_API = FrontEnd("API Gateway REST API", deadline_s=29, sends_bytes=False, leaves_cors=True)
HTTP_API = FrontEnd("API Gateway HTTP API", deadline_s=30)
LOAD_BALANCER = FrontEnd(
    "Application Load Balancer", max_response_bytes=1024 * 1024, max_request_bytes=1024 * 1024, leaves_cors=True
)
LATTICE = FrontEnd("VPC Lattice")

OTHER_SENDERS = (
    "messageVersion",
    "methodArn",
    "routeArn",
)  # Bedrock agents, authorizers: HTTP fields, no HTTP response
LATTICE_CONTEXT = ("serviceNetworkArn", "serviceArn", "targetGroupArn")
DEFAULT_DOMAIN = ".execute-api."  # of an API without a custom domain
URL_DOMAIN = ".lambda-url."


class HttpRequest(NamedTuple):
    """One HTTP request of any front end."""

    front_end: FrontEnd
    method: str
    path: str  # without the stage of the API; a base path of a custom domain or of a rule is in it
    headers: dict[str, str]  # names in lower case
    query: dict[str, str]  # decoded; the values of a repeated name are joined with commas
    stage: str  # of the API; "" if there is none
    body: Any  # as in the event: text, or nothing
    is_base64: bool
    context: dict[str, Any]  # requestContext of the event: what the front end knows of the caller and of the route
    full_path: str  # with the stage and the base path, as the caller wrote it

    @property
    def media_type(self) -> str:
        """The content type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def path_below_stage(self) -> str:
        """The path with a slash at its end and without the stage, which a domain may have as its base path.

        So a stage with the name v2 reserves nothing.
        """
        return f"{self.path}/".removeprefix(f"/{self.stage}/")


def find(event: Any) -> FrontEnd | None:
    """Return the front end that sent an event; None for an event of another sender."""
    if not isinstance(event, dict) or any(name in event for name in OTHER_SENDERS):
        return None
    context = _mapping(event.get("requestContext"))
    if context.get("http"):
        return FUNCTION_URL if URL_DOMAIN in str(context.get("domainName")) else HTTP_API
    if event.get("httpMethod"):
        if "elb" in context:
            return LOAD_BALANCER
        return HTTP_API if event.get("version") == "1.0" else REST_API
    is_lattice = "raw_path" in event or any(name in context for name in LATTICE_CONTEXT)
    return LATTICE if event.get("method") and is_lattice else None


def parse(event: dict[str, Any]) -> HttpRequest:
    """Return the request of an event that a front end sent. The body is not decoded."""
    front_end = find(event) or REST_API
    context = _mapping(event.get("requestContext"))
    return HttpRequest(
        front_end=front_end,
        method=_method(event),
        path=_path(event, front_end),
        headers=headers(event),
        query=query(event, front_end),
        stage=str(context.get("stage") or ""),
        body=event.get("body"),
        is_base64=bool(event.get("isBase64Encoded") or event.get("is_base64_encoded")),
        context=context,
        full_path=str(context.get("path") or _event_path(event)),  # a REST API leaves the stage out of the event's path
    )


def _mapping(value: Any) -> dict[str, Any]:
    """Return an object; front ends send null for an empty one."""
    return value if isinstance(value, dict) else {}


def _method(event: dict[str, Any]) -> str:
    http = _mapping(_mapping(event.get("requestContext")).get("http"))
    return str(http.get("method") or event.get("httpMethod") or event.get("method")).upper()


def _event_path(event: dict[str, Any]) -> str:
    return str(event.get("rawPath") or event.get("path") or event.get("raw_path") or "/").partition("?")[0]


def _path(event: dict[str, Any], front_end: FrontEnd) -> str:
    """Return the path without the stage, which an HTTP API puts before it unless the API has a custom domain."""
    path = _event_path(event)
    context = _mapping(event.get("requestContext"))
    if front_end is not HTTP_API or DEFAULT_DOMAIN not in str(context.get("domainName", DEFAULT_DOMAIN)):
        return path
    stage = f"/{context.get('stage')}"
    is_below_stage = "rawPath" in event and f"{path}/".startswith(f"{stage}/")
    return path.removeprefix(stage) or "/" if is_below_stage else path


def headers(event: dict[str, Any]) -> dict[str, str]:
    """Return the headers; the last value of a repeated one."""
    found: dict[str, str] = {}
    for name, value in (_mapping(event.get("multiValueHeaders")) | _mapping(event.get("headers"))).items():
        values = value if isinstance(value, list) else [value]
        if values and values[-1] is not None:
            found[name.lower()] = str(values[-1])
    return found


def query(event: dict[str, Any], front_end: FrontEnd | None = None) -> dict[str, str]:
    """Return the query string; a load balancer leaves names and values percent-encoded, the others decode them."""
    single = _mapping(event.get("queryStringParameters") or event.get("query_string_parameters"))
    multiple = _mapping(event.get("multiValueQueryStringParameters"))
    values = {
        name: ",".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in (single | multiple).items()
        if value is not None
    }
    if front_end is LOAD_BALANCER:
        return {urls.unquote_plus(name): urls.unquote_plus(value) for name, value in values.items()}
    return values
