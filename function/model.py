"""ONNX model: find its file, create its session, and run it; metadata.py reads its metadata."""

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
from function.errors import UnusableModel, one_line
from function.metadata import RGB_CHANNELS, ModelMetadata, as_yolov5_classifier, has_yolo_metadata, read
from function.postprocess import layouts
from function.postprocess.layouts import Layout, Reading, UndecidedLayout

if TYPE_CHECKING:
    from function.tensors.model import TensorModel

FilePath = str | os.PathLike[str]

ONNXRUNTIME_VERSION = str(ort.__version__)
PATTERN_PERIOD = 32  # px
WARM_UP_STRIDES = 2  # side of the first run, in strides: the smallest size that every layer is known to accept

RUN_OPTIONS = ort.RunOptions()  # of every run; there is one at a time

logger = logging.getLogger(__name__)


class Model(NamedTuple):
    """A session that has run once, with its metadata and its output layout."""

    session: ort.InferenceSession
    metadata: ModelMetadata
    layout: Layout
    outputs: list[str] | None = None  # names of those that are read; None: all


def find(path: FilePath | None, candidates: tuple[FilePath, ...]) -> FilePath:
    """Return the path of the model file to load.

    Args:
        path: the configured path, or None.
        candidates: default paths, best first.

    Raises:
        UnusableModel: no such file; the message names every path that was tried.
    """
    paths = (path,) if path else candidates
    for candidate in paths:
        if os.path.isfile(candidate):
            return candidate
    tried = " and ".join(str(candidate) for candidate in paths)
    hint = "the value of MODEL_PATH" if path else "MODEL_PATH is not set; it can name another path"
    raise UnusableModel(f"no model file at {tried} ({hint})")


def load(
    path: FilePath, threads: int, sha256: str | None = None, name: str | None = None, spinning: bool = False
) -> "Model | TensorModel":
    """Load a model from a file; arguments and errors as for `load_bytes`."""
    with open(path, "rb") as file:
        content = file.read()
    return load_bytes(str(path), content, threads, sha256, name, spinning)


def load_bundled(
    path: FilePath, threads: int, name: str | None = None, spinning: bool = False
) -> "Model | TensorModel":
    """Load a model from a file that no process changes, such as a file of the zips on Lambda.

    This is faster than `load` and uses less memory, because the file is never held in memory as a whole: two threads
    read it at the same time, one for the checksum and one for the session.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        content = mmap(file.fileno(), 0, access=ACCESS_READ) if size else b""
    checksum = _checksum(content)
    session = _session(str(path), str(path), size, _options(threads, spinning))
    return _detect_kind(str(path), session, checksum, name, content)


def load_bytes(
    path: str, content: bytes, threads: int, sha256: str | None = None, name: str | None = None, spinning: bool = False
) -> "Model | TensorModel":
    """Create the session, check that its output layout is supported, and run it once as a warm-up.

    Args:
        path: origin of the content, for messages.
        content: an ONNX file. With Ultralytics metadata it is a YOLO model; without any of it, a generic ONNX model.
        threads: CPUs that one run may use.
        sha256: required checksum of the content, lowercase hexadecimal; None: not checked.
        name: name of a generic ONNX model for clients; None: the file name without its suffix.
        spinning: threads that wait for others keep their CPU busy.

    Raises:
        UnusableModel: another checksum, not an ONNX model, incomplete YOLO metadata, or an input or output that is
            not supported.
    """
    checksum = _checksum(content)
    if sha256 and sha256 != checksum():  # before untrusted content is parsed
        raise UnusableModel(
            f"the sha256 of {path} ({len(content)} bytes) must be {sha256} (MODEL_SHA256), got {checksum()}"
        )
    session = _session(path, content, len(content), _options(threads, spinning))
    return _detect_kind(path, session, checksum, name, content)


def _detect_kind(
    path: str, session: ort.InferenceSession, checksum: Callable[[], str], name: str | None, content: bytes | mmap
) -> "Model | TensorModel":
    """Return a YOLO model if the file has Ultralytics metadata, else a generic ONNX model."""
    if not has_yolo_metadata(session):
        from function.tensors import model  # imported here, because the start of a YOLO model does not need it

        return model.from_session(path, session, name or _stem(path), checksum(), RUN_OPTIONS)
    metadata = read(path, session, checksum())
    if metadata.has_nms:
        from function.postprocess import embedded_nms  # imported here: few models have their own NMS

        metadata = metadata._replace(nms_conf=embedded_nms.threshold(content))
    try:
        reading = _read_outputs(session, metadata, *_warm_up(path, session, metadata))
    except UnusableModel as error:
        raise UnusableModel(f"{path}: {error}") from error
    served = _model(session, reading, is_task_stated=bool(metadata.task))
    logger.info("serving %s: %s, output %s", path, served.metadata._asdict(), served.layout.shape)
    return served


def _read_outputs(
    session: ort.InferenceSession, metadata: ModelMetadata, input_hw: tuple[int, int], outputs: list[Floats]
) -> Reading:
    """Return the meaning of the outputs of the first run, or, if those do not decide, of a run on a pattern."""
    try:
        reading = layouts.choose(metadata, input_hw, outputs)
    except UndecidedLayout:
        input_hw, outputs = _run_on_pattern(session, metadata, input_hw)
        reading = layouts.choose(metadata, input_hw, outputs)
    # Ultralytics neither trains nor predicts with other classifiers.
    if reading.metadata.task == "classify" and metadata.channels != RGB_CHANNELS:
        raise UnusableModel(f"a classifier must take images of {RGB_CHANNELS} channels, got {metadata.channels}")
    layouts.check_values(reading, outputs)
    return reading


def _run_on_pattern(
    session: ort.InferenceSession, metadata: ModelMetadata, input_hw: tuple[int, int]
) -> tuple[tuple[int, int], list[Floats]]:
    """Return (height, width) of a run on a pattern, in pixels, and its outputs.

    A dynamic model gets a wider image than in its first run: which side of a square output grows, counts the anchors.
    """
    if metadata.rectangular:
        wider = (input_hw[0], input_hw[1] + metadata.stride)
        try:
            return wider, _run(session, _pattern(wider, metadata.channels), metadata)
        except Exception as error:  # noqa: BLE001  (of any kind: the size of the first run is known to be accepted)
            logger.info("the model does not run on %s: %s", wider, one_line(str(error)))
    return input_hw, _run(session, _pattern(input_hw, metadata.channels), metadata)


def _pattern(sides_hw: tuple[int, int], channels: int) -> Floats:
    """Return an image of colored squares, (1, channels, H, W) float32, 0..1."""
    y, x = np.indices(sides_hw)
    cells = (y // PATTERN_PERIOD + x // PATTERN_PERIOD)[None] + np.arange(channels)[:, None, None]  # (C, H, W)
    return (cells % 3 / 2).astype(np.float32)[None]


def _model(session: ort.InferenceSession, reading: Reading, is_task_stated: bool) -> Model:
    names = [output.name for output in session.get_outputs()]
    read_names = [names[position] for position in reading.outputs]
    ignored = [name for name in names if name not in read_names]
    if ignored:
        logger.warning("the outputs %s are not read: feature maps or auxiliary heads", ", ".join(ignored))
    metadata = reading.metadata
    if metadata.task == "classify" and not is_task_stated:
        metadata = as_yolov5_classifier(metadata)
    return Model(session, metadata, reading.layout, read_names if ignored else None)


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _checksum(content: bytes | mmap) -> Callable[[], str]:
    """Start to compute the SHA-256 in a thread, and return a function that waits for it.

    The init phase has two CPUs, and onnxruntime uses only one of them.
    """
    digest = hashlib.sha256()
    thread = Thread(target=digest.update, args=(content,), daemon=True)
    thread.start()

    def hexdigest() -> str:
        thread.join()
        return digest.hexdigest()

    return hexdigest


def stop_run(is_stopped: bool) -> None:
    """Let the run in progress fail after its present operator, and each later one, until this is called with False."""
    RUN_OPTIONS.terminate = is_stopped


def run(model: Model, tensor: Floats) -> list[Floats]:
    """Run the model on one image.

    Args:
        model: from `load`.
        tensor: (1, channels, H, W) float32, 0..1.

    Returns:
        The outputs that are read, (1, ...) float32 each: the predictions, and for segment the prototypes.
    """
    return _run(model.session, tensor, model.metadata, model.outputs)


def _run(
    session: ort.InferenceSession, tensor: Floats, metadata: ModelMetadata, names: list[str] | None = None
) -> list[Floats]:
    """Run a session; a fixed batch is filled up with black images, and only the first result is returned."""
    if metadata.batch > 1:
        tensor = np.concatenate((tensor, np.zeros((metadata.batch - 1, *tensor.shape[1:]), dtype=np.float32)))
    image = tensor.astype(np.float16) if metadata.float16 else tensor
    outputs = session.run(names, {session.get_inputs()[0].name: image}, RUN_OPTIONS)
    # Some exports return float16, in which a class offset does not move a box and the area of a box is infinite.
    return [np.asarray(output[:1], dtype=np.float32) for output in outputs]


def _options(threads: int, spinning: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    # onnxruntime caches a memory pattern per input shape, and each rectangular image can have a new shape.
    options.enable_mem_pattern = False
    # Planning which tensor reuses which memory takes 30 of the 73 ms in which a yolov8n loads; the arena allocator
    # reuses memory without it.
    options.enable_mem_reuse = False
    return options


def _session(path: str, source: str | bytes, size: int, options: ort.SessionOptions) -> ort.InferenceSession:
    try:
        session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        _read_texts(session)
    except Exception as error:  # the exceptions of onnxruntime share no narrower public base class
        raise UnusableModel(
            f"{path} ({size} bytes) is not a model that onnxruntime loads: {one_line(str(error))}"
        ) from error
    return session


def _read_texts(session: ort.InferenceSession) -> None:
    """Raise UnicodeDecodeError if a name or the metadata is not UTF-8: onnxruntime decodes them when they are read."""
    session.get_modelmeta().custom_metadata_map  # noqa: B018
    for tensor in (*session.get_inputs(), *session.get_outputs()):
        tensor.name, tensor.shape, tensor.type  # noqa: B018


def _warm_up(path: str, session: ort.InferenceSession, metadata: ModelMetadata) -> tuple[tuple[int, int], list[Floats]]:
    """Run the model once, and return (height, width) of that input in pixels and the outputs.

    The first run of a dynamic model uses a small input. The next image takes no longer than after a run of the full
    size, and a run of the full size takes as long as an image (measured with a yolov8n at 640: the first run takes
    3 ms instead of 107, the image after it 69 ms in both cases).
    """
    if metadata.rectangular and not metadata.end2end:  # an end-to-end head needs at least as many anchors as rows
        small = (WARM_UP_STRIDES * metadata.stride,) * 2
        try:
            return small, _run_blank(session, small, metadata)
        except Exception as error:  # noqa: BLE001  (of any kind: the run at full size decides)
            logger.info("%s does not run on %s: %s", path, small, one_line(str(error)))
    try:
        return metadata.imgsz_hw, _run_blank(session, metadata.imgsz_hw, metadata)
    except Exception as error:  # the exceptions of onnxruntime share no narrower public base class
        height, width = metadata.imgsz_hw
        raise UnusableModel(f"{path} does not run on an image of {width} x {height}: {one_line(str(error))}") from error


def _run_blank(session: ort.InferenceSession, sides_hw: tuple[int, int], metadata: ModelMetadata) -> list[Floats]:
    return _run(session, np.zeros((1, metadata.channels, *sides_hw), dtype=np.float32), metadata)
