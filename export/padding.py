"""Zero padding before a maximum, kept as it is: YOLOv3-tiny pads with zeros what it then pools.

onnxruntime 1.31.1 moves such padding into the MaxPool, whose own padding is minus infinity: where all values at an
edge are negative the maximum is then another one, and boxes were measured to be off by 35 pixels. It leaves alone a
pool that states `auto_pad`, and VALID says the same as no padding.

Source: onnxruntime's pad fusion (its pull request 18136).
"""

from typing import Any


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
