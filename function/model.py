"""The ONNX model: its file, its session, and the facts that its metadata states."""

import ast
import hashlib
import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort

from function.boxes import Floats
from function.errors import UnusableModel
from function.tasks import detect

TASKS = ("detect",)
MIN_STRIDE = 32  # px; ultralytics 8.4.190 pads a picture for a .pt to this at least, nn/backends/pytorch.py

logger = logging.getLogger(__name__)


class Facts(NamedTuple):
    """What the file says of itself."""

    task: str
    names: dict[int, str]
    imgsz_hw: tuple[int, int]  # pixels
    stride: int  # pixels
    rectangular: bool  # any multiple of the stride is a valid side
    sha256: str


class Model(NamedTuple):
    """A session that has run once, and its facts."""

    session: ort.InferenceSession
    input_name: str
    facts: Facts


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


def load(path: Path, threads: int, sha256: str | None = None) -> Model:
    """A model from a file; arguments and errors as `serve` has them."""
    return serve(str(path), path.read_bytes(), threads, sha256)


def serve(path: str, content: bytes, threads: int, sha256: str | None = None) -> Model:
    """Make the session, check that its output can be decoded, and leave it warm.

    Args:
        path: where the content is from, for messages.
        content: an ONNX file that ultralytics wrote, or that carries the same metadata.
        threads: CPUs that one run may use.
        sha256: what the content has to have, in lower-case hexadecimal digits; None: anything.

    Raises:
        UnusableModel: another checksum, not an ONNX model, no YOLO metadata, or an input or output that is not read
            here.
    """
    found = hashlib.sha256(content).hexdigest()
    if sha256 not in (None, found):
        raise UnusableModel(f"{path} ({len(content)} bytes) has the sha256 {found}; wanted {sha256} (MODEL_SHA256)")
    session = _session(path, content, threads)
    facts = _facts(path, session, found)
    model = Model(session, session.get_inputs()[0].name, facts)
    detect.check([output.shape for output in _warm_up(path, model)], len(facts.names))
    logger.info("serving %s: %s", path, facts._asdict())
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


def _facts(path: str, session: ort.InferenceSession, sha256: str) -> Facts:
    metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
    missing = [key for key in ("task", "names", "stride", "imgsz") if key not in metadata]
    if missing:
        found = f"{path} has no {', '.join(missing)} in its metadata"
        raise UnusableModel(f"{found}; `python -m export best.pt` writes them")
    if metadata["task"] not in TASKS:
        raise UnusableModel(f"{path} is a {metadata['task']!r} model; the tasks served are {', '.join(TASKS)}")
    if metadata.get("end2end") == "True":
        shapes = ", ".join(str(tuple(output.shape)) for output in session.get_outputs())
        raise UnusableModel(f"{path} is an end-to-end model with output {shapes}; served is {detect.LAYOUT}")
    fixed_hw = _fixed_sides(path, session.get_inputs())
    return Facts(
        task=metadata["task"],
        names=_names(path, metadata),
        imgsz_hw=fixed_hw or _imgsz(path, metadata),
        stride=max(_whole(path, metadata, "stride"), MIN_STRIDE),
        rectangular=fixed_hw is None,
        sha256=sha256,
    )


def _names(path: str, metadata: dict[str, str]) -> dict[int, str]:
    found = _literal(path, metadata, "names")
    names = dict(enumerate(found)) if isinstance(found, list) else found
    if not isinstance(names, dict) or not names or sorted(map(str, names)) != sorted(map(str, range(len(names)))):
        raise UnusableModel(f"{path} says names is {metadata['names']:.200}; wanted a name for every id from 0 on")
    return {int(class_id): str(name) for class_id, name in names.items()}


def _imgsz(path: str, metadata: dict[str, str]) -> tuple[int, int]:
    found = _literal(path, metadata, "imgsz")
    sides = [found, found] if isinstance(found, int) else found
    if isinstance(sides, list | tuple) and len(sides) == 2:
        height, width = sides
        if isinstance(height, int) and isinstance(width, int) and min(height, width) > 0:
            return height, width
    raise UnusableModel(f"{path} says imgsz is {metadata['imgsz']!r:.200}; wanted [height, width] in pixels")


def _whole(path: str, metadata: dict[str, str], key: str) -> int:
    found = _literal(path, metadata, key)
    if not isinstance(found, int | float) or found < 1 or found != int(found):
        raise UnusableModel(f"{path} says {key} is {metadata[key]!r:.200}; wanted a whole number above 0")
    return int(found)


def _fixed_sides(path: str, inputs: list[Any]) -> tuple[int, int] | None:
    """(height, width) of a static model, None of a dynamic one."""
    found = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
    shape = inputs[0].shape
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(shape) != 4 or shape[1] != 3:
        raise UnusableModel(f"{path} takes {found}; wanted one float32 input (1, 3, height, width)")
    if isinstance(shape[0], int) and shape[0] != 1:
        raise UnusableModel(f"{path} takes {found}; wanted a batch of 1 or a dynamic one")
    fixed = [side for side in shape[2:] if isinstance(side, int)]
    if len(fixed) == 1:
        raise UnusableModel(f"{path} takes {found}; wanted both sides fixed or both dynamic")
    return (fixed[0], fixed[1]) if fixed else None


def _literal(path: str, metadata: dict[str, str], key: str) -> Any:
    try:
        return ast.literal_eval(metadata[key])
    except (ValueError, SyntaxError) as error:
        raise UnusableModel(f"{path} says {key} is {metadata[key]!r:.200}; wanted a Python literal") from error
