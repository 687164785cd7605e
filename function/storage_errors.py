"""Errors of S3 and boto3 as errors of this project, each with a sentence that says what to change.

An error of the object, of its key or of a permission for it is Forbidden or NotFound: another delivery of the event
cannot help. An error of the function or of its network, such as credentials, a region or an address, is a
TransientError: it says nothing about the object, so that the event must be delivered again, in the end to a dead-letter
queue, from which a person can start it again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from function.errors import BadRequest, Forbidden, FunctionError, NotFound, TransientError, one_line, shown

MAX_SENTENCE_CHARS = 600  # of the message of S3 in an error; S3 Batch Operations takes 1,024 characters in all
PERMANENT_CODES = {  # permissions, keys, an archived object, a deleted version, a key too long for its result
    "AccessDenied", "AllAccessDisabled", "InvalidObjectState", "InvalidRequest", "InvalidArgument", "InvalidURI",
    "MethodNotAllowed", "KeyTooLongError", "InvalidBucketName", "AccountProblem", "NotSignedUp", "MetadataTooLarge",
    "400", "403", "405",  # responses to HEAD have no code
}  # fmt: skip
KMS = "KMS."  # the beginning of the codes of a key; those that a retry can help follow
TRANSIENT_KMS_CODES = {
    "KMS.ThrottlingException", "KMS.DependencyTimeoutException", "KMS.KMSInternalException",
    "KMS.KeyUnavailableException",
}  # fmt: skip
CREDENTIALS = (
    "the credentials of the function must be valid: check that its role exists and is not restricted, then change its "
    "configuration, which starts new execution environments with new credentials"
)
CLOCK = "the clock of this machine must be within 15 minutes of the time of S3; a new execution environment has its own"
REGION = (
    "the function must be in the region of the bucket{}: deploy it there, or use a bucket in its region; "
    "AWS_ENDPOINT_URL must not name another region"
)
NETWORK = (
    "S3 must be reachable: in a VPC, add a gateway endpoint for S3 to the route table; AWS_ENDPOINT_URL must name an "
    "S3 server that exists"
)
HINTS = (  # what to change, by code
    (
        {
            "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "InvalidAccessKeyId",
            "SignatureDoesNotMatch", "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure",
            "InvalidSecurity", "MissingSecurityHeader", "CredentialsNotSupported",
        },
        CREDENTIALS,
    ),
    ({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"}, CLOCK),
    (
        {
            "PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException",
            "IncorrectEndpoint", "InvalidRegionName",
        },
        REGION,
    ),
    (
        {"TemporaryRedirect", "Redirect", "307"},
        "the bucket is new, and S3 redirects its requests for up to a day: send the request again",
    ),
)  # fmt: skip
CREDENTIAL_ERRORS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.MetadataRetrievalError,
)
BUCKET_ERRORS = (  # of an ARN in place of the name of a bucket
    boto.ParamValidationError,
    boto.UnsupportedS3ArnError,
    boto.UnsupportedS3AccesspointConfigurationError,
    boto.UnsupportedOutpostResourceError,
    boto.EndpointProviderError,
)
INVALID_ENDPOINT = "Invalid endpoint"  # the ValueError of botocore 1.44 for a text that is no URL
REGION_ERRORS = (boto.NoRegionError, boto.InvalidRegionError, boto.UnknownRegionError)


@contextmanager
def translated(uri: str, is_read: bool = False) -> Iterator[None]:
    """Raise the errors of boto3 as errors of this project.

    Args:
        uri: of the object, for messages.
        is_read: the object is read; then a missing permission may also mean a missing object.

    Raises:
        NotFound: no such object, version or bucket.
        Forbidden: the role may not do this, or the object or its key for encryption does not allow it.
        BadRequest: the name of the bucket is not valid.
        TransientError: S3 fails, throttles or does not respond, or the function cannot call it.
    """
    try:
        yield
    except boto.ClientError as error:
        raise of_response(error.response, uri, is_read) from error
    except BUCKET_ERRORS as error:
        raise BadRequest(f"the bucket of an object must be a valid name, got {shown(uri)}") from error
    except CREDENTIAL_ERRORS as error:
        raise TransientError(f"{uri}: {_cut(error)}; {CREDENTIALS}") from error
    except REGION_ERRORS as error:
        raise TransientError(f"{uri}: {_cut(error)}; {REGION.format('')}") from error
    except boto.ConnectionError as error:  # also names without an address, proxies and certificates
        raise TransientError(f"{uri}: {_cut(error)}; {NETWORK}") from error
    except (boto.BotoCoreError, ResponseParserError) as error:
        raise TransientError(f"{uri}: {_cut(error)}") from error
    except ValueError as error:
        if not str(error).startswith(INVALID_ENDPOINT):
            raise
        raise TransientError(f"{uri}: AWS_ENDPOINT_URL must be the URL of an S3 server, got {_cut(error)}") from error


def of_response(response: Any, uri: str, is_read: bool) -> FunctionError:
    """Return the error of this project for an error response of S3.

    The message of S3 is passed on: it names the missing action, the KMS key or the storage class.

    Args:
        response: of a `ClientError` of boto3.
        uri: of the object.
        is_read: the object is read.
    """
    details, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    code, status = str(details.get("Code")), metadata.get("HTTPStatusCode", 0)
    sentence = " ".join(_cut(details.get("Message") or "").split())
    message = f"{uri}: S3 responded with {status} {_cut(code)}{f': {sentence}' if sentence else ''}"
    if hint := next((hint for codes, hint in HINTS if code in codes), ""):
        return TransientError(f"{message}; {hint.format(_region(details, metadata))}")
    if code in {"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404"}:
        return NotFound(f"{uri}: no such object ({code})")
    if code in PERMANENT_CODES:
        names_another_action = "not authorized to perform" in sentence and "s3:ListBucket" not in sentence
        may_be_missing = is_read and code in {"AccessDenied", "403"} and not names_another_action
        hint = "; the object may also be missing: S3 responds to a role without s3:ListBucket with 403 then"
        return Forbidden(f"{message}{hint if may_be_missing else ''}")
    if code.startswith(KMS) and code not in TRANSIENT_KMS_CODES:
        return Forbidden(message)
    return TransientError(message)  # server errors, throttling, and codes that are not known


def _region(details: Any, metadata: Any) -> str:
    """Return the region of the bucket in parentheses, if the response states it."""
    headers = metadata.get("HTTPHeaders") or {}
    region = details.get("Region") or headers.get("x-amz-bucket-region")
    return f" ({_cut(region)})" if region else ""


def _cut(text: object) -> str:
    """Return a text of S3 or boto3 in one line of limited length."""
    return one_line(" ".join(str(text).split()))[:MAX_SENTENCE_CHARS]
