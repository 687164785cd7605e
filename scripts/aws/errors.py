"""Errors that end a command for AWS, and errors of boto3 in one line that says what to do."""

from __future__ import annotations

import re
from typing import Any

FAILED, USAGE = 1, 2  # exit codes
MISSING = {"ResourceNotFoundException", "NoSuchEntity", "NoSuchKey", "404", "NotFound"}  # error codes of AWS
THROTTLED = {
    *("Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException"),
    *("RequestLimitExceeded", "RequestThrottled", "SlowDown"),
}
ACTIONS = {  # operation of the API -> action of a policy, where the names differ
    "HeadBucket": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "Invoke": "lambda:InvokeFunction",
    "ListObjectsV2": "s3:ListBucket",
}
PERMISSIONS = 'docs/deploy.md, "Permissions of the person who deploys", has the policy'
PARTITIONS = "those of a partition (aws, aws-cn, aws-us-gov) are valid only in its regions"
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
INVALID_KEYS = {
    *("InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "SignatureDoesNotMatch"),
    *("InvalidAccessKeyId", "InvalidSignatureException"),
}
SET_CREDENTIALS = "`aws configure`, `aws login` and `aws sso login` set them; --profile or AWS_PROFILE names a profile"

NOT_CONFIGURED = {  # classes of botocore.exceptions -> message, with the text of the error
    ("NoRegionError",): "no region; set --region, AWS_REGION or `aws configure set region REGION`",
    ("NoCredentialsError", "PartialCredentialsError"): f"no credentials of AWS ({{}}); {SET_CREDENTIALS}",
    ("ProfileNotFound",): "{}; `aws configure list-profiles` lists those that exist",
    ("SSOError", "SSOTokenLoadError", "TokenRetrievalError"): (
        "the session of single sign-on is missing or expired ({}); run `aws sso login`, with --profile for a "
        "named profile"
    ),
    (
        "LoginError",
    ): "the session of `aws login` is missing or expired ({}); run `aws login`, with --profile for a named profile",
    ("InvalidRegionError",): "{}; set --region, AWS_REGION or `aws configure set region REGION`",
    ("InvalidConfigError", "ConfigParseError", "InfiniteLoopConfigurationError"): (
        "{}; correct the configuration (~/.aws/config, or the file of AWS_CONFIG_FILE)"
    ),
    ("CredentialRetrievalError", "MetadataRetrievalError"): f"credentials cannot be read: {{}}; {SET_CREDENTIALS}",
}


class DeployError(Exception):
    """Base class of the errors that end a command.

        DeployError
        |-- NotConfigured   credentials, profile or region are missing, expired or wrong
        `-- Refused         AWS returned an error

    The message is one line. `code` is the exit code.
    """

    def __init__(self, message: str, code: int = USAGE) -> None:
        super().__init__(message)
        self.code = code


class NotConfigured(DeployError):
    """Credentials, profile or region are missing, expired or wrong."""


class Refused(DeployError):
    """AWS returned an error.

    Attributes:
        kind: its code, such as ResourceConflictException.
        status: its HTTP status.
        operation: the operation of the API, such as CreateFunction.
    """

    @property
    def is_denied(self) -> bool:
        """True if the caller lacks a permission."""
        return self.kind in DENIED

    def __init__(self, kind: str, message: str, code: int = FAILED, status: int = 0, operation: str = "") -> None:
        super().__init__(message, code)
        self.kind, self.status, self.operation = kind, status, operation


def translate(error: Exception, service: str = "") -> DeployError:
    """Return the error of a command for an error of boto3 (`BotoCoreError`, `ClientError`); others are raised again.

    Args:
        error: the error.
        service: that was called, such as "lambda"; it names the missing permission where AWS does not.

    Source: https://boto3.amazonaws.com/v1/documentation/api/latest/guide/error-handling.html.
    """
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        return _of_response(error.response, error.operation_name, service)
    if isinstance(error, exceptions.WaiterError):
        return DeployError(f"waiting for {error.kwargs['name']} failed: {_one_line(error.kwargs['reason'])}", FAILED)
    if not isinstance(error, exceptions.BotoCoreError):
        raise error
    text = _one_line(error)
    for kinds, message in NOT_CONFIGURED.items():
        if any(base.__name__ in kinds for base in type(error).__mro__):
            return NotConfigured(message.format(text))
    if isinstance(error, (exceptions.HTTPClientError, exceptions.EndpointConnectionError)):
        return DeployError(f"AWS cannot be reached: {text}; check the network, the proxy and the region", FAILED)
    return DeployError(text, FAILED)


def _of_response(response: dict[str, Any], operation: str, service: str) -> DeployError:
    error = response.get("Error", {})
    kind, message = str(error.get("Code", "Unknown")), _one_line(error.get("Message") or "no message")
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if kind in EXPIRED:
        return NotConfigured(
            f"the credentials have expired: {message}; run `aws sso login` or `aws login`, or renew them"
        )
    if kind in INVALID_KEYS:
        return NotConfigured(f"AWS does not accept the credentials: {kind}: {message}; {SET_CREDENTIALS}; {PARTITIONS}")
    remedy = ""
    if kind in DENIED:
        named = re.search(r"perform: ([\w-]+:\w+)", message)
        action = named[1] if named else ACTIONS.get(operation, f"{service}:{operation}".removeprefix(":"))
        remedy = f"; the caller needs {action}: {PERMISSIONS}"
    elif kind in THROTTLED:
        remedy = "; AWS limits the rate of calls: run the command again in a minute"
    return Refused(kind, f"{operation}: {kind}: {message}{remedy}", status=status, operation=operation)


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
