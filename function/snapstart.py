"""SnapStart: what is done before the snapshot is taken, and after it woke up in an environment of its own.

The runtime brings `snapshot_restore_py` and calls what is registered there. This module is imported only where the
platform says that a snapshot will be taken, so an ordinary cold start does not pay for it.

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

SIZES_WH = ((1920, 1080), (1080, 1920), (640, 640))  # px; a rectangular model sees three shapes of input

logger = logging.getLogger(__name__)


def register(warm_up: Callable[[bytes], object], reset: Callable[[], object]) -> None:
    """Have both hooks called, if there is somebody to call them.

    Args:
        warm_up: answers one encoded picture and leaves no trace; what it raises ends the snapshot, loudly.
        reset: drops what was true only of the environment that the snapshot was taken of.
    """
    try:
        from snapshot_restore_py import register_after_restore, register_before_snapshot
    except ImportError:
        logger.warning("no snapshot_restore_py beside the runtime: the snapshot is taken as the init phase left it")
        return
    register_before_snapshot(before_snapshot, warm_up)
    register_after_restore(after_restore, reset)


def before_snapshot(warm_up: Callable[[bytes], object]) -> None:
    """Do for the first time whatever a request would do for the first time, and connect to nothing."""
    image.load_readers()
    for size_wh in SIZES_WH:
        warm_up(_jpeg(size_wh))
    storage.preload()
    lazy_imports.load()
    gc.collect()
    gc.freeze()  # later collections do not walk these objects, whose pages would come from the snapshot one by one


def after_restore(reset: Callable[[], object]) -> None:
    """Part from every other environment that wakes up from the same snapshot."""
    random.seed()  # boto3 waits a random time before it tries again, and all would wait the same
    reset()


def _jpeg(size_wh: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize(size_wh).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()
