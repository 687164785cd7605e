"""Expected errors of the export: one line for the user, no traceback.

ExportError
├── UsageError           exit code 2: an option, a file or the environment cannot be used
└── VerificationError    exit code 1: the result differs from the original model; no model is written
"""

from __future__ import annotations

from typing import Any


class ExportError(Exception):
    """Base class: the message states what was expected and what was received."""

    exit_code = 1

    def __init__(self, message: str, report: dict[str, Any] | None = None) -> None:
        """Keep the measurements that explain the error.

        Args:
            message: one line for the user.
            report: values for the file of `--json`.
        """
        super().__init__(message)
        self.report = report or {}


class UsageError(ExportError):
    """An option, a file or the environment that cannot be used."""

    exit_code = 2


class VerificationError(ExportError):
    """A result that differs from the original model beyond the tolerance."""

    exit_code = 1
