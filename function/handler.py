"""The entry point: everything that is made once is made while this is imported, in the init phase.

The platform calls `lambda_handler`. This is the one place where errors become answers.
"""

import logging
import os
from collections.abc import Callable
from functools import partial
from typing import Any

from function import model, sources
from function.errors import FunctionError, InternalError
from function.predictor import predict
from function.request import Request
from function.response import Result
from function.settings import LAYER_MODEL, TASK_MODEL, Settings
from function.sources.service import Service

logger = logging.getLogger(__name__)

SETTINGS = Settings.from_env(os.environ)
MODEL = model.load(model.find(SETTINGS.model_path, (TASK_MODEL, LAYER_MODEL)), SETTINGS.threads)


def lambda_handler(event: Any, context: Any) -> Any:
    """Answer one event.

    Args:
        event: from any of the sources, as the runtime parsed it.
        context: the runtime's context; its request id goes into error answers.

    Returns:
        What the event's source wants as an answer, JSON-ready. For a caller who waits every error is in the answer,
        with its status.

    Raises:
        TransientFault: an event that nobody waits for met a fault that may pass; the platform delivers it again.
    """
    request_id = getattr(context, "aws_request_id", "")
    service = Service(partial(_result, request_id), SETTINGS, request_id)
    return sources.find(event).respond(event, service)


def _result(request_id: str, make_request: Callable[[], Request]) -> Result:
    try:
        return predict(MODEL, SETTINGS, make_request())
    except FunctionError as error:
        return error
    except Exception:
        logger.exception("request %s: unforeseen error", request_id)
        return InternalError(f"internal error; the function's log has the details under request {request_id}")
