"""Settings of the function, read from environment variables. This module owns every default."""

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from function.errors import InvalidOption, InvalidSetting
from function.metadata import MAX_SIDE
from function.request import MERGES, TILE_OVERLAPS, TILE_SIZES

if TYPE_CHECKING:
    from function.reading_settings import ReadingSettings

CONF = 0.25  # ultralytics 8.4.190 `predict`
IOU = 0.7  # ultralytics 8.4.190 cfg/default.yaml
MAX_DETECTIONS = 300  # ultralytics 8.4.190 cfg/default.yaml
MAX_IMAGE_PIXELS = 50_000_000  # a JPEG of a 48-megapixel phone is below it and needs 0.3 GB of memory
RESULT_PREFIX = "results/"  # key prefix of the results of event sources
UPLOAD_PREFIX = "uploads/"  # key prefix of the images that clients upload
MAX_IMAGES = 16  # in one request; all results share one response of 6 MB
MAX_OBJECT_BYTES = 100 * 1024 * 1024  # of one image from S3 or from a URL
READ_MAX_CROPS = 8  # detections of an image that a second model reads, each at a price
READ_VARIABLES = (
    "READ_MODEL_ID", "READ_MODEL_PATH", "READ_MODEL_SHA256", "READ_CLASSES", "READ_PROMPT", "READ_SCALE",
    "READ_MAX_CROPS",
)  # fmt: skip
TILE_OVERLAP = 0.2  # sahi 0.12.8 `get_sliced_prediction`, predict.py
MAX_TENSOR_ELEMENTS = 2_000_000  # in all inputs, and in all outputs; 640 x 640 x 3 and 6 MB of JSON are below it
# A run takes 43 to 70 bytes for each pixel of the input with yolov8n, and up to 161 with yolov8m; beside it, yolov8m
# needs 385 MB.
IMGSZ_RESERVE_MB = 512
IMGSZ_PIXELS_PER_MB = 4096  # 256 bytes for each pixel
MIN_IMGSZ_PIXELS = 640 * 640
MEMORY_SIZE = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
MB_PER_CPU = 1769  # AWS Lambda developer guide, "Configure Lambda function memory"
SHA256_DIGITS = 64
ORIGIN = r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._*-]+|\[[0-9a-f:.]+\])(?::(?:[0-9]{1,5}|\*))?"  # in lower case
LAYER_MODEL = "/opt/model.onnx"  # written by `build_zip.sh --model-in-layer`
LAYER_READER = "/opt/reader.onnx"  # written by `build_zip.sh --read-model FILE --model-in-layer`
TASK_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TASK_MODEL = f"{TASK_ROOT}/model.onnx"  # in function.zip, next to this package
TASK_READER = f"{TASK_ROOT}/reader.onnx"  # there too


class Settings(NamedTuple):
    """Settings of one execution environment."""

    model_path: str | None  # file or s3://bucket/key; None: TASK_MODEL, then LAYER_MODEL
    model_sha256: str | None  # expected checksum of the model; None: not checked
    conf: float  # 0..1, of every class that `class_conf` does not name
    iou: float  # 0..1
    max_det: int
    max_image_pixels: int
    threads: int
    spinning: bool  # waiting threads keep their CPU busy, so that they start sooner on their next part
    result_bucket: str | None  # None: the bucket of the image
    result_prefix: str
    annotate: bool  # also write the image with its detections drawn
    allowed_buckets: tuple[str, ...]  # buckets that a request may name
    allowed_url_hosts: tuple[str, ...]  # hosts that a request may name; "*": every public host
    max_images: int
    max_object_bytes: int
    agnostic: bool  # NMS across classes
    metrics: bool  # write one line of metrics per invocation to the log
    class_metrics: bool  # with a metric for each class
    fast_decode: bool  # libjpeg decodes large JPEGs at a reduced size: faster, but other pixel values
    snap_start: bool  # SnapStart takes a snapshot at the end of the init phase
    model_name: str | None  # name of a generic ONNX model in requests; None: its file name
    max_tensor_elements: int  # values in all inputs of a request together, and in all outputs together
    cors_origins: tuple[str, ...]  # behind a front end without CORS of its own; in lower case
    memory_mb: int | None  # of the function; None outside of Lambda
    page: bool  # GET of the root responds with a page for the browser
    api_key_sha256: tuple[str, ...]  # digests of the keys of HTTP requests; (): no key is needed
    reading: "ReadingSettings | None"  # None: detections are not read
    upload_bucket: str | None  # of images above the payload limit; None: no uploads
    class_conf: dict[str, float]  # 0..1, of classes by name or id
    imgsz: tuple[int, int] | None  # (height, width) of the model input, pixels; None: that of the model
    max_imgsz_pixels: int
    tile: int | None  # size of a tile, pixels; None: images are not cut into tiles
    tile_overlap: float  # of neighboring tiles, as a share of the size
    tile_merge: str | None  # "greedy_nmm" or "nms"; None: by the confidence threshold

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings of an environment.

        Args:
            environ: environment variables: `os.environ` in the function, a dict in tests.

        Raises:
            InvalidSetting: a variable has an invalid value; the message names the variable.
        """
        conf, class_conf = _thresholds(environ)
        return cls(
            model_path=environ.get("MODEL_PATH", "").strip() or None,
            model_sha256=_sha256(environ, "MODEL_SHA256"),
            conf=conf,
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
            metrics=_metrics(environ) != "0",
            class_metrics=_metrics(environ) == "classes",
            fast_decode=_switch(environ, "FAST_DECODE"),
            snap_start=environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start",
            model_name=_path_part(environ, "MODEL_NAME"),
            max_tensor_elements=_positive(environ, "MAX_TENSOR_ELEMENTS", MAX_TENSOR_ELEMENTS),
            cors_origins=_origins(environ, "CORS_ORIGINS"),
            memory_mb=_positive(environ, MEMORY_SIZE, 1) if environ.get(MEMORY_SIZE, "").strip() else None,
            page=_switch(environ, "PAGE", "1"),
            api_key_sha256=_digests(environ, "API_KEY_SHA256"),
            reading=_reading(environ),
            upload_bucket=_upload_bucket(environ),
            class_conf=class_conf,
            imgsz=_imgsz(environ),
            max_imgsz_pixels=_positive(environ, "MAX_IMGSZ_PIXELS", _imgsz_pixels(environ)),
            tile=_tile(environ),
            tile_overlap=_tile_overlap(environ),
            tile_merge=_tile_merge(environ),
        )


def _fraction(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "").strip() or str(default)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InvalidSetting(f"{name} must be a number between 0 and 1, got {text!r}")
    return value


def _thresholds(environ: Mapping[str, str]) -> tuple[float, dict[str, float]]:
    """Return the confidence threshold, and those of classes."""
    name = "CONF_THRESHOLD" if environ.get("CONF_THRESHOLD") else "CONFIDENCE_THRESHOLD"
    text = environ.get(name, "")
    if not any(mark in text for mark in ",:{"):
        return _fraction(environ, name, CONF), {}
    from function import option_values  # imported here: few functions have thresholds of classes

    try:
        values = option_values.thresholds(name, text)
    except InvalidOption as error:
        raise InvalidSetting(str(error)) from error
    return values.pop(option_values.OTHERS, CONF), values


def _imgsz(environ: Mapping[str, str]) -> tuple[int, int] | None:
    text = environ.get("IMGSZ", "").strip()
    if not text:
        return None
    from function import option_values  # imported here: few functions set it

    try:
        return option_values.sides("IMGSZ", text, MAX_SIDE)
    except InvalidOption as error:
        raise InvalidSetting(str(error)) from error


def _imgsz_pixels(environ: Mapping[str, str]) -> int:
    """Return the most pixels of a model input for which the memory of the function is enough with most models."""
    if not environ.get(MEMORY_SIZE, "").strip():
        return MAX_SIDE**2
    rest_mb = _positive(environ, MEMORY_SIZE, 1) - IMGSZ_RESERVE_MB
    return min(max(rest_mb * IMGSZ_PIXELS_PER_MB, MIN_IMGSZ_PIXELS), MAX_SIDE**2)


def _tile(environ: Mapping[str, str]) -> int | None:
    text, (least, most) = environ.get("TILE", "").strip(), TILE_SIZES
    if text and not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise InvalidSetting(f"TILE must be an integer between {least} and {most}, got {text!r}")
    return int(text) if text else None


def _tile_overlap(environ: Mapping[str, str]) -> float:
    value, (least, most) = _fraction(environ, "TILE_OVERLAP", TILE_OVERLAP), TILE_OVERLAPS
    if not least <= value <= most:
        raise InvalidSetting(f"TILE_OVERLAP must be between {least} and {most}, got {value:g}")
    return value


def _tile_merge(environ: Mapping[str, str]) -> str | None:
    text = environ.get("TILE_MERGE", "").strip()
    if text and text not in MERGES:
        raise InvalidSetting(f"TILE_MERGE must be {' or '.join(MERGES)}, got {text!r}")
    return text or None


def _positive(environ: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
    text = environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        bound = "greater than 0" if least else "of at least 0"
        raise InvalidSetting(f"{name} must be an integer {bound}, got {text!r}")
    return int(text)


def _sha256(environ: Mapping[str, str], name: str) -> str | None:
    text = environ.get(name, "").strip().lower()
    if text and not _is_sha256(text):
        raise InvalidSetting(f"{name} must be {SHA256_DIGITS} hexadecimal digits, got {text!r}")
    return text or None


def _digests(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Return the digests of a list; the message for another value does not repeat it, it may be a key."""
    digests = _names(environ, name)
    wrong = next((digest for digest in digests if not _is_sha256(digest)), None)
    if wrong is not None or (environ.get(name, "").strip() and not digests):
        got = "no digest" if wrong is None else f"an item of {len(wrong)} characters"
        raise InvalidSetting(
            f"{name} must be SHA-256 digests of {SHA256_DIGITS} hexadecimal digits with commas between them, got {got}"
        )
    return digests


def _reading(environ: Mapping[str, str]) -> "ReadingSettings | None":
    values = {name: environ.get(name, "").strip() for name in READ_VARIABLES}
    packed = next((path for path in (TASK_READER, LAYER_READER) if os.path.isfile(path)), None)
    if not (packed or any(values.values())):
        return None
    max_crops = _positive(environ, "READ_MAX_CROPS", READ_MAX_CROPS, least=0)
    if not max_crops:  # also a model in the zips reads nothing
        return None
    sha256 = _sha256(environ, "READ_MODEL_SHA256")
    from function import reading_settings  # imported here: few functions read detections

    return reading_settings.parse(values, max_crops, sha256, packed)


def _is_sha256(text: str) -> bool:
    return len(text) == SHA256_DIGITS and set(text) <= set("0123456789abcdef")


def _switch(environ: Mapping[str, str], name: str, default: str = "0") -> bool:
    text = environ.get(name, "").strip() or default
    if text not in ("0", "1"):
        raise InvalidSetting(f"{name} must be 0 or 1, got {text!r}")
    return text == "1"


def _metrics(environ: Mapping[str, str]) -> str:
    text = environ.get("METRICS", "").strip() or "1"
    if text not in ("0", "1", "classes"):
        raise InvalidSetting(f"METRICS must be 0, 1 or classes, got {text!r}")
    return text


def _result_prefix(environ: Mapping[str, str]) -> str:
    """Return the key prefix of results; refuse one whose results would trigger the function again.

    `WATCHED_BUCKET` and `WATCHED_PREFIX` are the bucket and the prefix of the trigger; only this check uses them.
    """
    prefix = environ.get("RESULT_PREFIX", RESULT_PREFIX)
    bucket, watched = environ.get("RESULT_BUCKET", "").strip(), environ.get("WATCHED_BUCKET", "").strip()
    if bucket and bucket != watched:
        return prefix
    if not prefix:
        raise InvalidSetting("RESULT_PREFIX must not be empty where results go to the bucket of the images, got ''")
    watched_prefix = environ.get("WATCHED_PREFIX")
    if watched_prefix and prefix.startswith(watched_prefix):
        raise InvalidSetting(
            f"RESULT_PREFIX must be outside WATCHED_PREFIX {watched_prefix!r}, got {prefix!r}: "
            "every result would be processed as a new image"
        )
    if watched_prefix and watched_prefix.startswith(prefix):
        raise InvalidSetting(
            f"RESULT_PREFIX must not contain WATCHED_PREFIX {watched_prefix!r}, got {prefix!r}: "
            "every image would be taken for a result"
        )
    return prefix


def _upload_bucket(environ: Mapping[str, str]) -> str | None:
    """Return the bucket of uploads; refuse one in which every upload would be an event about a new image."""
    bucket = environ.get("UPLOAD_BUCKET", "").strip() or None
    watched, prefix = environ.get("WATCHED_BUCKET", "").strip(), environ.get("WATCHED_PREFIX", "")
    if bucket and bucket == watched and (prefix.startswith(UPLOAD_PREFIX) or UPLOAD_PREFIX.startswith(prefix)):
        raise InvalidSetting(
            f"UPLOAD_BUCKET must not be the watched bucket if WATCHED_PREFIX {prefix!r} and {UPLOAD_PREFIX} overlap, "
            f"got {bucket!r}: uploads would trigger the function"
        )
    return bucket


def _names(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(item.strip().lower() for item in environ.get(name, "").split(",") if item.strip())


def _origins(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    origins = _names(environ, name)
    for origin in origins:
        if origin not in ("*", "null") and not (re.fullmatch(ORIGIN, origin, re.ASCII) and origin.count("*") <= 1):
            raise InvalidSetting(f"{name} must be origins such as https://a.example, or *, got {origin!r}")
    return origins


def _path_part(environ: Mapping[str, str], name: str) -> str | None:
    text = environ.get(name, "").strip()
    if "/" in text:
        raise InvalidSetting(f"{name} must not contain a slash because it is a part of a path, got {text!r}")
    return text or None


def _threads(environ: Mapping[str, str]) -> int:
    """Return one thread per CPU that the memory buys; more threads would only wait for each other's CPU quota."""
    visible = _visible_cpus()
    return max(1, min(visible, round(_memory(environ, visible) / MB_PER_CPU)))


def _spinning(environ: Mapping[str, str]) -> bool:
    """Return True if each thread has a whole CPU; otherwise the time spent spinning is missing from the CPU quota.

    Measured on yolov8n at 640 px with two threads: with spinning, a run takes 0.9 of the time without it on two CPUs,
    and 1.1 to 1.3 of it on 1.5 CPUs.
    """
    threads = _threads(environ)
    return threads > 1 and _memory(environ, _visible_cpus()) >= threads * MB_PER_CPU


def _memory(environ: Mapping[str, str], cpus: int) -> int:
    """Return the memory in MB; the default is the amount that comes with this number of CPUs."""
    return _positive(environ, MEMORY_SIZE, cpus * MB_PER_CPU)


def _visible_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
