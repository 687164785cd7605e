"""HTTP API of template.yaml: routes and their authorization, tokens, throttling, access log.

Source of the priority of routes and of preflight requests: docs.aws.amazon.com/apigateway/latest/developerguide/,
http-api-develop-routes.html and http-api-cors.html.
"""

import fnmatch
import json
import re
from typing import Any

import pytest

from function.api import authentication
from tests.support.template_stack import resources, stack
from tests.template.test_template import JWT, permissions

ROUTE = "AWS::ApiGatewayV2::Route"
CORS = {"CorsOrigins": "https://a.example"}
KINDS: dict[str, dict[str, str]] = {"AWS_IAM": {"ApiAuth": "AWS_IAM"}, "NONE": {"ApiAuth": "NONE"}, "JWT": JWT}
every_kind = pytest.mark.parametrize("kind", KINDS)
REQUESTS = ["GET /", "GET /docs", "GET /v2/health/live", "POST /", "POST /analyze", "POST /uploads", "PUT /", "HEAD /a"]


def route(request: str, **parameters: str) -> dict[str, Any]:
    """Return the route that API Gateway selects: that of the method before ANY."""
    method, path = request.split()
    matching = {}
    for candidate in resources(ROUTE, **parameters).values():
        route_method, pattern = candidate["RouteKey"].split()
        if re.fullmatch(pattern.replace("{proxy+}", ".+"), path):
            matching[route_method] = candidate
    return matching.get(method) or matching["ANY"]


def test_api_is_absent_by_default() -> None:
    assert not [
        name for name, resource in stack()["Resources"].items() if resource["Type"].startswith("AWS::ApiGateway")
    ]


@every_kind
@pytest.mark.parametrize("more", [{}, CORS, {"Uploads": "on"}])
@pytest.mark.parametrize("request_line", REQUESTS)
def test_every_request_needs_the_authorization(request_line: str, kind: str, more: dict[str, str]) -> None:
    selected = route(request_line, **KINDS[kind], **more)
    assert selected["AuthorizationType"] == kind
    assert selected.get("AuthorizerId") == ({"Ref": "ApiAuthorizer"} if kind == "JWT" else None)


@every_kind
def test_routes_take_every_method(kind: str) -> None:
    assert {route["RouteKey"] for route in resources(ROUTE, **KINDS[kind]).values()} == {"ANY /", "ANY /{proxy+}"}


@every_kind
@pytest.mark.parametrize("path", ["/", "/analyze"])
def test_preflight_request_needs_no_credentials_if_there_is_cors(path: str, kind: str) -> None:
    assert route(f"OPTIONS {path}", **KINDS[kind], **CORS)["AuthorizationType"] == "NONE"
    assert route(f"OPTIONS {path}", **KINDS[kind])["AuthorizationType"] == kind


@pytest.mark.parametrize("request_line", REQUESTS)
def test_api_may_call_the_function_for_each_route(request_line: str) -> None:
    granted = permissions(ApiAuth="NONE", UrlAuth="off")
    assert {grant["Principal"] for grant in granted} == {"apigateway.amazonaws.com"}
    sources = [grant["SourceArn"]["Fn::Sub"].rpartition("${Api}/")[2] for grant in granted]
    arn = "$default/" + request_line.replace(" ", "")
    assert [source for source in sources if fnmatch.fnmatchcase(arn, source)] != []


def test_tokens_are_checked_for_issuer_and_audience() -> None:
    [authorizer] = resources("AWS::ApiGatewayV2::Authorizer", **JWT).values()
    assert (authorizer["AuthorizerType"], authorizer["IdentitySource"]) == ("JWT", ["$request.header.Authorization"])
    assert authorizer["JwtConfiguration"] == {"Issuer": "https://login.example/a", "Audience": ["app-1", "app-2"]}
    assert not resources("AWS::ApiGatewayV2::Authorizer", ApiAuth="AWS_IAM")


def test_function_takes_a_caller_with_a_token_for_authenticated() -> None:
    context = {"authorizer": {"jwt": {"claims": {"iss": JWT["JwtIssuer"], "aud": "app-1"}, "scopes": None}}}
    assert authentication.is_authenticated({}, context, ())


def test_requests_are_limited() -> None:
    [stage] = resources("AWS::ApiGatewayV2::Stage", ApiAuth="NONE").values()
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": "20", "ThrottlingBurstLimit": "40"}
    [stage] = resources("AWS::ApiGatewayV2::Stage", ApiAuth="NONE", ApiRate="5", ApiBurst="7").values()
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": "5", "ThrottlingBurstLimit": "7"}


def test_access_log_is_json_in_one_line_and_in_a_group_with_retention() -> None:
    [stage] = resources("AWS::ApiGatewayV2::Stage", ApiAuth="NONE").values()
    log = stage["AccessLogSettings"]
    assert "\n" not in log["Format"]
    assert {"status", "path", "ip", "authorizerError"} <= set(json.loads(log["Format"]))
    assert log["DestinationArn"] == {"Fn::GetAtt": ["ApiLog", "Arn"]}
    assert resources("AWS::Logs::LogGroup", ApiAuth="NONE", LogRetention="7")["ApiLog"] == {"RetentionInDays": "7"}
