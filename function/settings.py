"""What the environment decides; every default exists here and nowhere else."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from function.errors import InvalidSetting

CONF = 0.25  # ultralytics 8.4.190 `predict`
IOU = 0.7  # ultralytics 8.4.190 cfg/default.yaml
MAX_DETECTIONS = 300  # ultralytics 8.4.190 cfg/default.yaml
MAX_IMAGE_PIXELS = 50_000_000  # px; a 48-megapixel phone fits, and takes 0.3 GB on its way as a JPEG
RESULT_PREFIX = "results/"  # of the objects that events about objects leave
MAX_IMAGES = 16  # in one request; the answers share one response of 6 MB
MAX_OBJECT_BYTES = 100 * 1024 * 1024  # of one picture from a bucket or a link
MAX_TENSOR_ELEMENTS = 2_000_000  # of a request's inputs and of its outputs; 640 x 640 x 3 fit, as do 6 MB of JSON
MB_PER_CPU = 1769  # MB; AWS Lambda developer guide, "Configure Lambda function memory"
SHA256_DIGITS = 64
LAYER_MODEL = "/opt/model.onnx"  # where `build_zip.sh --model-in-layer` lands
TASK_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TASK_MODEL = f"{TASK_ROOT}/model.onnx"  # beside the package, in the function's zip


class Settings(NamedTuple):
    """Settings of one execution environment."""

    model_path: str | None  # a file or s3://bucket/key; None: look in the function's zip, then in the layer
    model_sha256: str | None  # what the model has to have; None: whatever is there
    conf: float  # 0..1
    iou: float  # 0..1
    max_det: int
    max_image_pixels: int
    threads: int
    spinning: bool  # a thread that waits for the others keeps its CPU busy, and so starts sooner on its next part
    result_bucket: str | None  # None: the bucket of the picture
    result_prefix: str
    annotate: bool  # leave the picture with its boxes beside the result
    allowed_buckets: tuple[str, ...]  # that a caller may name
    allowed_url_hosts: tuple[str, ...]  # that a caller may name; "*" for every public one
    max_images: int
    max_object_bytes: int
    agnostic: bool  # NMS across classes
    metrics: bool  # one line of the log for each invocation
    fast_decode: bool  # let libjpeg scale large JPEGs down while it decodes them: faster, and not the same pixels
    snap_start: bool  # the init phase ends in a snapshot
    model_name: str | None  # what clients of a model that takes tensors call it; None: its file's name
    max_tensor_elements: int  # values, of a request's inputs together and of its outputs together

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings.

        Args:
            environ: the environment; `os.environ` in the function, a dict in tests.

        Raises:
            InvalidSetting: a variable is set to something that cannot be used; the message names it.
        """
        conf_name = "CONF_THRESHOLD" if environ.get("CONF_THRESHOLD") else "CONFIDENCE_THRESHOLD"
        return cls(
            model_path=environ.get("MODEL_PATH", "").strip() or None,
            model_sha256=_sha256(environ, "MODEL_SHA256"),
            conf=_fraction(environ, conf_name, CONF),
            iou=_fraction(environ, "IOU_THRESHOLD", IOU),
            max_det=_positive(environ, "MAX_DETECTIONS", MAX_DETECTIONS),
            max_image_pixels=_positive(environ, "MAX_IMAGE_PIXELS", MAX_IMAGE_PIXELS),
            threads=_threads(environ),
            spinning=_spinning(environ),
            result_bucket=environ.get("RESULT_BUCKET", "").strip() or None,
            result_prefix=_result_prefix(environ),
            annotate=_switch(environ, "ANNOTATE"),
            allowed_buckets=_names(environ, "ALLOWED_BUCKETS"),
            allowed_url_hosts=_names(environ, "ALLOWED_URL_HOSTS"),
            max_images=_positive(environ, "MAX_IMAGES", MAX_IMAGES),
            max_object_bytes=_positive(environ, "MAX_OBJECT_BYTES", MAX_OBJECT_BYTES),
            agnostic=_switch(environ, "AGNOSTIC_NMS"),
            metrics=_switch(environ, "METRICS", "1"),
            fast_decode=_switch(environ, "FAST_DECODE"),
            snap_start=environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start",
            model_name=_path_part(environ, "MODEL_NAME"),
            max_tensor_elements=_positive(environ, "MAX_TENSOR_ELEMENTS", MAX_TENSOR_ELEMENTS),
        )


def _fraction(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "").strip() or str(default)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InvalidSetting(f"{name} is {text!r}; wanted a number from 0 to 1")
    return value


def _positive(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise InvalidSetting(f"{name} is {text!r}; wanted a whole number above 0")
    return int(text)


def _sha256(environ: Mapping[str, str], name: str) -> str | None:
    text = environ.get(name, "").strip().lower()
    if text and not (len(text) == SHA256_DIGITS and set(text) <= set("0123456789abcdef")):
        raise InvalidSetting(f"{name} is {text!r}; wanted {SHA256_DIGITS} hexadecimal digits")
    return text or None


def _switch(environ: Mapping[str, str], name: str, default: str = "0") -> bool:
    text = environ.get(name, "").strip() or default
    if text not in ("0", "1"):
        raise InvalidSetting(f"{name} is {text!r}; wanted 0 or 1")
    return text == "1"


def _result_prefix(environ: Mapping[str, str]) -> str:
    """Where results go; refused where each would be taken for a new picture.

    `WATCHED_BUCKET` and `WATCHED_PREFIX` say what the trigger watches; they serve this check alone.
    """
    prefix = environ.get("RESULT_PREFIX", RESULT_PREFIX)
    bucket, watched = environ.get("RESULT_BUCKET", "").strip(), environ.get("WATCHED_BUCKET", "").strip()
    if bucket and bucket != watched:
        return prefix
    if not prefix:
        raise InvalidSetting("RESULT_PREFIX is '' and results go to the pictures' bucket; wanted a prefix of their own")
    watched_prefix = environ.get("WATCHED_PREFIX")
    if watched_prefix and prefix.startswith(watched_prefix):
        raise InvalidSetting(
            f"RESULT_PREFIX is {prefix!r}, which lies under WATCHED_PREFIX {watched_prefix!r}; "
            "wanted one outside it, since a result there is taken for a new picture"
        )
    if watched_prefix and watched_prefix.startswith(prefix):
        raise InvalidSetting(
            f"RESULT_PREFIX is {prefix!r}, under which WATCHED_PREFIX {watched_prefix!r} lies; "
            "wanted one outside it, since every picture there is taken for a result"
        )
    return prefix


def _names(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(one.strip().lower() for one in environ.get(name, "").split(",") if one.strip())


def _path_part(environ: Mapping[str, str], name: str) -> str | None:
    text = environ.get(name, "").strip()
    if "/" in text:
        raise InvalidSetting(f"{name} is {text!r}; wanted a name without a slash, because it is a part of a path")
    return text or None


def _threads(environ: Mapping[str, str]) -> int:
    """As many threads as the memory buys CPUs: more of them only wait for each other's share of the quota."""
    visible = _visible_cpus()
    return max(1, min(visible, round(_memory(environ, visible) / MB_PER_CPU)))


def _spinning(environ: Mapping[str, str]) -> bool:
    """Only where each thread has a whole CPU: what is spun away is otherwise missing from the quota.

    Measured on a yolov8n at 640 with two threads: a run takes 0.9 of the time on two CPUs, 1.1 to 1.3 on 1.5.
    """
    threads = _threads(environ)
    return threads > 1 and _memory(environ, _visible_cpus()) >= threads * MB_PER_CPU


def _memory(environ: Mapping[str, str], cpus: int) -> int:
    """MB; where nobody says, what these CPUs would come with."""
    return _positive(environ, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", cpus * MB_PER_CPU)


def _visible_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
