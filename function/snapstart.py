"""SnapStart hooks: warm-up before the snapshot, and reset after each restore.

The runtime provides `snapshot_restore_py` and calls the registered functions. This module is imported only if the
platform announces a snapshot, so an ordinary cold start does not pay for it.

Source: docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python and snapstart-uniqueness.
"""

import gc
import io
import logging
import random
from collections.abc import Callable

from PIL import Image

from function import lazy_imports, storage
from function.preprocess import image

SIZES_WH = ((1920, 1080), (1080, 1920), (640, 640))  # px; they give a rectangular model three input shapes

logger = logging.getLogger(__name__)


def register(warm_up: Callable[[bytes], object], reset: Callable[[], object]) -> None:
    """Register both hooks, if the runtime provides `snapshot_restore_py`.

    Args:
        warm_up: processes one encoded image and keeps no state; an exception that it raises ends the init phase.
        reset: drops the state that is true only of the environment of the snapshot.
    """
    try:
        from snapshot_restore_py import register_after_restore, register_before_snapshot
    except ImportError:
        logger.warning("the runtime has no snapshot_restore_py: the snapshot is taken without a warm-up")
        return
    register_before_snapshot(before_snapshot, warm_up)
    register_after_restore(after_restore, reset)


def before_snapshot(warm_up: Callable[[bytes], object]) -> None:
    """Do the work that only a first request would do, and open no connection."""
    image.load_readers()
    for size_wh in SIZES_WH:
        warm_up(_jpeg(size_wh))
    storage.preload()
    lazy_imports.load_all()
    gc.collect()
    gc.freeze()  # later collections skip these objects, whose pages would be read one by one from the snapshot


def after_restore(reset: Callable[[], object]) -> None:
    """Make this environment different from the others that are restored from the same snapshot."""
    random.seed()  # boto3 waits a random time before a retry; without a new seed all environments would wait the same
    reset()


def _jpeg(size_wh: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize(size_wh).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()
