"""Readings by a model of Amazon Bedrock: one call of the Converse API for each crop, several at the same time.

The calls run in threads, because a call of boto3 cannot be interrupted. What is not done at the end of the time stays
behind: its thread sends nothing more, and its result is dropped.
Source: docs.aws.amazon.com/bedrock/latest/APIReference, Converse and CommonErrors.
"""

import logging
import os
import threading
from collections.abc import Iterator
from functools import cache
from time import monotonic, perf_counter
from typing import Any

from PIL import Image

from function import errors, storage
from function.errors import DeadlineExceeded, FunctionError, InternalError, ReadingFailed, one_line, shown
from function.reading_settings import ReadingSettings
from function.readings import bedrock_errors, crops
from function.results import Reading

ATTEMPTS = 4  # of one call, including the first; boto3 waits up to 1, 2 and 4 s between them
CONNECT_TIMEOUT = 2  # seconds
READ_TIMEOUT = 30  # seconds between two reads
MAX_PARALLEL = 10  # calls at the same time; boto3 keeps as many connections
MAX_WAIT_S = 60  # for all readings of an image, if the invocation has more time
MAX_TOKENS = 300  # of an answer: a reading is a few words
MAX_TEXT = 1000  # characters of a reading
COMPLETE = ("end_turn", "stop_sequence")  # stop reasons of an answer that can be used

logger = logging.getLogger(__name__)
logger.addFilter(errors.escape_traceback)


class Thread(threading.local):
    """State of one thread."""

    ends = 0.0  # by `monotonic`: it sends nothing later


THREAD = Thread()


def prepare() -> None:
    """Load boto3 and make the client, if that is not done.

    Raises:
        TransientError: there are no credentials or no region.
    """
    _client()


def read(images: list[Image.Image], reading: ReadingSettings, ends: float | None) -> list[Reading | FunctionError]:
    """Return the reading or the error of each crop, at the latest when the time ends.

    Args:
        images: crops, RGB.
        reading: the model and the prompt.
        ends: by `monotonic`; None: no limit beside MAX_WAIT_S.

    Raises:
        TransientError: there are no credentials or no region.
    """
    client = _client()
    limit = monotonic() + MAX_WAIT_S
    limit = limit if ends is None else min(ends, limit)
    late = DeadlineExceeded("a reading must be done within the time of its image, and was stopped")
    outcomes: list[Reading | FunctionError] = [late] * len(images)
    waiting = iter(enumerate(images))
    lock = threading.Lock()

    def work() -> None:
        THREAD.ends = limit
        for number, crop in _shared(waiting, lock):
            outcomes[number] = _read_one(client, crop, reading)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(len(images), MAX_PARALLEL))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(limit - monotonic(), 0))
    return list(outcomes)  # a thread that is late changes only the original


def _shared(waiting: Iterator[tuple[int, Image.Image]], lock: threading.Lock) -> Iterator[tuple[int, Image.Image]]:
    """Yield the next items of an iterator that several threads share, until the time of this thread ends."""
    while monotonic() < THREAD.ends:
        with lock:
            item = next(waiting, None)
        if item is None:
            return
        yield item


def _read_one(client: Any, crop: Image.Image, reading: ReadingSettings) -> Reading | FunctionError:
    model, started = str(reading.model_id), perf_counter()
    content = [
        {"image": {"format": "jpeg", "source": {"bytes": crops.to_jpeg(crop)}}},
        {"text": reading.prompt},
    ]
    # Without a temperature: the newest models refuse one.
    inference = {"maxTokens": MAX_TOKENS}
    try:
        with bedrock_errors.translated():
            message = {"role": "user", "content": content}
            answer = client.converse(modelId=model, messages=[message], inferenceConfig=inference)
        return Reading(_text(answer), model, 1000 * (perf_counter() - started))
    except FunctionError as error:
        return error
    except Exception:
        logger.exception("unexpected error of a reading")
        return InternalError("internal error of a reading; the log has the details")


def _text(answer: Any) -> str:
    """Return the text of a response of Converse: all its text blocks in one line, unprintable characters as escapes.

    Raises:
        ReadingFailed: the answer is not complete, or has no text.
    """
    reason = answer.get("stopReason")
    if reason is None:  # boto3 takes anything, also half of a JSON text
        raise ReadingFailed("the response of Bedrock must have a stop reason, got none")
    if reason not in COMPLETE:
        hint = f": READ_PROMPT must ask for less than {MAX_TOKENS} tokens" if reason == "max_tokens" else ""
        raise ReadingFailed(f"the stop reason of the model must be end_turn, got {shown(str(reason))}{hint}")
    blocks = ((answer.get("output") or {}).get("message") or {}).get("content") or []
    texts = [" ".join(str(block["text"]).split()) for block in blocks if isinstance(block, dict) and block.get("text")]
    text = one_line(" ".join(text for text in texts if text))[:MAX_TEXT]
    if not text:
        raise ReadingFailed("the answer of the model must have a text, got none")
    return text


@cache
def _client() -> Any:
    with bedrock_errors.translated():
        import boto3
        from botocore.config import Config

        os.environ.setdefault("RES_OPTIONS", storage.RESOLVER_OPTIONS)
        retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
        config = Config(
            retries=retries,
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            max_pool_connections=MAX_PARALLEL,
        )
        client = boto3.client("bedrock-runtime", config=config)
    client.meta.events.register("before-send.bedrock-runtime.Converse", _refuse_late)
    return client


def _refuse_late(**_arguments: Any) -> None:
    """Refuse another attempt of a thread whose time is over: it would be paid and read by nobody.

    Raises:
        DeadlineExceeded: the time is over.
    """
    if monotonic() >= THREAD.ends:
        raise DeadlineExceeded("a reading must be done within the time of its image, and was stopped")
