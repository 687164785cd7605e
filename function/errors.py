"""Expected errors.

FunctionError                 has an HTTP status; its message is written for the caller
├── BadRequest            400 the event or its body does not have one of the supported forms
├── Unauthorized          401 no API key, or another one
├── Forbidden             403 a bucket or a host that is not allowed
├── NotFound              404 no such path, no such object
├── MethodNotAllowed      405 the path exists, the method is not allowed
├── NotAcceptable         406 an image was requested in place of JSON, and the response is a list
├── TooLarge              413 more pixels, bytes or images than the limit
├── UnsupportedImage      415 the format is not supported, or the image is broken
├── InvalidOption         422 an option is out of range, or the model does not have the class
├── InvalidTensor         422 the model does not have the input or output, or does not run on the inputs
├── InternalError         500 an error of the function: the log has the traceback under the request id
├── UrlFetchFailed        502 the server of a URL did not return an image
├── ReadingFailed         502 a detection of which no reading could be made
├── DeadlineExceeded      503 no time is left for this image, or it used up its share
└── TransientError        503 a service fails or cannot be called: a retry may succeed, events are delivered again
SetupError                    raised while the function starts: the platform reports it as an init error
├── InvalidSetting            the value of an environment variable is not valid
└── UnusableModel             the model is missing, broken, or has a layout that is not supported
"""

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class FunctionError(Exception):
    """Response with a status other than 200."""

    status = 500
    headers: Mapping[str, str] = MappingProxyType({})  # of the HTTP response, beside the content type

    def __init__(self, message: str = "") -> None:
        """Set the message, with unprintable characters as escapes.

        The runtime writes the message of an exception to the log, where a line break in a name would forge a line, and
        sends it as UTF-8, which does not have half of a surrogate pair; JSON can spell both.
        """
        super().__init__(one_line(message))


class BadRequest(FunctionError):
    """Event or body in none of the supported forms."""

    status = 400


class Unauthorized(FunctionError):
    """Request without a valid API key."""

    status = 401
    headers: Mapping[str, str] = MappingProxyType({"WWW-Authenticate": "Bearer"})


class Forbidden(FunctionError):
    """Bucket or host that is not allowed."""

    status = 403


class NotFound(FunctionError):
    """Path or object that does not exist."""

    status = 404


class MethodNotAllowed(FunctionError):
    """Method that is not allowed for an existing path."""

    status = 405

    def __init__(self, message: str, allow: str = "POST") -> None:
        """Set the message, and the allowed method for the header `Allow`."""
        super().__init__(message)
        self.headers = {"Allow": allow}


class NotAcceptable(FunctionError):
    """Response that the function does not have in the requested media type."""

    status = 406


class TooLarge(FunctionError):
    """More pixels, bytes or images than the limit."""

    status = 413

    def __init__(self, message: str, s3_object: Any = None) -> None:
        """Set the message, and what is known of an object in S3 that was not read."""
        super().__init__(message)
        self.s3_object = s3_object


class UnsupportedImage(FunctionError):
    """Image that is broken or has an unsupported format."""

    status = 415


class InvalidOption(FunctionError):
    """Option that is out of range, or a class that the model does not have."""

    status = 422


class InvalidTensor(FunctionError):
    """Input or output that the model does not have, or inputs that it does not run on."""

    status = 422


class InternalError(FunctionError):
    """Error of the function; the message has no details, the log has them."""

    status = 500


class UrlFetchFailed(FunctionError):
    """Server of a URL that did not return an image."""

    status = 502


class ReadingFailed(FunctionError):
    """Detection of which the second model gave no reading."""

    status = 502


class DeadlineExceeded(FunctionError):
    """Image that is not done before the deadline of the invocation, or that arrives too slowly for its share."""

    status = 503


class TransientError(FunctionError):
    """Service that throttles or fails; sources whose events are delivered again raise it."""

    status = 503


class SetupError(Exception):
    """Function that cannot start."""


class InvalidSetting(SetupError):
    """Environment variable with a value that is not valid."""


class UnusableModel(SetupError):
    """Model that is missing, broken, or has a layout that is not supported."""


KINDS = {
    dict: "an object",
    list: "an array",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}
SHOWN = 100  # characters of a caller's value in an error message: the response has a size limit


def kind(value: Any) -> str:
    """Return the JSON type of a value, for error messages."""
    if isinstance(value, str | list) and not value:
        return "an empty text" if value == "" else "an empty array"
    return KINDS.get(type(value), "a value that JSON does not have")


def shown(text: str) -> str:
    """Return a caller's text in quotation marks, cut after `SHOWN` characters, for error messages."""
    return repr(text) if len(text) <= SHOWN else f"{text[:SHOWN]!r}…"


def one_line(text: str) -> str:
    """Return a text with its line breaks and other unprintable characters as escapes, for the log."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def escape_traceback(record: logging.LogRecord) -> bool:
    """Set the text of a traceback, as a filter of a logger, so that no line of it can be taken for another record.

    Every line is indented, and its unprintable characters are escapes: the message of an exception may contain a name
    that a caller sent. `exc_info`, which the runtime reads for logs in JSON, stays.
    """
    if record.exc_info:
        lines = logging.Formatter().formatException(record.exc_info).splitlines()
        record.exc_text = "\n".join(f"  {one_line(line)}" for line in lines)
    return True


def described(value: Any) -> str:
    """Return a text in quotation marks, a number as it is, or the JSON type of another value, for error messages."""
    if isinstance(value, str) and value:
        return shown(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value!r:.{SHOWN}}" if is_number else kind(value)
