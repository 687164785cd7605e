"""The entry point: everything that is made once is made while this is imported, in the init phase.

The platform calls `lambda_handler`. This is the one place where errors become answers.
"""

import logging
import os
from typing import Any

from function import model, sources
from function.errors import FunctionError, InternalError
from function.predictor import predict
from function.request import Request
from function.response import Result
from function.settings import LAYER_MODEL, TASK_MODEL, Settings
from function.sources import Source

logger = logging.getLogger(__name__)

SETTINGS = Settings.from_env(os.environ)
MODEL = model.load(model.find(SETTINGS.model_path, (TASK_MODEL, LAYER_MODEL)), SETTINGS.threads)


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one event.

    Args:
        event: from any of the sources, as the runtime parsed it.
        context: the runtime's context; its request id goes into error answers.

    Returns:
        What the event's source wants as an answer, JSON-ready. No error of a caller and none of ours is raised: it
        is in the answer, with its status.
    """
    request_id = getattr(context, "aws_request_id", "")
    source = sources.find(event)
    return source.reply(event, _results(source, event, request_id), request_id)


def _results(source: Source, event: Any, request_id: str) -> list[Result]:
    try:
        requests = source.requests(event)
    except FunctionError as error:
        return [error]
    except Exception:
        logger.exception("request %s: unforeseen error in its event", request_id)
        return [_internal(request_id)]
    return [_result(request, request_id) for request in requests]


def _result(request: Request, request_id: str) -> Result:
    try:
        return predict(MODEL, SETTINGS, request)
    except FunctionError as error:
        return error
    except Exception:
        logger.exception("request %s: unforeseen error", request_id)
        return _internal(request_id)


def _internal(request_id: str) -> InternalError:
    return InternalError(f"internal error; the function's log has the details under request {request_id}")
