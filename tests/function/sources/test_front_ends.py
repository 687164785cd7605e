"""Front ends: which one sent an event, its limits, and the fields of its request."""

from typing import Any

import pytest

from function.sources import front_ends
from tests.function.sources.test_http import event

FRONT_END_OF = {
    "rest_v1": front_ends.REST_API,
    "http_api_v1": front_ends.HTTP_API,
    "http_api_v2": front_ends.HTTP_API,
    "function_url": front_ends.FUNCTION_URL,
    "alb": front_ends.LOAD_BALANCER,
    "alb_multi_value": front_ends.LOAD_BALANCER,
    "lattice_v1": front_ends.LATTICE,
    "lattice_v2": front_ends.LATTICE,
}


def http_api(path: str, stage: str, domain: str = "id.execute-api.eu-west-1.amazonaws.com") -> dict[str, Any]:
    sample = event("http_api_v2", rawPath=path)
    sample["requestContext"] |= {"stage": stage, "domainName": domain}
    return sample


@pytest.mark.parametrize(("name", "front_end"), FRONT_END_OF.items())
def test_sample_event_has_its_front_end(name: str, front_end: front_ends.FrontEnd) -> None:
    assert front_ends.find(event(name)) is front_end


@pytest.mark.parametrize("name", FRONT_END_OF)
def test_request_has_method_media_type_and_query(name: str) -> None:
    request = front_ends.parse(event(name, query={"conf": "0.4"}))
    assert (request.method, request.media_type, request.query) == ("POST", "image/png", {"conf": "0.4"})
    assert request.is_base64


def test_only_api_gateway_has_a_deadline() -> None:
    deadlines = {name: front_end.deadline_s for name, front_end in FRONT_END_OF.items() if front_end.deadline_s}
    assert deadlines == {"rest_v1": 29, "http_api_v1": 30, "http_api_v2": 30}


def test_rest_api_and_load_balancer_leave_cors_to_the_function() -> None:
    assert {name for name, front_end in FRONT_END_OF.items() if front_end.leaves_cors} == {
        "rest_v1",
        "alb",
        "alb_multi_value",
    }


@pytest.mark.parametrize("field", ["queryStringParameters", "query_string_parameters"])
def test_values_of_a_repeated_name_are_joined(field: str) -> None:
    sample = event("lattice_v2" if field[5] == "S" else "lattice_v1")
    sample[field] = {"classes": ["0", "1"]}
    assert front_ends.parse(sample).query == {"classes": "0,1"}


@pytest.mark.parametrize(
    ("sample", "path"),
    [
        (http_api("/prod", "prod"), "/"),
        (http_api("/prod/", "prod"), "/"),
        (http_api("/prod/analyze", "prod"), "/analyze"),
        (http_api("/v2/v2", "v2"), "/v2"),
        (http_api("/detect", "de"), "/detect"),
        (http_api("/prod/detect", "prod", "vision.example"), "/prod/detect"),
        (http_api("/health", "$default"), "/health"),
        (event("lattice_v1", path="/health?a=1"), "/health"),
    ],
)
def test_path_has_no_stage_and_no_query(sample: dict[str, Any], path: str) -> None:
    assert front_ends.parse(sample).path == path


@pytest.mark.parametrize("sample", [None, [], {}, {"method": "POST", "path": "/"}, {"requestContext": {"elb": {}}}])
def test_other_event_has_no_front_end(sample: Any) -> None:
    assert front_ends.find(sample) is None
