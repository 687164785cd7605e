"""What the ONNX file says of itself: what Ultralytics writes, minus what differs from run to run, plus its origin.

Ultralytics writes description, author, date, version, license, docs, stride, task, head, batch, imgsz, names, args,
channels and end2end. All stay. `date` becomes the day the weights were saved, paths lose their folders, and these come
on top:

    weights_sha256      of the .pt
    torch_version, onnx_version, onnxslim_version, ultralytics_version    what made the file
    quantization    of --int8: how, and on how many pictures (quantize.py)
    weights         of --half-weights: how they are stored (halve.py)
"""

import ast
import re
from importlib.metadata import version
from pathlib import PurePath, PureWindowsPath
from typing import Any

from export.checkpoint import Checkpoint

MAKERS = ("ultralytics", "torch", "onnx", "onnxslim")


def finish(model: Any, checkpoint: Checkpoint) -> None:
    """Rewrites the metadata of an onnx.ModelProto in place, and clears notes of where and how it was traced.

    Args:
        model: as ultralytics exported it.
        checkpoint: what it was exported from.
    """
    found = {prop.key: prop.value for prop in model.metadata_props}
    found["description"] = _without_folders(found["description"])
    found["args"] = str({key: _base(value) for key, value in ast.literal_eval(found["args"]).items()})
    found.pop("date", None)
    if checkpoint.date:
        found["date"] = checkpoint.date
    found["weights_sha256"] = checkpoint.sha256
    # Without the build suffix (2.13.0+cpu): the same release from another index makes the same file.
    found.update({f"{name}_version": version(name).split("+")[0] for name in MAKERS})
    del model.metadata_props[:]
    for key, value in found.items():
        model.metadata_props.add(key=key, value=value)
    _forget_the_trace(model)


def _without_folders(description: str) -> str:
    """`Ultralytics YOLOv8n model trained on /home/me/data.yaml` -> `... trained on data.yaml`."""
    return re.sub(r"(?<=trained on ).*", lambda data: str(_base(data[0])), description, flags=re.DOTALL)


def _base(value: Any) -> Any:
    if not isinstance(value, str) or not re.search(r"[/\\]", value):
        return value
    return PureWindowsPath(value).name if "\\" in value else PurePath(value).name


def _forget_the_trace(model: Any) -> None:
    """Clears what names folders of the machine that exported, and the shapes noted at inner edges.

    onnxslim 0.1.98 notes those shapes once per pass (12 times over for a yolov8n: 0.5 MB), as formulas that come out
    in another form in each process. A runtime infers shapes from the operators.
    """
    model.doc_string = ""
    graph = model.graph
    del graph.value_info[:]
    for part in [graph, *graph.node, *graph.input, *graph.output, *graph.initializer]:
        part.ClearField("doc_string")
        part.ClearField("metadata_props")


def keep_zeros(model: Any) -> None:
    """Changes an onnx.ModelProto in place, where a MaxPool without padding follows a Pad; elsewhere nothing."""
    from onnx import helper

    padded = {node.output[0] for node in model.graph.node if node.op_type == "Pad"}
    for node in model.graph.node:
        pads = next((one for one in node.attribute if one.name == "pads"), None)
        if node.op_type == "MaxPool" and node.input[0] in padded and not (pads and any(pads.ints)):
            if pads:
                node.attribute.remove(pads)
            node.attribute.append(helper.make_attribute("auto_pad", "VALID"))
