"""Which HTTP requests count as authenticated."""

import hashlib
import json
from typing import Any

import pytest

from function.api import authentication
from function.sources import front_ends
from tests.function.sources.test_http import EVENTS, HTTP_EVENTS

KEY = "a-long-random-key"
DIGESTS = (hashlib.sha256(b"another").hexdigest(), hashlib.sha256(KEY.encode()).hexdigest())
NULLS = {"claims": None, "scopes": None}


@pytest.mark.parametrize("headers", [{"x-api-key": KEY}, {"authorization": f"bearer {KEY}"}])
def test_valid_key_is_accepted_only_if_a_digest_is_set(headers: dict[str, str]) -> None:
    assert authentication.is_authenticated(headers, {}, DIGESTS)
    assert not authentication.is_authenticated(headers, {}, ())
    assert not authentication.is_authenticated(headers, {}, DIGESTS[:1])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": "x"},
        {"authorization": f"Basic {KEY}"},
        {"authorization": "AWS4-HMAC-SHA256 Credential=a"},
        {"x-amzn-oidc-data": "a.b.c", "x-amzn-oidc-identity": "a"},
    ],
)
def test_other_headers_prove_nothing(headers: dict[str, str]) -> None:
    assert not authentication.is_authenticated(headers, {}, DIGESTS)


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_public_requests_are_not_authenticated(name: str) -> None:
    sample = json.loads((EVENTS / f"{name}.json").read_text())
    request = front_ends.parse(sample)
    assert not authentication.is_authenticated(request.headers, request.context, DIGESTS)


@pytest.mark.parametrize(
    "context",
    [
        {"authorizer": {"iam": {"userArn": "arn:aws:iam::1:user/a", "accessKey": "AKIA"}}},
        {"authorizer": {"jwt": {"claims": {"sub": "a"}, "scopes": ["b"]}}},
        {"authorizer": {"lambda": {"user": "a"}}},
        {"authorizer": {"lambda": None}},
        {"authorizer": {"claims": {"sub": "a"}}},
        {"authorizer": {"principalId": "a", "integrationLatency": 3}},
        {"identity": {"userArn": "arn:aws:iam::1:user/a"}},
        {"identity": {"type": "AWS_IAM", "principal": "arn:aws:iam::1:user/a"}},
    ],
)
def test_authorizer_of_the_front_end_is_accepted(context: dict[str, Any]) -> None:
    assert authentication.is_authenticated({}, context, ())


@pytest.mark.parametrize(
    "context",
    [
        {"authorizer": NULLS},
        {"authorizer": {"integrationLatency": 3}},
        {"authorizer": {"iam": None}},
        {"authorizer": {"jwt": {}}},
        {"authorizer": "iam"},
        {"authorizer": None},
        {"identity": {"sourceIp": "192.0.2.1", "userAgent": "curl", "userArn": None, "apiKey": "k", "accessKey": None}},
        {"identity": {"type": "NONE"}},
        {"identity": {"type": "AWS_IAM"}},
        {"identity": {"type": "AWS_IAM", "principal": ""}},
        {"identity": {"type": "AWS_IAM", "principal": None}},
        {"identity": {"type": "NONE", "principal": "arn:aws:iam::1:user/a"}},
        {"identity": {"sourceVpcArn": "arn:aws:ec2:eu-west-1:1:vpc/a"}},
        {"identity": "AWS_IAM"},
        {"elb": {"targetGroupArn": "arn"}},
    ],
)
def test_other_contexts_prove_nothing(context: dict[str, Any]) -> None:
    assert not authentication.is_authenticated({}, context, ())
