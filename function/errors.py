"""Everything that can go wrong in a way that was foreseen.

FunctionError                has a status; its message is meant for the caller
├── BadRequest            400    the event or its body is not what the contract says
├── NotFound              404    no such path
├── MethodNotAllowed      405    the path is there, the method is not
├── TooLarge              413    more pixels than the limit
├── UnsupportedPicture    415    not a picture that is read here, or a broken one
├── InvalidOption         422    an option is out of range or names what the model does not have
└── InternalError         500    ours: the caller gets the request id, the log gets the traceback
SetupError                   raised while the function starts: the platform reports it as an init error
├── InvalidSetting           an environment variable has a value that cannot be used
└── UnusableModel            the model is missing, broken, or of a layout that is not decoded here
"""


class FunctionError(Exception):
    """An answer that is not 200."""

    status = 500


class BadRequest(FunctionError):
    """The event or its body is not what the contract says."""

    status = 400


class NotFound(FunctionError):
    """No such path."""

    status = 404


class MethodNotAllowed(FunctionError):
    """The path is there, the method is not."""

    status = 405


class TooLarge(FunctionError):
    """More pixels than the limit."""

    status = 413


class UnsupportedPicture(FunctionError):
    """Not a picture that is read here, or a broken one."""

    status = 415


class InvalidOption(FunctionError):
    """An option is out of range or names what the model does not have."""

    status = 422


class InternalError(FunctionError):
    """Nothing the caller did: the message names no detail, the log does."""

    status = 500


class SetupError(Exception):
    """The function cannot start."""


class InvalidSetting(SetupError):
    """An environment variable has a value that cannot be used."""


class UnusableModel(SetupError):
    """The model is missing, broken, or of a layout that is not decoded here."""
