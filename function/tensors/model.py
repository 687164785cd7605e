"""A model that takes tensors: warming it, and running it; its session is made by `model`."""

import logging
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.errors import InvalidTensor, TooLarge, UnusableModel
from function.tensors import signature
from function.tensors.signature import ANY, Signature, Tensor

Array = NDArray[Any]

MAX_REASON = 600  # characters of what onnxruntime says, in an error

logger = logging.getLogger(__name__)


class TensorModel(NamedTuple):
    """A session, and what it takes and answers."""

    session: Any  # onnxruntime's
    signature: Signature
    sha256: str  # of the file


def from_session(path: str, session: Any, name: str, sha256: str) -> TensorModel:
    """Read what the model takes, and leave it warm.

    Only a model whose sizes are all fixed has to run on the ones that it is tried with: where a size is free, 1 may be
    none that it can do.

    Args:
        path: where it is from, for messages.
        session: onnxruntime's.
        name: what clients call it.
        sha256: of the file.

    Raises:
        UnusableModel: an input or output is no tensor that is served here, or it does not run.
    """
    model = TensorModel(session, signature.read(path, name, session), sha256)
    takes = model.signature.inputs
    inputs = {one.name: _ones(one) for one in takes}
    try:
        run(model, inputs, [one.name for one in model.signature.outputs])
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


def run(model: TensorModel, inputs: dict[str, Array], outputs: list[str]) -> list[Array]:
    """One run of the network.

    Args:
        model: from `serve`.
        inputs: an array for each name of the signature, of its datatype.
        outputs: names of the signature.

    Returns:
        The outputs in that order.

    Raises:
        InvalidTensor: the model does not run on these inputs, as with sizes that do not go together.
        TooLarge: there is no memory for what it would make of them.
    """
    try:
        arrays: list[Array] = model.session.run(outputs, inputs)
    except Exception as error:
        # Its exceptions have a class per kind of failure and no common one; what is not among them is ours.
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        reason = " ".join(str(error).split())[:MAX_REASON]
        if "allocate memory" in reason:
            raise TooLarge(f"there is no memory to run the model on these inputs: {reason}") from error
        given = ", ".join(f"{name} {list(array.shape)}" for name, array in inputs.items())
        raise InvalidTensor(f"the model does not run on these inputs ({given:.300}): {reason}") from error
    return arrays


def _ones(tensor: Tensor) -> Array:
    """Ones, and not zeros: a whole number may be what another is divided by."""
    shape = [1 if size == ANY else size for size in tensor.shape]
    return np.full(shape, "" if tensor.datatype.name == "BYTES" else 1, dtype=tensor.datatype.dtype)
