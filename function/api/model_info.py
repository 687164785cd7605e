"""Description of the model and of the versions of the libraries: the response of `GET /model`."""

import sys
from typing import Any

import numpy as np
import PIL

from function import VERSION, model
from function.metadata import RGB_CHANNELS
from function.service import Service

GENERIC = "tensors"  # task of a generic ONNX model


def describe(service: Service) -> dict[str, Any]:
    """Return the JSON object of the model.

    Returns:
        For a YOLO model `task`, `names` (by class id), `imgsz` ([height, width] in pixels), `channels` if they are not
        3 and, for pose, `kpt_shape`; for a generic ONNX model `task`, `name`, `version` if it has one, `inputs` and
        `outputs`. Then `sha256` of the file, `reader` (`model`, the file name, and `sha256`) if a pose model reads the
        detections, and `versions`.
    """
    reader = service.reader.describe() if service.reader else None
    return {
        **_model(service),
        "sha256": service.model_sha256,
        **({"reader": reader} if reader else {}),
        "versions": _versions(),
    }


def _model(service: Service) -> dict[str, Any]:
    if service.signature:
        from function.tensors import signature as signatures  # imported here: a YOLO model does not need it

        declared = signatures.metadata(service.signature)
        version = {"version": service.signature.version} if service.signature.version else {}
        tensors = {"inputs": declared["inputs"], "outputs": declared["outputs"]}
        return {"task": GENERIC, "name": service.signature.name, **version, **tensors}
    metadata = service.require_image_model().metadata
    return {
        "task": metadata.task,
        "names": [metadata.names[class_id] for class_id in sorted(metadata.names)],
        "imgsz": list(metadata.imgsz_hw),
        **({"channels": metadata.channels} if metadata.channels != RGB_CHANNELS else {}),
        **({"kpt_shape": list(metadata.kpt_shape)} if metadata.kpt_shape else {}),
    }


def _versions() -> dict[str, str]:
    return {
        "function": VERSION,
        "python": ".".join(map(str, sys.version_info[:3])),
        "onnxruntime": model.ONNXRUNTIME_VERSION,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
    }
