"""Everything that can go wrong in a way that was foreseen. One line for the user, no traceback.

ExportError
├── UsageError    exit 2    what was given cannot be exported, or not to where it was asked for
└── VerificationError    exit 1    the ONNX model does not do what the torch model does; nothing was written
"""


class ExportError(Exception):
    """The message says what was found and what was wanted."""

    exit_code = 1


class UsageError(ExportError):
    """What was given cannot be exported, or not to where it was asked for."""

    exit_code = 2


class VerificationError(ExportError):
    """The ONNX model does not do what the torch model does."""

    exit_code = 1
