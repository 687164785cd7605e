"""Changes to the exported ONNX graph: reproducible metadata, no traces of the machine, zero padding that stays zero.

Ultralytics writes description, author, date, version, license, docs, stride, task, head, batch, imgsz, names, args,
channels and end2end. All stay. `date` becomes the day the weights were saved, paths lose their folders, and these are
added:

    weights_sha256      of the .pt
    torch_version, onnx_version, onnxslim_version, ultralytics_version    the tools that made the file
    transforms      of a classifier, if they are not the default (transforms.py)
    quantization    of --int8: the settings, and the number of images (compress/int8.py)
    weights         of --half-weights: how they are stored (compress/float16.py)
"""

import ast
import re
from importlib.metadata import version
from pathlib import PurePath, PureWindowsPath
from typing import Any

from export.checkpoint import Checkpoint

TOOLS = ("ultralytics", "torch", "onnx", "onnxslim")


def write_metadata(model: Any, checkpoint: Checkpoint, added: dict[str, str]) -> None:
    """Rewrite the metadata of an onnx.ModelProto in place.

    Args:
        model: as ultralytics exported it.
        checkpoint: the weights that it was exported from.
        added: more entries.
    """
    metadata = {prop.key: prop.value for prop in model.metadata_props}
    metadata["description"] = _without_folders(metadata["description"])
    metadata["args"] = str({key: _base_name(value) for key, value in ast.literal_eval(metadata["args"]).items()})
    metadata.pop("date", None)
    if checkpoint.date:
        metadata["date"] = checkpoint.date
    metadata["weights_sha256"] = checkpoint.sha256
    # Without the build suffix (2.13.0+cpu): the same release from another index makes the same file.
    metadata.update({f"{name}_version": version(name).split("+")[0] for name in TOOLS})
    metadata.update(added)
    del model.metadata_props[:]
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)


def _without_folders(description: str) -> str:
    """Shorten `Ultralytics YOLOv8n model trained on /home/me/data.yaml` to `... trained on data.yaml`."""
    return re.sub(r"(?<=trained on ).*", lambda data: str(_base_name(data[0])), description, flags=re.DOTALL)


def _base_name(value: Any) -> Any:
    if not isinstance(value, str) or not re.search(r"[/\\]", value):
        return value
    return PureWindowsPath(value).name if "\\" in value else PurePath(value).name


def clear_trace(model: Any) -> None:
    """Remove the folders of the exporting machine and the shapes of inner tensors from an onnx.ModelProto, in place.

    onnxslim 0.1.98 notes those shapes once per pass (12 times over for a yolov8n: 0.5 MB), as formulas that come out
    in another form in each process. A runtime infers shapes from the operators.
    """
    model.doc_string = ""
    graph = model.graph
    del graph.value_info[:]
    for part in [graph, *graph.node, *graph.input, *graph.output, *graph.initializer]:
        part.ClearField("doc_string")
        part.ClearField("metadata_props")


def keep_zero_padding(model: Any) -> None:
    """Set `auto_pad` of each MaxPool without padding that follows a Pad in an onnx.ModelProto, in place.

    YOLOv3-tiny pads with zeros before a maximum. onnxruntime 1.31.1 moves such padding into the MaxPool, whose own
    padding is minus infinity: where all values at an edge are negative the maximum is then another one, and boxes were
    measured to be off by 35 pixels. It does not change a pool that states `auto_pad`, and VALID means no padding.

    Source: onnxruntime's pad fusion (its pull request 18136).
    """
    from onnx import helper

    padded = {node.output[0] for node in model.graph.node if node.op_type == "Pad"}
    for node in model.graph.node:
        pads = next((attribute for attribute in node.attribute if attribute.name == "pads"), None)
        if node.op_type == "MaxPool" and node.input[0] in padded and not (pads and any(pads.ints)):
            if pads:
                node.attribute.remove(pads)
            node.attribute.append(helper.make_attribute("auto_pad", "VALID"))
