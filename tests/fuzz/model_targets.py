"""Outputs of networks, metadata and files of ONNX models."""

import base64
from collections.abc import Iterator, Sequence
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.fuzz import documented, images, runtime
from tests.fuzz.body_targets import TENSOR_REQUESTS
from tests.fuzz.targets import Target, variant
from tests.fuzz.verdict import check, require

FIELD, ENTRY = b"\0", b"\1"  # separators of an input of `metadata`
MODELS = ("colors", "classifier", "keypoints", "rotated", "maps")  # whose outputs are replaced
DENSE_MODELS = ("classes", "class ids", "distances")
MAX_SIDE = 700  # px of an image
TASKS = {
    "colors": "detect",
    "maps": "detect",
    "classifier": "classify",
    "segments": "segment",
    "keypoints": "pose",
    "rotated": "obb",
    "classes": "semantic",
    "class ids": "semantic",
    "distances": "depth",
}
METADATA = {
    "task": "detect",
    "names": "{0: 'red', 1: 'blue'}",
    "imgsz": "[320, 320]",
    "stride": "32",
    "end2end": "False",
    "head_maps": "True",
    "args": "{'nms': True}",
    "kpt_shape": "[17, 3]",
    "kpt_names": "{0: ['centre', 'needle tip', 'scale start', 'scale end']}",
    "head": "Detect",
    "description": "a model",
    "transforms": "[{'name': 'resize', 'size': [64]}, {'name': 'center_crop', 'size': [64, 64]}, "
    "{'name': 'normalize', 'mean': [0, 0, 0], 'std': [1, 1, 1]}]",
}
INPUTS = (  # type and shape
    ("tensor(float)", [1, 3, "height", "width"]),
    ("tensor(float)", [1, 3, 64, 64]),
    ("tensor(float16)", ["batch", 3, "height", "width"]),
    ("tensor(float)", [4, 3, 64, "width"]),
    ("tensor(int64)", [1]),
)


class FixedSession:
    """Session that returns prepared outputs; everything else is that of the real session."""

    def __init__(self, session: Any, outputs: Sequence[Any]) -> None:
        self._session, self._outputs = session, outputs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, *_: Any) -> list[Any]:
        return list(self._outputs)


def run_outputs(models: Sequence[str], data: bytes) -> None:
    """Let a network return the bytes of the input as its numbers: model, image size, then float32 values."""
    header, values = data[:5], np.frombuffer(data[5 : 5 + 4 * ((len(data) - 5) // 4)] if len(data) > 8 else b"", "<f4")
    number, width, height = (header + b"\0" * 5)[0], *np.frombuffer((header + b"\0" * 5)[1:5], "<u2").tolist()
    name = models[number % len(models)]
    served = runtime.model(name)
    size_wh = (1 + width % MAX_SIDE, 1 + height % MAX_SIDE)
    outputs = _with_values(_outputs(name, size_wh), values)
    replaced = served._replace(session=FixedSession(served.session, outputs))
    event = {"image_data": _image(size_wh), "masks": ("rle", "polygons")[number // 128], "conf": 0.001}
    check(lambda: runtime.invoke(event, replaced), partial(documented.http_response, event), ())


@cache
def _image(size_wh: tuple[int, int]) -> str:
    return base64.b64encode(images.encode(images.drawing(size_wh), "PNG", compress_level=1)).decode()


@cache
def _outputs(name: str, size_wh: tuple[int, int]) -> list[Any]:
    """Return the outputs of a model for an image of a size."""
    from function.preprocess import letterbox

    served = runtime.model(name)
    session, metadata = served.session, served.metadata
    input_hw = metadata.imgsz_hw
    if metadata.rectangular:
        geometry = letterbox.fit(size_wh, metadata.imgsz_hw, metadata.stride, True)
        input_hw = (geometry.input_h, geometry.input_w)
    blank = np.zeros((1, 3, *input_hw), np.float32)
    outputs: list[Any] = session.run(None, {session.get_inputs()[0].name: blank})
    return outputs


def _with_values(outputs: list[Any], values: Any) -> list[Any]:
    """Return the outputs with their first numbers, a row of the first output at a time, replaced by the values."""
    replaced = [output.copy() for output in outputs]
    rest = values
    for position, output in enumerate(replaced):
        flat = output.reshape(-1)
        is_last = position == len(replaced) - 1
        count = min(len(rest), flat.size, flat.size if is_last else max(len(values) // 2, 1))
        flat[:count], rest = rest[:count], rest[count:]
    return replaced


def run_metadata(data: bytes) -> None:
    """Read the metadata of a model: entries of a key and a value; the first byte selects the input of the model."""
    from function import metadata
    from function.errors import UnusableModel
    from function.readings import point_names

    entries: dict[str, str] = {}
    for entry in data[1:].split(ENTRY):
        key, _, value = entry.partition(FIELD)
        entries[key.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")
    kind, shape = INPUTS[data[0] % len(INPUTS) if data else 0]
    declared = [SimpleNamespace(name="images", type=kind, shape=shape)]
    session = SimpleNamespace(
        get_modelmeta=lambda: SimpleNamespace(custom_metadata_map=entries),
        get_inputs=lambda: declared,
    )

    def read() -> Any:
        found = metadata.read("m.onnx", session, "0" * 64) if metadata.has_yolo_metadata(session) else None
        return None if found is None else {"names": found.names, "sides": found.imgsz_hw, "stride": found.stride}

    check(read, _is_usable, (UnusableModel,))
    pose: Any = SimpleNamespace(session=session)
    check(lambda: point_names.require(pose, "m.onnx"), lambda _: None, (UnusableModel,))


def _is_usable(found: Any) -> None:
    if found is not None:
        require(found["names"] and all(isinstance(name, str) for name in found["names"].values()), "names:", found)
        require(sorted(found["names"]) == list(range(len(found["names"]))), "class ids:", found)
        require(all(side >= 1 for side in (*found["sides"], found["stride"])), "sides:", found)


def run_model(data: bytes) -> None:
    """Load the bytes of a model, and run it on one request if it loads."""
    from function import model
    from function.errors import SetupError

    def load_and_run() -> Any:
        served = model.load_bytes("m.onnx", data, 1)
        event = {"image_data": _image((64, 48))} if hasattr(served, "layout") else TENSOR_EVENTS[variant(data, 4)]
        return {"event": event, "response": runtime.invoke(event, served)}

    def documented_response(value: Any) -> None:
        documented.http_response(value["event"], value["response"])

    check(load_and_run, documented_response, (SetupError,), prints_metrics=False)


TENSOR_EVENTS = [{"inputs": inputs} for inputs in list(TENSOR_REQUESTS.values())[:4]]


def _output_seeds(models: Sequence[str]) -> Iterator[bytes]:
    sizes = np.array([[63, 47], [640, 360], [0, 0]], "<u2")
    rows = np.array([[4, 4, 40, 60, 0.9, 0, 1, -1, 2, 0.5]] * 4, "<f4")
    odd = np.array([np.inf, -np.inf, np.nan, 1e38, -1e38, 1e-45, -0.0, 3e9] * 4, "<f4")
    for number in range(len(models)):
        for size in sizes:
            yield bytes([number]) + size.tobytes() + rows.tobytes()
        yield bytes([128 + number]) + sizes[0].tobytes() + odd.tobytes()
        yield bytes([number]) + sizes[1].tobytes() + np.linspace(-5, 5, 600, dtype="<f4").tobytes()


def _metadata_seeds() -> Iterator[bytes]:
    from function import metadata

    for number in range(len(INPUTS)):
        for task in metadata.TASKS:
            yield bytes([number]) + _joined(METADATA | {"task": task})
    yield b"\0" + _joined({"names": "['a', 'b']", "stride": "32.0", "imgsz": "640"})


def _joined(entries: dict[str, str]) -> bytes:
    return ENTRY.join(key.encode() + FIELD + value.encode() for key, value in entries.items())


def _model_seeds() -> Iterator[bytes]:
    for name in ("colors", "classifier", "add", "log", "expand", "echo-BYTES"):
        yield runtime.model_bytes(name)


NAN, INFINITE, HUGE = (np.float32(value).tobytes() for value in (np.nan, np.inf, 3e38))
TARGETS = {
    "outputs": Target(
        partial(run_outputs, MODELS),
        partial(_output_seeds, MODELS),
        frozenset(f"task:{TASKS[name]}" for name in MODELS),
        (NAN, INFINITE, HUGE),
    ),
    "masks": Target(
        partial(run_outputs, ("segments",)),
        partial(_output_seeds, ("segments",)),
        frozenset({"task:segment", "rle"}),
        (NAN, INFINITE, HUGE),
    ),
    "dense": Target(
        partial(run_outputs, DENSE_MODELS),
        partial(_output_seeds, DENSE_MODELS),
        frozenset(f"task:{TASKS[name]}" for name in DENSE_MODELS),
        (NAN, INFINITE, HUGE),
    ),
    "metadata": Target(
        run_metadata,
        _metadata_seeds,
        frozenset({"model:metadata"}),
        (*(key.encode() + FIELD for key in METADATA), ENTRY, b"[" * 200, b"9" * 5000, b"{0: ", b"nan", b"\\ud800"),
    ),
    "model": Target(run_model, _model_seeds, frozenset({"model:file"}), (b"Conv", b"Loop", b"If", b"\x08\x01\x12")),
}
