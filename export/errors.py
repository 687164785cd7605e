"""Everything that can go wrong in a way that was foreseen. One line for the user, no traceback.

ExportError
├── Refused    exit 2    what was given cannot be exported, or not to where it was asked for
└── Differs    exit 1    the ONNX model does not do what the torch model does; nothing was written
"""


class ExportError(Exception):
    """The message says what was found and what was wanted."""

    exit_code = 1


class Refused(ExportError):
    """What was given cannot be exported, or not to where it was asked for."""

    exit_code = 2


class Differs(ExportError):
    """The ONNX model does not do what the torch model does."""

    exit_code = 1
