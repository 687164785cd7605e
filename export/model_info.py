"""Description of an ONNX file, as the function loads it: task, sizes, class names, inputs, outputs, checksum.

The only judge of an ONNX file: the export and the build of the zips both use it. Importing this module loads only the
standard library; `read` imports onnx and, through `function`, onnxruntime.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from export.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from function.model import Model
    from function.tensors.model import TensorModel

GENERIC = "tensors"  # the task of a generic ONNX model
ALL_CORES = 0  # threads
MAX_NAMES = 8  # class names that `describe` shows
MAX_VALUE_CHARS = 2000  # of a value that `describe` shows; the file may state anything
UNKNOWN = "unknown"


class ModelInfo(NamedTuple):
    """An ONNX file that the function can serve."""

    path: Path  # as the user names it
    size: int  # bytes
    sha256: str  # of the file
    task: str  # GENERIC: a model without YOLO metadata
    imgsz: tuple[int, ...]  # (height, width) in pixels; empty for a generic ONNX model
    names: tuple[str, ...]  # of the classes, by id; empty for a generic ONNX model
    inputs: tuple[dict[str, Any], ...]  # name, datatype and shape (-1: dynamic) as in the Open Inference Protocol
    outputs: tuple[dict[str, Any], ...]
    opset: int
    nodes: int
    producer: str  # name and version
    metadata: dict[str, str]
    loaded: Model | TensorModel  # has run once

    @property
    def is_generic(self) -> bool:
        """True for a model without YOLO metadata."""
        return self.task == GENERIC

    @property
    def is_rectangular(self) -> bool:
        """True if an image is only padded to the next multiple of the stride, as `predict` does by default."""
        from function.model import Model

        return isinstance(self.loaded, Model) and self.loaded.metadata.rectangular

    @property
    def stride(self) -> int:
        """The largest stride of the model, pixels; 1 for a generic ONNX model."""
        from function.model import Model

        return self.loaded.metadata.stride if isinstance(self.loaded, Model) else 1

    @property
    def channels(self) -> int:
        """The channels of the images of the model: 3 for RGB, and for a generic ONNX model."""
        from function.model import Model

        return self.loaded.metadata.channels if isinstance(self.loaded, Model) else 3

    @property
    def nms_conf(self) -> float | None:
        """Confidence threshold of an export with nms=True; None: no NMS in the model, or not known."""
        from function.model import Model

        return self.loaded.metadata.nms_conf if isinstance(self.loaded, Model) else None

    def as_json(self) -> dict[str, Any]:
        """Return the values that JSON can hold, for the file of `--json`."""
        fields = {name: value for name, value in self._asdict().items() if name != "loaded"}
        return {**fields, "path": str(self.path)}


def read(path: Path, content: bytes, threads: int = 1) -> ModelInfo:
    """Load the file as the function does, run it once, and return its description.

    Args:
        path: the name of the file for messages; nothing is read from it.
        content: the bytes of the file.
        threads: threads of the session; ALL_CORES: one for each core.

    Raises:
        UsageError: it is not ONNX, or not a model that the function serves.
    """
    from function import model
    from function.errors import UnusableModel
    from function.tensors import signature

    proto = _parse(path, content)
    try:
        loaded = model.load_bytes(str(path), content, threads)
    except UnusableModel as error:
        raise UsageError(str(error)) from error
    yolo = loaded.metadata if isinstance(loaded, model.Model) else None
    declared = signature.metadata(signature.read(str(path), path.stem, loaded.session))
    return ModelInfo(
        path=path,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        task=yolo.task if yolo else GENERIC,
        imgsz=yolo.imgsz_hw if yolo else (),
        names=tuple(name for _, name in sorted(yolo.names.items())) if yolo else (),
        inputs=tuple(declared["inputs"]),
        outputs=tuple(declared["outputs"]),
        opset=max(operators.version for operators in proto.opset_import),
        nodes=len(proto.graph.node),
        producer=f"{proto.producer_name or UNKNOWN} {proto.producer_version}".rstrip(),
        metadata={prop.key: prop.value for prop in proto.metadata_props},
        loaded=loaded,
    )


def describe(info: ModelInfo) -> list[tuple[str, str]]:
    """Return names and values for the user, in the order in which they are printed."""
    from function.errors import one_line
    from function.model import Model

    rows = _describe_yolo(info, info.loaded) if isinstance(info.loaded, Model) else _describe_generic(info)
    rows = [*rows, ("file", f"{info.size:,} bytes, sha256 {info.sha256}")]
    return [(name, one_line(value)[:MAX_VALUE_CHARS]) for name, value in rows]


def check_onnx(content: bytes) -> str:
    """Return the first violation that the checker of the ONNX standard reports; "" if there is none.

    onnxruntime is less strict: it loads, for instance, Ultralytics' half precision files, whose nodes are out of order.
    """
    import onnx

    try:
        onnx.checker.check_model(onnx.load_model_from_string(content), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        return " ".join(str(error).split())
    return ""


def _describe_yolo(info: ModelInfo, loaded: Model) -> list[tuple[str, str]]:
    import onnx

    metadata = info.metadata
    end2end = metadata.get("end2end", UNKNOWN)
    shown = ", ".join(info.names[:MAX_NAMES]) + (", ..." if len(info.names) > MAX_NAMES else "")
    outputs = loaded.session.get_outputs()
    ignored = [output for output in outputs if loaded.outputs and output.name not in loaded.outputs]
    exporter = f"ultralytics {metadata['version']}" if "version" in metadata else info.producer
    return [
        ("input", _declared(loaded.session.get_inputs()[:1])),
        ("output", _declared([output for output in outputs if output not in ignored])),
        *([("not read", _declared(ignored))] if ignored else []),
        ("task", f"{info.task}, end2end {end2end}, layout {loaded.layout.shape}"),
        ("imgsz", f"{info.imgsz[0]} x {info.imgsz[1]} (height x width), stride {loaded.metadata.stride}"),
        ("classes", f"{len(info.names)}: {shown}"),
        ("opset", f"{info.opset}, {info.nodes} nodes"),
        ("exporter", f"{exporter}, checked with onnx {onnx.__version__}"),
        *([("stored", "quantized to 8 bits")] if "quantization" in metadata else []),
        *([("stored", metadata["weights"])] if "weights" in metadata else []),
        ("weights", f"sha256 {metadata.get('weights_sha256', UNKNOWN)}"),
    ]


def _describe_generic(info: ModelInfo) -> list[tuple[str, str]]:
    groups = (("input", info.inputs), ("output", info.outputs))
    return [
        *((label, f"{row['name']} {row['datatype']} {row['shape']}") for label, rows in groups for row in rows),
        ("task", "none in the metadata: served as a generic ONNX model"),
        ("opset", f"{info.opset}, {info.nodes} nodes"),
        ("producer", info.producer),
    ]


def _declared(tensors: list[Any]) -> str:
    """Return names and shapes of inputs or outputs of a session; dynamic sizes have their names."""
    return ", ".join(f"{tensor.name} ({', '.join(map(str, tensor.shape))})" for tensor in tensors)


def _parse(path: Path, content: bytes) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        proto = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise UsageError(f"{path} ({len(content)} bytes) is not ONNX, or ends too early") from error
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in proto.graph.initializer):
        raise UsageError(f"{path} keeps its weights in another file; the model must be one file")
    return proto
