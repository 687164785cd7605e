"""What a run works with, and what it returns, whichever method fills the file."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from scripts.aws.session import Aws
from scripts.batches.results_file import ResultsFile
from scripts.batches.run import Totals
from scripts.predictions.terminal import Screen


class Job(NamedTuple):
    """A run.

    Attributes:
        options: of the command line.
        aws: session.
        results: the file; None with --estimate.
        screen: prints lines.
        is_interrupted: returns whether Ctrl-C was pressed.
    """

    options: argparse.Namespace
    aws: Aws
    results: ResultsFile | None
    screen: Screen
    is_interrupted: Callable[[], bool]


class Outcome(NamedTuple):
    """End of a run.

    Attributes:
        is_complete: every image has its row; False after an interruption.
        images: of the source.
        left_out: reason -> objects or files of the source that are no images.
        totals: of this run.
        details: further fields for --json.
    """

    is_complete: bool
    images: int
    left_out: Counter[str]
    totals: Totals
    details: dict[str, Any]
