"""The ONNX model: its file, its session, and running it; `facts` knows what its metadata states."""

import hashlib
import logging
import os
from collections.abc import Callable
from mmap import ACCESS_READ, mmap
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnxruntime as ort

from function.arrays import Floats
from function.errors import UnusableModel
from function.metadata import ModelMetadata, has_yolo_metadata, read
from function.postprocess.layouts import Layout, choose

if TYPE_CHECKING:
    from function.tensors.model import TensorModel

File = str | os.PathLike[str]

WARM_UP_STRIDES = 2  # a side of the first run, in strides: the least that every layer is known to take

logger = logging.getLogger(__name__)


class Model(NamedTuple):
    """A session that has run once, and its facts."""

    session: ort.InferenceSession
    metadata: ModelMetadata
    layout: Layout


def find(wanted: File | None, candidates: tuple[File, ...]) -> File:
    """The model file to serve.

    Args:
        wanted: the path that was set, or None.
        candidates: where to look when none was set, best first.

    Raises:
        UnusableModel: there is none; the message says where was looked.
    """
    places = (wanted,) if wanted else candidates
    for place in places:
        if os.path.isfile(place):
            return place
    looked = " and ".join(str(place) for place in places)
    hint = "as MODEL_PATH says" if wanted else "MODEL_PATH is not set; it can name another place"
    raise UnusableModel(f"no model file at {looked} ({hint})")


def load(
    path: File, threads: int, sha256: str | None = None, name: str | None = None, spinning: bool = False
) -> "Model | TensorModel":
    """A model from a file; arguments and errors as `serve` has them."""
    with open(path, "rb") as file:
        content = file.read()
    return load_bytes(str(path), content, threads, sha256, name, spinning)


def load_bundled(path: File, threads: int, name: str | None = None, spinning: bool = False) -> "Model | TensorModel":
    """As `load`, sooner and in less memory: the file is never held as a whole.

    It is read twice, side by side, so it must be one that nothing writes meanwhile, as those of the zips are on Lambda.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        content = mmap(file.fileno(), 0, access=ACCESS_READ) if size else b""
    checksum = _checksum(content)
    session = _session(str(path), str(path), size, _options(threads, spinning))
    return _detect_kind(str(path), session, checksum, name)


def load_bytes(
    path: str, content: bytes, threads: int, sha256: str | None = None, name: str | None = None, spinning: bool = False
) -> "Model | TensorModel":
    """Make the session, check that its output can be answered, and leave it warm.

    Args:
        path: where the content is from, for messages.
        content: an ONNX file: one that ultralytics wrote, or that carries the same metadata, takes pictures; one
            with nothing of it takes tensors.
        threads: CPUs that one run may use.
        sha256: what the content has to have, in lower-case hexadecimal digits; None: anything.
        name: what clients call a model of tensors; None: the path's last part, without its suffix.
        spinning: a thread that waits for another keeps its CPU busy.

    Raises:
        UnusableModel: another checksum, not an ONNX model, a part of the YOLO metadata is missing, or an input or
            output that is not read here.
    """
    checksum = _checksum(content)
    if sha256 and sha256 != checksum():  # before anything reads a content that may be anybody's
        found = f"{path} ({len(content)} bytes) has the sha256 {checksum()}"
        raise UnusableModel(f"{found}; wanted {sha256} (MODEL_SHA256)")
    session = _session(path, content, len(content), _options(threads, spinning))
    return _detect_kind(path, session, checksum, name)


def _detect_kind(
    path: str, session: ort.InferenceSession, checksum: Callable[[], str], name: str | None
) -> "Model | TensorModel":
    if not has_yolo_metadata(session):
        from function.tensors import model  # here, because a start that serves pictures goes without

        return model.from_session(path, session, name or _stem(path), checksum())
    facts = read(path, session, checksum())
    input_hw, outputs = _warm_up(path, session, facts)
    try:
        layout = choose(facts, input_hw, [output.shape for output in outputs])
    except UnusableModel as error:
        raise UnusableModel(f"{path}: {error}") from error
    logger.info("serving %s: %s, output %s", path, facts._asdict(), layout.shape)
    return Model(session, facts, layout)


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _checksum(content: bytes | mmap) -> Callable[[], str]:
    """Begin to take it, and return what waits for it: the init phase has two CPUs, and onnxruntime needs one."""
    digest = hashlib.sha256()
    thread = Thread(target=digest.update, args=(content,), daemon=True)
    thread.start()

    def finished() -> str:
        thread.join()
        return digest.hexdigest()

    return finished


def run(model: Model, tensor: Floats) -> list[Floats]:
    """One run of the network.

    Args:
        model: from `load`.
        tensor: (1, 3, H, W) float32, 0..1.

    Returns:
        The raw outputs of this one picture, (1, ...) float32 each, in the order of the file.
    """
    return _run(model.session, tensor, model.metadata.batch)


def _run(session: ort.InferenceSession, tensor: Floats, batch: int) -> list[Floats]:
    """A model of a fixed batch is filled up with black pictures, and only the first is looked at."""
    if batch > 1:
        tensor = np.concatenate((tensor, np.zeros((batch - 1, *tensor.shape[1:]), dtype=np.float32)))
    outputs = session.run(None, {session.get_inputs()[0].name: tensor})
    # Some exports give float16, in which a class id moves a box by nothing and the area of a box is infinite.
    return [np.asarray(output[:1], dtype=np.float32) for output in outputs]


def _options(threads: int, spinning: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    # Patterns are remembered per input shape; rectangular pictures bring a new shape each.
    options.enable_mem_pattern = False
    # Planning which tensor takes over whose memory is 30 of 73 ms of a yolov8n's load; the arena hands it on anyway.
    options.enable_mem_reuse = False
    return options


def _session(path: str, source: str | bytes, size: int, options: ort.SessionOptions) -> ort.InferenceSession:
    try:
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no narrower public base
        raise UnusableModel(f"{path} ({size} bytes) is not a model that onnxruntime loads: {error}") from error


def _warm_up(path: str, session: ort.InferenceSession, facts: ModelMetadata) -> tuple[tuple[int, int], list[Floats]]:
    """A first run: (height, width) of its input in pixels, and what it gave.

    Of a model with dynamic sides a small one: a picture after it takes no longer than after one of the full size, which
    would take as long as the picture (measured on a yolov8n at 640: 3 ms instead of 107, then 69 ms both).
    """
    if facts.rectangular and not facts.end2end:  # an end-to-end head needs as many anchors as it gives rows
        small = (WARM_UP_STRIDES * facts.stride,) * 2
        try:
            return small, _run_blank(session, small, facts.batch)
        except Exception as error:  # noqa: BLE001  (whatever it is, the full size decides)
            logger.info("%s does not run on %s: %s", path, small, error)
    try:
        return facts.imgsz_hw, _run_blank(session, facts.imgsz_hw, facts.batch)
    except Exception as error:  # onnxruntime's own exceptions share no narrower public base
        height, width = facts.imgsz_hw
        raise UnusableModel(f"{path} does not run on a picture of {width} x {height}: {error}") from error


def _run_blank(session: ort.InferenceSession, sides_hw: tuple[int, int], batch: int) -> list[Floats]:
    return _run(session, np.zeros((1, 3, *sides_hw), dtype=np.float32), batch)
