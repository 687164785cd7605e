"""Generic ONNX model: warm-up and inference of a session that `function.model` makes."""

import logging
from typing import Any, NamedTuple

import numpy as np

from function.arrays import Array
from function.errors import InvalidTensor, TooLarge, UnusableModel
from function.tensors import signature
from function.tensors.signature import ANY, Signature, Tensor

MAX_REASON = 600  # characters of a message of onnxruntime in an error

logger = logging.getLogger(__name__)


class TensorModel(NamedTuple):
    """Generic ONNX model: a session with its inputs and outputs."""

    session: Any  # onnxruntime session
    signature: Signature
    sha256: str  # of the file
    run_options: Any = None  # of onnxruntime; None: the default


def from_session(path: str, session: Any, name: str, sha256: str, run_options: Any = None) -> TensorModel:
    """Return the model of a session, after one run on ones.

    The run must succeed only if every size is fixed: size 1, which replaces a dynamic size, may be invalid for the
    model.

    Args:
        path: path of the model, for messages.
        session: onnxruntime session.
        name: name of the model in requests.
        sha256: checksum of the file.
        run_options: of each run; None: the default.

    Raises:
        UnusableModel: an input or output is not a supported tensor, or a model of fixed sizes fails on ones.
    """
    model = TensorModel(session, signature.read(path, name, session), sha256, run_options)
    declared = model.signature.inputs
    inputs = {tensor.name: _ones(tensor) for tensor in declared}
    try:
        run(model, inputs, [tensor.name for tensor in model.signature.outputs])
    except (InvalidTensor, TooLarge) as error:
        if not any(ANY in tensor.shape or not tensor.shape for tensor in declared):
            raise UnusableModel(f"{path} failed its warm-up run on ones: {error}") from error
        logger.warning("%s has no warm-up: it failed on ones with each dynamic size set to 1: %s", path, error)
    if any(signature.looks_like_an_image(tensor) for tensor in declared):
        logger.warning(
            "%s has an input that looks like an image, but no YOLO metadata: it is served as a generic ONNX model; "
            "`python -m export best.pt` writes the metadata",
            path,
        )
    logger.info("serving %s: %s", path, signature.metadata(model.signature))
    return model


def run(model: TensorModel, inputs: dict[str, Array], outputs: list[str]) -> list[Array]:
    """Run the model once.

    Args:
        model: model to run.
        inputs: input name -> array of the declared datatype.
        outputs: names of the outputs to compute.

    Returns:
        Output arrays, in the order of `outputs`.

    Raises:
        InvalidTensor: the model fails on these inputs, for example because their sizes do not match.
        TooLarge: the memory is not sufficient for the outputs or for intermediate results.
    """
    try:
        arrays: list[Array] = model.session.run(outputs, inputs, model.run_options)
    except Exception as error:
        # onnxruntime has one class per kind of error and no common base class; all others are errors of this project.
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        reason = " ".join(str(error).split())[:MAX_REASON]
        if "allocate memory" in reason:
            raise TooLarge(f"not enough memory to run the model on these inputs: {reason}") from error
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in inputs.items())
        raise InvalidTensor(f"the model failed on these inputs ({shapes:.300}): {reason}") from error
    return arrays


def _ones(tensor: Tensor) -> Array:
    """Return ones and not zeros, because a model may divide by an integer input."""
    shape = [1 if size == ANY else size for size in tensor.shape]
    return np.full(shape, "" if tensor.datatype.name == "BYTES" else 1, dtype=tensor.datatype.dtype)
