"""Ultralytics metadata in an ONNX file; each value is stored as `str(value)`.

This module reads from an onnxruntime session. It opens no file and handles no array.
"""

import ast
import itertools
from typing import Any, NamedTuple

from function.errors import UnusableModel, kind

DENSE_TASKS = ("semantic", "depth")  # their result is a map with a value for each pixel
TASKS = ("detect", "segment", "pose", "obb", "classify", *DENSE_TASKS)
DEFAULT_IMGSZ = (640, 640)  # px; for a dynamic model without imgsz: the YOLOv5 repository writes only stride and names
YOLOV5_CLASSIFY_IMGSZ = (224, 224)  # px; the YOLOv5 repository, release 7.0, classify/predict.py
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB, of values 0..1
MAX_SIDE = 8192  # px; one run with a larger input needs tens of gigabytes
MAX_MEAN, MIN_STD = 1e6, 1e-6  # of a normalization; beyond them the input is no longer finite in float32
GRAY_CHANNELS, RGB_CHANNELS = 1, 3  # of a model that takes images of any format
MAX_CHANNELS = 1_000  # of the images; hyperspectral cameras have a few hundred bands
MAX_KEYPOINTS = 10_000  # of one object; the largest models have a few hundred
MAX_STRIDE = 256  # px; the models with the most levels have 128, and the first run takes two strides
MAX_STEPS = 20  # of the transforms of a classifier; torchvision has four
MAX_CLASSES = 100_000  # ImageNet-21K has 21,843
MAX_CLASS_NAME = 200  # characters; every detection of a response repeats its name
MAX_TEXT = 10_000  # characters of an entry; it is checked before the entry is parsed, which needs far more memory
MAX_LONG_TEXT = {"names": 2_000_000, "transforms": 100_000}  # characters; the names of ImageNet-21K have about 900,000
MAX_DESCRIPTION = 1000  # characters; the log of each start has it
MAX_NUMBER = 10**18  # that is the name of a class
SHOWN = 200  # characters of an entry in an error message
MIN_STRIDE = 32  # px; the least to which ultralytics 8.4.190 pads an image for a .pt, nn/backends/pytorch.py

FLOAT16 = "tensor(float16)"
INPUT_TYPES = ("tensor(float)", FLOAT16)
YOLO_KEYS = ("task", "names", "stride")  # every export of ultralytics and of the YOLOv5 repository has at least two


RESIZE, CENTER_CROP, SQUARE_CROP, NORMALIZE = "resize", "center_crop", "square_crop", "normalize"
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos")


class Transform(NamedTuple):
    """One step from an image to the input of a classifier."""

    name: str  # RESIZE, CENTER_CROP, SQUARE_CROP (the largest square, scaled) or NORMALIZE
    size: tuple[int, ...] = ()  # (height, width) in pixels; of RESIZE also (shorter side,)
    interpolation: str = "bilinear"  # of RESIZE
    mean: tuple[float, ...] = ()  # of NORMALIZE, for each channel, in units of 0..1
    std: tuple[float, ...] = ()


class ModelMetadata(NamedTuple):
    """Properties of a YOLO model, as its file states them."""

    task: str  # "" until the outputs decide, if the file does not state it
    names: dict[int, str]
    imgsz_hw: tuple[int, int]  # pixels
    stride: int  # pixels
    rectangular: bool  # any multiple of the stride is a valid side
    sha256: str
    end2end: bool = False  # the output needs no NMS
    kpt_shape: tuple[int, int] | None = None  # pose only: number of keypoints, 2 or 3 numbers for each
    batch: int = 1  # images of one run, exactly
    head: str = ""  # class name of the last module; "" if the file does not state it
    description: str = ""
    float16: bool = False  # type of the input; else float32
    has_nms: bool = False  # exported with nms=True
    nms_conf: float | None = None  # confidence threshold of that NMS; None: no NMS, or not known
    transforms: tuple[Transform, ...] = ()  # classify only; empty: the default of Ultralytics
    channels: int = RGB_CHANNELS  # of the input: 1 is gray, 3 is RGB, others are the bands of a TIFF
    head_maps: bool = False  # the outputs are those of the last convolutions, postprocess/head_maps.py


def has_yolo_metadata(session: Any) -> bool:
    """Return whether the metadata has any YOLO key, so that an incomplete model gets an error that names the rest."""
    return any(key in session.get_modelmeta().custom_metadata_map for key in YOLO_KEYS)


def read(path: str, session: Any, sha256: str) -> ModelMetadata:
    """Return the metadata of a session's model.

    Args:
        path: origin of the model, for messages.
        session: an onnxruntime session.
        sha256: checksum of the file.

    Raises:
        UnusableModel: an entry is missing, is invalid, or describes a model that is not supported.
    """
    entries: dict[str, str] = session.get_modelmeta().custom_metadata_map
    missing = [key for key in ("names", "stride") if key not in entries]
    if missing:
        # Only weights of ultralytics can be exported again, and its exports state their task.
        hint = "; `python -m export best.pt` writes them" if "task" in entries else ""
        raise UnusableModel(f"{path} has no {', '.join(missing)} in its metadata{hint}")
    task = entries.get("task")  # the YOLOv5 repository does not write it
    if task is not None and task not in TASKS:
        raise UnusableModel(f"{path}: task must be one of {', '.join(TASKS)}, got {_shown(task)}")
    channels = _channels(path, entries)
    fixed_hw = _fixed_sides(path, session.get_inputs(), channels)
    stride = max(_stride(path, entries), MIN_STRIDE)
    imgsz_hw = fixed_hw or _imgsz(path, entries)
    if not fixed_hw and task != "classify":  # predict increases a side that is not a multiple of the stride
        imgsz_hw = (-(-imgsz_hw[0] // stride) * stride, -(-imgsz_hw[1] // stride) * stride)
    image = session.get_inputs()[0]
    batch = image.shape[0]
    return ModelMetadata(
        task=task or "",
        names=_names(path, entries),
        imgsz_hw=imgsz_hw,
        stride=stride,
        rectangular=fixed_hw is None,
        sha256=sha256,
        end2end=entries.get("end2end") == "True" or _has_embedded_nms(path, entries),
        kpt_shape=_kpt_shape(path, entries) if task == "pose" else None,
        batch=batch if isinstance(batch, int) else 1,
        head=entries.get("head", "")[:MAX_CLASS_NAME],
        description=entries.get("description", "")[:MAX_DESCRIPTION],
        float16=image.type == FLOAT16,
        channels=channels,
        has_nms=_has_embedded_nms(path, entries),
        head_maps=entries.get("head_maps") == "True",
        transforms=_transforms(path, entries, fixed_hw) if task == "classify" and "transforms" in entries else (),
    )


def as_yolov5_classifier(metadata: ModelMetadata) -> ModelMetadata:
    """Return the metadata with the input size and the preprocessing that the YOLOv5 repository does not write.

    Source: the YOLOv5 repository, release 7.0, `classify_transforms`, utils/augmentations.py.
    """
    imgsz_hw = YOLOV5_CLASSIFY_IMGSZ if metadata.rectangular else metadata.imgsz_hw
    steps = (Transform(SQUARE_CROP, imgsz_hw), Transform(NORMALIZE, mean=IMAGENET_MEAN, std=IMAGENET_STD))
    return metadata._replace(imgsz_hw=imgsz_hw, transforms=steps)


def literal(path: str, entries: dict[str, str], key: str) -> Any:
    """Return the value of an entry.

    Args:
        path: origin of the model, for messages.
        entries: the metadata of its file.
        key: of the entry.

    Raises:
        UnusableModel: the text is too long, or is not a Python literal.
    """
    text, limit = entries[key], MAX_LONG_TEXT.get(key, MAX_TEXT)
    if len(text) > limit:
        raise UnusableModel(f"{path}: {key} must have at most {limit} characters, got {len(text)}")
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:  # TypeError: {[]: 1}
        raise UnusableModel(f"{path}: {key} must be a Python literal, got {_shown(text)}") from error


def _names(path: str, entries: dict[str, str]) -> dict[int, str]:
    value = literal(path, entries, "names")
    names = dict(enumerate(value)) if isinstance(value, list) else value
    if not (isinstance(names, dict) and names and len(names) <= MAX_CLASSES and _is_numbered(names)):
        raise UnusableModel(
            f"{path}: names must be a name for every class id from 0, at most {MAX_CLASSES}, "
            f"got {_shown(entries['names'])}"
        )
    return {int(class_id): _class_name(path, class_id, name) for class_id, name in names.items()}


def _is_numbered(names: dict[Any, Any]) -> bool:
    """Return whether the keys are the numbers from 0, as int or as text."""
    try:
        return {str(class_id) for class_id in names} == {str(number) for number in range(len(names))}
    except ValueError:  # a number of thousands of digits
        return False


def _class_name(path: str, class_id: object, name: Any) -> str:
    """Return the name of a class; a number or a truth value, which YAML makes of names such as 7 and no, as text."""
    if isinstance(name, str) and len(name) <= MAX_CLASS_NAME and _is_unicode(name):
        return name
    if isinstance(name, bool | float | None) or (isinstance(name, int) and abs(name) < MAX_NUMBER):
        return str(name)
    got = kind(name)
    if isinstance(name, str):
        got = f"{len(name)} characters" if len(name) > MAX_CLASS_NAME else "half of a surrogate pair"
    raise UnusableModel(
        f"{path}: a name in names must be text of at most {MAX_CLASS_NAME} characters in UTF-8, got {got} "
        f"for class {class_id}"
    )


def _is_unicode(text: str) -> bool:
    """Return whether a text has a UTF-8 form: a Python literal can spell half of a surrogate pair, which has none."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _has_embedded_nms(path: str, entries: dict[str, str]) -> bool:
    """Return whether the model was exported with nms=True."""
    arguments = literal(path, entries, "args") if "args" in entries else {}
    return isinstance(arguments, dict) and arguments.get("nms") is True


def _kpt_shape(path: str, entries: dict[str, str]) -> tuple[int, int]:
    value = literal(path, entries, "kpt_shape") if "kpt_shape" in entries else None
    if isinstance(value, list | tuple) and len(value) == 2:
        count, numbers = value
        if _is_whole(count) and 0 < count <= MAX_KEYPOINTS and numbers in (2, 3):
            return int(count), int(numbers)
    raise UnusableModel(f"{path}: kpt_shape must be [keypoints, 2 or 3], got {_shown(entries.get('kpt_shape'))}")


def _transforms(path: str, entries: dict[str, str], fixed_hw: tuple[int, int] | None) -> tuple[Transform, ...]:
    """Return the transforms of a checkpoint: steps that change the size, then at most one normalization."""
    value = literal(path, entries, "transforms")
    try:
        steps = [Transform(**{**step, "size": tuple(step.get("size", ()))}) for step in value]
        spatial = steps[:-1] if steps[-1].name == NORMALIZE else steps
        is_valid = all(map(_is_spatial, spatial)) and (spatial == steps or _is_normalization(steps[-1]))
        # A resize of the shorter side leaves the other open, so that a crop must follow.
        is_cut = all(len(one.size) == 2 or two.name == CENTER_CROP for one, two in itertools.pairwise(spatial))
        if len(steps) <= MAX_STEPS and is_valid and is_cut and tuple(spatial[-1].size) == fixed_hw:
            return tuple(steps)
    except (TypeError, AttributeError, IndexError, OverflowError):  # not a list of steps
        pass
    raise UnusableModel(
        f"{path}: transforms must be steps of preprocessing that end in the size of the input, "
        f"got {_shown(entries['transforms'])}"
    )


def _is_spatial(step: Transform) -> bool:
    if step.name not in (RESIZE, CENTER_CROP, SQUARE_CROP) or step.interpolation not in INTERPOLATIONS:
        return False
    sizes = (1, 2) if step.name == RESIZE else (2,)
    return len(step.size) in sizes and all(isinstance(side, int) and 0 < side <= MAX_SIDE for side in step.size)


def _is_normalization(step: Transform) -> bool:
    is_number = all(isinstance(value, int | float) and abs(value) <= MAX_MEAN for value in (*step.mean, *step.std))
    return len(step.mean) == len(step.std) == 3 and is_number and all(abs(value) >= MIN_STD for value in step.std)


def _imgsz(path: str, entries: dict[str, str]) -> tuple[int, int]:
    if "imgsz" not in entries:
        return DEFAULT_IMGSZ
    value = literal(path, entries, "imgsz")
    sides = value if isinstance(value, list | tuple) else [value, value]
    if len(sides) == 2 and all(_is_whole(side) and 0 < side <= MAX_SIDE for side in sides):
        return int(sides[0]), int(sides[1])
    raise UnusableModel(
        f"{path}: imgsz must be [height, width] in pixels, each at most {MAX_SIDE}, got {_shown(entries['imgsz'])}"
    )


def _channels(path: str, entries: dict[str, str]) -> int:
    if "channels" not in entries:
        return RGB_CHANNELS
    value = literal(path, entries, "channels")
    if not _is_whole(value) or not 1 <= value <= MAX_CHANNELS:
        raise UnusableModel(
            f"{path}: channels must be a whole number from 1 to {MAX_CHANNELS}, got {_shown(entries['channels'])}"
        )
    return int(value)


def _stride(path: str, entries: dict[str, str]) -> int:
    value = literal(path, entries, "stride")
    if not _is_whole(value) or not 1 <= value <= MAX_STRIDE:
        raise UnusableModel(
            f"{path}: stride must be a whole number from 1 to {MAX_STRIDE}, got {_shown(entries['stride'])}"
        )
    return int(value)


def _is_whole(value: Any) -> bool:
    """Return whether a literal is a whole number, of either type of number."""
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def _fixed_sides(path: str, inputs: list[Any], channels: int) -> tuple[int, int] | None:
    """Return (height, width) of a static model, None for a dynamic one."""
    declared = ", ".join(f"{tensor.name} {tensor.type} {tensor.shape}" for tensor in inputs)
    shape = inputs[0].shape
    if len(inputs) != 1 or inputs[0].type not in INPUT_TYPES or len(shape) != 4 or shape[1] != channels:
        raise UnusableModel(
            f"{path}: the input must be one float32 or float16 tensor (batch, {channels}, height, width), "
            f"got {declared}"
        )
    fixed = [side for side in shape[2:] if isinstance(side, int)]
    if len(fixed) == 1:
        raise UnusableModel(f"{path}: height and width must be both fixed or both dynamic, got {declared}")
    return (fixed[0], fixed[1]) if fixed else None


def _shown(text: str | None) -> str:
    """Return an entry in quotation marks, cut, for error messages."""
    return repr(text) if text is None or len(text) <= SHOWN else f"{text[:SHOWN]!r}…"
