"""Authentication of HTTP requests: by an API key, or by an authorizer of the front end.

Loaded only for what costs money or leaves data behind. The front end writes the request context, no caller can. What a
load balancer adds are headers, which prove nothing to a function that may also have another front end.

Source: docs.aws.amazon.com, "Working with AWS Lambda proxy integrations for HTTP APIs", "$context variables for data
models, authorizers, mapping templates, and CloudWatch access logging" and "Lambda functions as targets in VPC Lattice".
"""

from collections.abc import Mapping, Sequence
from typing import Any

NO_PROOF = ("integrationLatency", "scopes")  # fields of an authorizer that say nothing of a caller
IAM = "AWS_IAM"


def is_authenticated(headers: Mapping[str, str], context: Mapping[str, Any], digests: Sequence[str]) -> bool:
    """Return whether a request has a valid API key, or passed an authorizer: IAM, JWT, Cognito or a Lambda function.

    Args:
        headers: of the request, names in lower case.
        context: `requestContext` of the event.
        digests: SHA-256 of each valid key, lowercase hexadecimal; no digest: no key is valid.
    """
    if digests:
        from function.api import keys  # imported here: API_KEY_SHA256 is set

        if keys.is_valid(headers, digests):
            return True
    return _has_authorizer(context.get("authorizer")) or _has_identity(context.get("identity"))


def _has_authorizer(authorizer: Any) -> bool:
    """Return whether API Gateway or the Function URL names an authorizer; payload format 1.0 has one full of nulls."""
    if not isinstance(authorizer, Mapping):
        return False
    # An HTTP API writes `lambda` after a Lambda authorizer, with null if that returned no context.
    return "lambda" in authorizer or any(value for name, value in authorizer.items() if name not in NO_PROOF)


def _has_identity(identity: Any) -> bool:
    """Return whether a REST API or VPC Lattice names the IAM identity whose signature it has checked."""
    if not isinstance(identity, Mapping):
        return False
    return bool(identity.get("userArn") or (identity.get("type") == IAM and identity.get("principal")))
