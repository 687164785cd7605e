"""Errors of Bedrock and boto3 as errors of this project, each with a sentence that says what to change."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from function.errors import Forbidden, FunctionError, ReadingFailed, TransientError, one_line

MAX_SENTENCE_CHARS = 400  # of the message of Bedrock
TRANSIENT_CODES = {
    "ThrottlingException", "TooManyRequestsException", "ServiceUnavailableException", "InternalServerException",
    "ModelTimeoutException", "ModelNotReadyException", "ModelErrorException", "ServiceQuotaExceededException",
    "RequestTimeout", "RequestTimeoutException",
}  # fmt: skip
CREDENTIAL_CODES = {
    "ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidSignatureException",
    "IncompleteSignature", "MissingAuthenticationTokenException", "InvalidClientTokenId", "RequestExpired",
}  # fmt: skip
ACCESS = (
    "the role of the function needs bedrock:InvokeModel for READ_MODEL_ID, and the account needs access to the model"
)
MODEL = "READ_MODEL_ID must be a model that takes images, in the region of the function"
FIRST_SERVER_STATUS = 500
# Of a response that has another form. boto3 does not translate the errors of urllib3 while it reads a body.
UNPARSED = (ResponseParserError, HTTPError, AttributeError, TypeError, KeyError)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the errors of boto3 as errors of this project.

    Raises:
        Forbidden: the role may not call the model.
        ReadingFailed: Bedrock refuses the request or does not know the model.
        TransientError: Bedrock fails, throttles or does not respond, or the function cannot call it.
    """
    try:
        yield
    except boto.ClientError as error:
        raise of_response(error.response) from error
    except boto.ParamValidationError as error:
        raise ReadingFailed(f"Bedrock: {_cut(error)}") from error
    except UNPARSED as error:
        raise TransientError(f"Bedrock responded in a form that boto3 cannot read: {_cut(error)}") from error
    except (boto.BotoCoreError, ValueError) as error:  # also no region, no credentials or no network
        raise TransientError(f"Bedrock cannot be called: {_cut(error)}") from error


def of_response(response: Any) -> FunctionError:
    """Return the error of this project for an error response of Bedrock: the `response` of a `ClientError`."""
    details, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    code, status = str(details.get("Code")), metadata.get("HTTPStatusCode", 0)
    sentence = _cut(details.get("Message") or "")
    message = f"Bedrock responded with {status} {_cut(code)}{f': {sentence}' if sentence else ''}"
    if code in TRANSIENT_CODES or code in CREDENTIAL_CODES or status >= FIRST_SERVER_STATUS:
        return TransientError(message)
    if code.startswith("AccessDenied"):
        return Forbidden(f"{message}; {ACCESS}")
    return ReadingFailed(f"{message}; {MODEL}")


def _cut(text: object) -> str:
    """Return a text of Bedrock or boto3 in one line of limited length."""
    return one_line(" ".join(str(text).split()))[:MAX_SENTENCE_CHARS]
