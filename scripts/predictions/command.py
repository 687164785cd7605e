"""What predict.py and compare.py share: the images of the command line, the environment `build`, exit codes, messages.

Runs under any Python from 3.9 on, with the standard library alone, until it has changed to the environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from scripts import environments, manifest
from scripts.predictions import sources

ROOT = Path(__file__).resolve().parent.parent.parent
FAILED, USAGE, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141  # exit codes


class CannotRun(Exception):
    """The options do not fit the model, the zips or the images; the message is one line."""


def execute(
    name: str, arguments: list[str], patterns: list[str], run: Callable[[sources.Found], int], state: Callable[[], str]
) -> int:
    """Find the images and run a command with them, in the environment `build`.

    Args:
        name: of the command; its file is `scripts/NAME.py`.
        arguments: the command line, for the start in the environment.
        patterns: files, folders and globs with the images.
        run: takes the images and returns an exit code.
        state: returns what is finished after an interruption, before `of N images`.

    Returns:
        The exit code of `run`, or that of its error: 1, 2, 130, or 141 for a closed pipe.
    """
    try:
        found = sources.find(patterns)
    except sources.NoImages as error:
        return _fail(name, error)
    if not environments.has_packages():
        return environments.run_in("build", [str(ROOT / "scripts" / f"{name}.py"), *arguments])
    from scripts.local_lambda.errors import LocalLambdaError, NotRunnable
    from scripts.predictions.run import InvalidOptions

    try:
        code = run(found)
        sys.stdout.flush()
    except (CannotRun, InvalidOptions, NotRunnable, environments.EnvironmentFailed) as error:
        return _fail(name, error)
    except manifest.InvalidManifest as error:
        return _fail(name, f"{error}; --dist sets the folder")
    except LocalLambdaError as error:
        return _fail(name, f"{' '.join(str(error).split())} (--verbose prints the log of the function)", FAILED)
    except BrokenPipeError:  # the reader closed the pipe, as `head` does after ten lines
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        return _fail(name, ": ".join(filter(None, (error.filename and str(error.filename), error.strerror))))
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        _fail(name, f"interrupted; {state()} of {len(found.images)} images")
    return code


def _fail(name: str, reason: object, code: int = USAGE) -> int:
    sys.stderr.write(f"{name}: {reason}\n")
    return code
