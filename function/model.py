"""The ONNX model: its file, its session, and running it.

What it says of itself is known to `facts` where it takes pictures, and to `signature` where it takes tensors.
"""

import hashlib
import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from function import signature
from function.boxes import Floats
from function.errors import InvalidTensor, TooLarge, UnusableModel
from function.facts import Facts, read
from function.signature import ANY, Signature
from function.tasks import detect

MAX_REASON = 600  # characters of what onnxruntime says, in an error

logger = logging.getLogger(__name__)


class Model(NamedTuple):
    """A session that has run once, and its facts."""

    session: ort.InferenceSession
    input_name: str
    facts: Facts


class TensorModel(NamedTuple):
    """A session, and what it takes and answers."""

    session: ort.InferenceSession
    signature: Signature
    sha256: str  # of the file


def find(wanted: Path | None, candidates: tuple[Path, ...]) -> Path:
    """The model file to serve.

    Args:
        wanted: the path that was set, or None.
        candidates: where to look when none was set, best first.

    Raises:
        UnusableModel: there is none; the message says where was looked.
    """
    places = (wanted,) if wanted else candidates
    for place in places:
        if place.is_file():
            return place
    looked = " and ".join(str(place) for place in places)
    hint = "as MODEL_PATH says" if wanted else "MODEL_PATH is not set; it can name another place"
    raise UnusableModel(f"no model file at {looked} ({hint})")


def load(path: Path, threads: int, sha256: str | None = None, name: str | None = None) -> Model | TensorModel:
    """A model from a file; arguments and errors as `serve` has them."""
    return serve(str(path), path.read_bytes(), threads, sha256, name)


def serve(
    path: str, content: bytes, threads: int, sha256: str | None = None, name: str | None = None
) -> Model | TensorModel:
    """Make the session, check that its output can be answered, and leave it warm.

    Args:
        path: where the content is from, for messages.
        content: an ONNX file: one that ultralytics wrote, or that carries the same metadata, takes pictures; one
            with nothing of it takes tensors.
        threads: CPUs that one run may use.
        sha256: what the content has to have, in lower-case hexadecimal digits; None: anything.
        name: what clients call a model that takes tensors; None: the path's last part, without its suffix.

    Raises:
        UnusableModel: another checksum, not an ONNX model, a part of the YOLO metadata is missing, or an input or
            output that is not read here.
    """
    found = hashlib.sha256(content).hexdigest()
    if sha256 not in (None, found):
        raise UnusableModel(f"{path} ({len(content)} bytes) has the sha256 {found}; wanted {sha256} (MODEL_SHA256)")
    session = _session(path, content, threads)
    if not signature.is_yolo(session):
        return _serve_tensors(path, TensorModel(session, signature.read(path, name or Path(path).stem, session), found))
    model = Model(session, session.get_inputs()[0].name, read(path, session, found))
    detect.check([output.shape for output in _warm_up(path, model)], len(model.facts.names))
    logger.info("serving %s: %s", path, model.facts._asdict())
    return model


def run(model: Model, tensor: Floats) -> list[Floats]:
    """One run of the network.

    Args:
        model: from `load`.
        tensor: (1, 3, H, W) float32, 0..1.

    Returns:
        The raw outputs, in the order of the file.
    """
    outputs: list[Floats] = model.session.run(None, {model.input_name: tensor})
    return outputs


def run_tensors(model: TensorModel, inputs: dict[str, NDArray[Any]], outputs: list[str]) -> list[NDArray[Any]]:
    """One run of a model that takes tensors.

    Args:
        model: from `load`.
        inputs: an array for each name of the signature, of its datatype.
        outputs: names of the signature.

    Returns:
        The outputs in that order.

    Raises:
        InvalidTensor: the model does not run on these inputs, as with sizes that do not go together.
        TooLarge: there is no memory for what it would make of them.
    """
    try:
        arrays: list[NDArray[Any]] = model.session.run(outputs, inputs)
    except Exception as error:
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        reason = " ".join(str(error).split())[:MAX_REASON]
        if "allocate memory" in reason:
            raise TooLarge(f"there is no memory to run the model on these inputs: {reason}") from error
        given = ", ".join(f"{name} {list(array.shape)}" for name, array in inputs.items())
        raise InvalidTensor(f"the model does not run on these inputs ({given:.300}): {reason}") from error
    return arrays


def _serve_tensors(path: str, model: TensorModel) -> TensorModel:
    """Leave it warm; only a model whose sizes are all fixed has to run on what it is tried with."""
    takes = model.signature.inputs
    # Ones: a whole number may be what another is divided by.
    inputs = {one.name: _ones(one) for one in takes}
    try:
        run_tensors(model, inputs, [one.name for one in model.signature.outputs])
    except (InvalidTensor, TooLarge) as error:
        if not any(ANY in one.shape or not one.shape for one in takes):
            raise UnusableModel(f"{path} does not run on ones: {error}") from error
        logger.warning("%s is not warm, it does not run on ones where each free size is 1: %s", path, error)
    if any(signature.looks_like_a_picture(one) for one in takes):
        logger.warning(
            "%s takes what looks like a picture, but has no YOLO metadata, and so is served as tensors; "
            "`python -m export best.pt` writes the metadata",
            path,
        )
    logger.info("serving %s: %s", path, signature.metadata(model.signature))
    return model


def _ones(tensor: signature.Tensor) -> NDArray[Any]:
    shape = [1 if size == ANY else size for size in tensor.shape]
    return np.full(shape, "" if tensor.datatype.name == "BYTES" else 1, dtype=tensor.datatype.dtype)


def _session(path: str, content: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A spinning thread spends the CPU quota that the working one needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Patterns are remembered per input shape; rectangular pictures bring a new shape each.
    options.enable_mem_pattern = False
    try:
        return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no narrower public base
        raise UnusableModel(f"{path} ({len(content)} bytes) is not a model that onnxruntime loads: {error}") from error


def _warm_up(path: str, model: Model) -> list[Floats]:
    sides = model.facts.imgsz_hw
    try:
        return run(model, np.zeros((1, 3, *sides), dtype=np.float32))
    except Exception as error:  # onnxruntime's own exceptions share no narrower public base
        raise UnusableModel(f"{path} does not run on a picture of {sides[1]} x {sides[0]}: {error}") from error
