"""Size of the model input that a request or a setting asks for. Loaded for these only."""

import math

from function import model
from function.arrays import Floats
from function.errors import InvalidOption, one_line
from function.model import Model


def resize(served: Model, sides_hw: tuple[int, int], max_pixels: int, name: str = "imgsz") -> Model:
    """Return the model with another size of its input: `metadata.imgsz_hw` has it.

    Args:
        served: the model.
        sides_hw: (height, width), pixels; each is rounded up to a multiple of the stride.
        max_pixels: of the input; the size of the model itself is always allowed.
        name: of the option or the environment variable, for messages.

    Raises:
        InvalidOption: a static model has another size, or the input has too many pixels.

    Source: ultralytics 8.4.190 `check_imgsz`, utils/checks.py.
    """
    metadata = served.metadata
    rounded_hw = _rounded(sides_hw, metadata.stride)
    if metadata.imgsz_hw in (sides_hw, rounded_hw):
        return served
    if not metadata.rectangular:
        raise InvalidOption(
            f"{name} must be {_shown(metadata.imgsz_hw)}, the only size of this static model, got {_shown(sides_hw)}; "
            f"{_hint(served, rounded_hw)}"
        )
    if math.prod(rounded_hw) > max_pixels:
        largest = _largest(rounded_hw, metadata.stride, max_pixels)
        raise InvalidOption(
            f"{name} must have at most {max_pixels} pixels (MAX_IMGSZ_PIXELS), got {_shown(rounded_hw)}; "
            f"the largest that fits is {_shown(largest)}"
        )
    # Only the transforms of the YOLOv5 repository are without a fixed size: one crop, then a normalization.
    transforms = tuple(step._replace(size=rounded_hw) if step.size else step for step in metadata.transforms)
    return served._replace(metadata=metadata._replace(imgsz_hw=rounded_hw, transforms=transforms))


def _hint(served: Model, sides_hw: tuple[int, int]) -> str:
    """Return how to get a model with another size: classifiers and RT-DETR are exported with a fixed one."""
    if served.metadata.task == "classify" or served.layout.preprocessing == "stretch":
        height, width = sides_hw
        return f"`python -m export best.pt --imgsz {height} {width}` makes a model of that size"
    return "`python -m export best.pt`, without --static, makes a dynamic model, which takes every size"


def run(served: Model, tensor: Floats) -> list[Floats]:
    """Return the outputs for an input of a requested size, which the model may not accept.

    Raises:
        InvalidOption: it does not: an end-to-end model needs at least as many anchors as it returns detections.
    """
    try:
        return model.run(served, tensor)
    except Exception as error:  # the exceptions of onnxruntime share no narrower public base class
        height, width = tensor.shape[2:]
        raise InvalidOption(
            f"imgsz must be a size that the model accepts, got an input of {width} x {height}: {one_line(str(error))}"
        ) from error


def _rounded(sides_hw: tuple[int, int], stride: int) -> tuple[int, int]:
    height, width = (-(-side // stride) * stride for side in sides_hw)
    return height, width


def _largest(sides_hw: tuple[int, int], stride: int, max_pixels: int) -> tuple[int, int]:
    """Return the largest size with about the same proportions, in whole strides, at least one."""
    scale = math.sqrt(max_pixels / math.prod(sides_hw))
    height = max(int(sides_hw[0] * scale) // stride, 1) * stride
    width = max(int(sides_hw[1] * scale) // stride, 1) * stride
    # A side of one stride may be longer than its share, so that the other one has to be shorter.
    return (
        max(min(height, max_pixels // width) // stride, 1) * stride,
        max(min(width, max_pixels // height) // stride, 1) * stride,
    )


def _shown(sides_hw: tuple[int, int]) -> str:
    height, width = sides_hw
    return str(height) if height == width else f"[{height}, {width}]"
