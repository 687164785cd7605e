"""Everything that can go wrong in a way that was foreseen.

FunctionError                has a status; its message is meant for the caller
├── BadRequest            400    the event or its body is not what the contract says
├── Forbidden             403    a bucket or a host that the function was not told to read
├── NotFound              404    no such path, no such object
├── MethodNotAllowed      405    the path is there, the method is not
├── TooLarge              413    more pixels, bytes or pictures than the limit
├── UnsupportedImage    415    not a picture that is read here, or a broken one
├── InvalidOption         422    an option is out of range or names what the model does not have
├── InvalidTensor         422    an input or output is not what the model has, or it does not run on these inputs
├── InternalError         500    ours: the caller gets the request id, the log gets the traceback
├── UrlFetchFailed            502    the other side of a link did not give a picture
└── TransientError        503    may pass: a throttled or failing service; events are left to be delivered again
SetupError                   raised while the function starts: the platform reports it as an init error
├── InvalidSetting           an environment variable has a value that cannot be used
└── UnusableModel            the model is missing, broken, or of a layout that is not decoded here
"""

from typing import Any


class FunctionError(Exception):
    """An answer that is not 200."""

    status = 500


class BadRequest(FunctionError):
    """The event or its body is not what the contract says."""

    status = 400


class Forbidden(FunctionError):
    """A bucket or a host that the function was not told to read."""

    status = 403


class NotFound(FunctionError):
    """No such path, no such object."""

    status = 404


class MethodNotAllowed(FunctionError):
    """The path is there, the method is not."""

    status = 405

    def __init__(self, message: str, allow: str = "POST") -> None:
        """`allow` is the method that would have been right."""
        super().__init__(message)
        self.allow = allow


class TooLarge(FunctionError):
    """More pixels, bytes or pictures than the limit."""

    status = 413


class UnsupportedImage(FunctionError):
    """Not a picture that is read here, or a broken one."""

    status = 415


class InvalidOption(FunctionError):
    """An option is out of range or names what the model does not have."""

    status = 422


class InvalidTensor(FunctionError):
    """An input or output is not what the model has, or the model does not run on these inputs."""

    status = 422


class InternalError(FunctionError):
    """Nothing the caller did: the message names no detail, the log does."""

    status = 500


class UrlFetchFailed(FunctionError):
    """The other side of a link did not give a picture."""

    status = 502


class TransientError(FunctionError):
    """May pass: a throttled or failing service. Sources whose events are delivered again raise it."""

    status = 503


class SetupError(Exception):
    """The function cannot start."""


class InvalidSetting(SetupError):
    """An environment variable has a value that cannot be used."""


class UnusableModel(SetupError):
    """The model is missing, broken, or of a layout that is not decoded here."""


KINDS = {
    dict: "an object",
    list: "an array",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}
SHOWN = 100  # characters of a caller's own word in an error: an answer has its limit too


def kind(value: Any) -> str:
    """What a value is."""
    return "empty" if value == "" else KINDS.get(type(value), "of no JSON kind")


def shown(text: str) -> str:
    """A caller's word in quotes, cut where it is long."""
    return repr(text) if len(text) <= SHOWN else f"{text[:SHOWN]!r}…"
