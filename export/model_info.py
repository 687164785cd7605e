"""What the function itself says to an ONNX file: does it load it, can it decode it, what are its facts."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.errors import UsageError

if TYPE_CHECKING:
    from function.tensors.model import TensorModel


def describe(path: Path, content: bytes) -> list[tuple[str, str]]:
    """Loads the file as the function does, and runs it once.

    Args:
        path: how the user knows it.
        content: its bytes.

    Returns:
        Names and values for the user.

    Raises:
        UsageError: not ONNX, or not a model that the function serves.
    """
    import onnx

    from function import model as function_model
    from function.errors import UnusableModel

    proto = _parsed(path, content)
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        copy = Path(folder, path.name)
        copy.write_bytes(content)
        try:
            loaded = function_model.load(copy, threads=1)
        except UnusableModel as error:
            raise UsageError(str(error).replace(str(copy), str(path))) from error
    if not isinstance(loaded, function_model.Model):
        return _of_tensors(loaded, proto, content)
    said = {prop.key: prop.value for prop in proto.metadata_props}
    start, ends = loaded.session.get_inputs()[0], loaded.session.get_outputs()
    height, width = loaded.metadata.imgsz_hw
    return [
        ("input", f"{start.name} {_dims(start.shape)}"),
        ("output", ", ".join(f"{end.name} {_dims(end.shape)}" for end in ends)),
        ("task", f"{loaded.metadata.task}, end2end {said.get('end2end', 'not said')}, read as {loaded.layout.shape}"),
        ("imgsz", f"{height} x {width} (height x width), stride {loaded.metadata.stride}"),
        ("classes", _names(list(loaded.metadata.names.values()))),
        ("opset", f"{max(one.version for one in proto.opset_import)}, {len(proto.graph.node)} nodes"),
        ("made by", f"ultralytics {said.get('version', 'not said')}, checked with onnx {onnx.__version__}"),
        *([("stored", "quantized to 8 bits")] if "quantization" in said else []),
        *([("stored", said["weights"])] if "weights" in said else []),
        ("weights", f"sha256 {said.get('weights_sha256', 'not said')}"),
        ("file", f"{len(content):,} bytes, sha256 {loaded.metadata.sha256}"),
    ]


def _of_tensors(loaded: "TensorModel", proto: Any, content: bytes) -> list[tuple[str, str]]:
    """The facts of a model without YOLO metadata, which the function serves all the same."""
    rows = [("input", loaded.signature.inputs), ("output", loaded.signature.outputs)]
    return [
        *((what, f"{one.name} {one.datatype.name} {list(one.shape)}") for what, them in rows for one in them),
        ("task", "none in the metadata: served as tensors"),
        ("opset", f"{max(one.version for one in proto.opset_import)}, {len(proto.graph.node)} nodes"),
        ("made by", f"{proto.producer_name or 'not said'} {proto.producer_version}".rstrip()),
        ("file", f"{len(content):,} bytes, sha256 {loaded.sha256}"),
    ]


def check_onnx(content: bytes) -> str:
    """What the ONNX standard's own checker says against it; "" if nothing.

    onnxruntime is less strict: it loads, for instance, Ultralytics' half precision files, whose nodes are out of order.
    """
    import onnx

    try:
        onnx.checker.check_model(onnx.load_model_from_string(content), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        return " ".join(str(error).split())
    return ""


def _parsed(path: Path, content: bytes) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        proto = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise UsageError(f"{path} ({len(content)} bytes) is not ONNX, or ends too early") from error
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in proto.graph.initializer):
        raise UsageError(f"{path} keeps its weights in another file; wanted one file that holds all")
    return proto


def _dims(dims: list[int | str]) -> str:
    return f"({', '.join(str(dim) for dim in dims)})"


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{len(names)}: {shown}{', ...' if len(names) > 8 else ''}"
