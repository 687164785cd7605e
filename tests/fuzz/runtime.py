"""The function in this process, with small models, a fake S3 and a fake web: one call is one invocation."""

import importlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np

from tests.fuzz.fake_aws import CREDENTIALS, UNDOCUMENTED_CODES, FakeAws

BUCKET, KEY = "photos", "in/wall.jpg"
REMAINING_MS = 30_000
ENVIRON = {  # of the process, before the function is imported
    **CREDENTIALS,
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",  # with it, the runtime client does not escape JSON
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
}
SETTINGS = {  # of one invocation; a target may change them
    "ALLOWED_BUCKETS": BUCKET,
    "ALLOWED_URL_HOSTS": "*",
    "MAX_IMAGE_PIXELS": "2000000",
    "MAX_OBJECT_BYTES": "10000000",
    "MAX_TENSOR_ELEMENTS": "20000",
}


class Context:
    """Context object of the runtime."""

    aws_request_id = "request-1"
    function_name = "fuzzed"

    def __init__(self, remaining_ms: int = REMAINING_MS) -> None:
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms


class Connection:
    """Connection to a server that has already sent everything."""

    def __init__(self, data: bytes, chunk: int) -> None:
        self._data, self._chunk = data, chunk

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def settimeout(self, _seconds: float) -> None:
        pass

    def sendall(self, _data: bytes) -> None:
        pass

    def close(self) -> None:
        pass

    def recv_into(self, buffer: Any) -> int:
        part = self._data[: min(len(buffer), self._chunk)]
        self._data = self._data[len(part) :]
        buffer[: len(part)] = part
        return len(part)


class FakeWeb:
    """Resolver and connector of `function.fetch`: each connection gets the next response."""

    def __init__(
        self, responses: Sequence[bytes] = (), addresses: Sequence[str] = ("93.184.215.14",), chunk: int = 1 << 16
    ) -> None:
        self.responses = list(responses)
        self.chunk = chunk
        self.addresses = list(addresses)
        self.connected: list[str] = []

    def resolve(self, _host: str, _port: int) -> list[str]:
        if not self.addresses:
            raise OSError("no address")
        return self.addresses

    def connect(self, address: str, _port: int, _name: str, _timeout_s: float) -> Connection:
        self.connected.append(address)
        if not self.responses:
            raise ConnectionRefusedError
        return Connection(self.responses.pop(0), self.chunk)

    @contextmanager
    def installed(self) -> Iterator[None]:
        from function import fetch

        with mock.patch.object(fetch, "image", partial(fetch.image, resolve=self.resolve, connect=self.connect)):
            yield


@cache
def handler() -> ModuleType:
    """Return the module of the Lambda function, with the color model."""
    os.environ.update(ENVIRON)
    os.environ["MODEL_PATH"] = str(_folder() / "colors.onnx")
    model("colors")
    return importlib.import_module("function.handler")


@cache
def model(name: str) -> Any:
    """Return a served model by its name in MODELS."""
    path = MODELS[name](_folder() / f"{name}.onnx")
    from function import model as models

    return models.load(path, 1)


def model_bytes(name: str) -> bytes:
    """Return the file of a model in MODELS."""
    model(name)
    return (_folder() / f"{name}.onnx").read_bytes()


def settings(**environ: str) -> Any:
    """Return the settings of one invocation."""
    return _settings(tuple(sorted((SETTINGS | environ).items())))


@cache
def _settings(environ: tuple[tuple[str, str], ...]) -> Any:
    from function.settings import Settings

    return Settings.from_env(dict(environ))


def invoke(event: Any, served: Any = "colors", remaining_ms: int = REMAINING_MS, **environ: str) -> Any:
    """Return the response of the handler to an event; the fakes are those that the caller installed.

    Args:
        event: of any source.
        served: the model, or its name in MODELS.
        remaining_ms: time until the function is ended.
        **environ: environment variables.
    """
    module = handler()
    module.SETTINGS, module.MODEL = settings(**environ), model(served) if isinstance(served, str) else served
    module.READER = module._load_reader(module.SETTINGS, module.MODEL)
    return module.lambda_handler(event, Context(remaining_ms))


def is_injected(error: BaseException) -> bool:
    """Return whether an error is one of S3 that the documentation of S3 does not have."""
    code = getattr(error, "response", {}).get("Error", {}).get("Code")
    return code in UNDOCUMENTED_CODES


def new_s3(data: bytes | None = None) -> FakeAws:
    """Return a fake S3 with one image."""
    fake = FakeAws()
    fake.objects[BUCKET, KEY] = png() if data is None else data
    return fake


@cache
def png() -> bytes:
    """Return an image in which the color model finds one object."""
    from tests.fuzz import images

    return images.encode(images.drawing(), "PNG")


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


def _colors(path: Path) -> Path:
    from tests.support import color_model

    return color_model.save(path)


def _maps(path: Path) -> Path:
    from tests.support import color_model

    return color_model.save_maps(path)


def _classifier(path: Path) -> Path:
    from tests.support import color_model

    return color_model.save_output(path, (1, 2), (64, 64), value=0.5, task="classify", imgsz="[64, 64]")


def _rows(task: str, extras: int, **metadata: str) -> Callable[[Path], Path]:
    """Return a writer of an end-to-end model: three overlapping instances at every image, with extra columns."""

    def make(path: Path) -> Path:
        from tests.support import fixed_output_model

        generator = np.random.default_rng(1)
        rows = np.zeros((1, 300, 6 + extras), dtype=np.float32)
        rows[0, :3, :6] = [[4, 4, 40, 60, 0.9, 0], [10, 0, 64, 33, 0.8, 0], [0, 0, 64, 64, 0.7, 0]]
        rows[0, :3, 6:] = generator.uniform(0, 1, size=(3, extras))
        outputs = [rows]
        if task == "segment":
            outputs.append(generator.normal(size=(1, extras, 16, 16)).astype(np.float32))
        stated = {"task": task, "names": "{0: 'red'}", "stride": "32", "end2end": "True", "imgsz": "[64, 64]"}
        return fixed_output_model.save(path, outputs, stated | metadata)

    return make


def _dense(task: str, shape: tuple[int, ...]) -> Callable[[Path], Path]:
    """Return a writer of a model whose output is a map of small whole numbers."""

    def make(path: Path) -> Path:
        from tests.support import fixed_output_model

        output = np.random.default_rng(2).integers(0, 3, size=(1, *shape)).astype(np.float32)
        names = "{0: 'wall', 1: 'red', 2: 'blue'}" if task == "semantic" else "{0: 'depth'}"
        stated = {"task": task, "names": names, "stride": "32", "imgsz": "[64, 64]"}
        return fixed_output_model.save(path, [output], stated)

    return make


def _tensors(name: str) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        from tests.support import tensor_models

        return getattr(tensor_models, name)(path)

    return make


def _echo(element: str, shape: Any = None) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        from onnx import TensorProto

        from tests.support import tensor_models

        return tensor_models.echo(path, getattr(TensorProto, element), shape)

    return make


def _channels(channels: int) -> Callable[[Path], Path]:
    """Return a function that writes a detection model for gray images or bands."""

    def save(path: Path) -> Path:
        import numpy as np

        from tests.support import color_model, fixed_output_model

        rows = np.full((1, 6, 84), 0.5, np.float32)
        return fixed_output_model.save(
            path, [rows], color_model.METADATA | {"channels": str(channels)}, channels=channels
        )

    return save


IMAGE_MODELS: dict[str, Callable[[Path], Path]] = {
    "colors": _colors,
    "maps": _maps,
    "classifier": _classifier,
    "segments": _rows("segment", 4),
    "gray": _channels(1),
    "bands": _channels(4),
    "keypoints": _rows("pose", 6, kpt_shape="[2, 3]"),
    "rotated": _rows("obb", 1),
    "classes": _dense("semantic", (3, 8, 8)),
    "class ids": _dense("semantic", (64, 64)),
    "distances": _dense("depth", (1, 16, 16)),
}
ECHO_TYPES = {  # datatype of the protocol -> element type of ONNX
    "BOOL": "BOOL",
    "UINT8": "UINT8",
    "UINT16": "UINT16",
    "UINT32": "UINT32",
    "UINT64": "UINT64",
    "INT8": "INT8",
    "INT16": "INT16",
    "INT32": "INT32",
    "INT64": "INT64",
    "FP16": "FLOAT16",
    "FP32": "FLOAT",
    "FP64": "DOUBLE",
    "BYTES": "STRING",
}
TENSOR_MODELS: dict[str, Callable[[Path], Path]] = {
    "add": _tensors("add"),
    "log": _tensors("log"),
    "expand": _tensors("expand"),
    **{f"echo-{name}": _echo(element) for name, element in ECHO_TYPES.items()},
}
MODELS = IMAGE_MODELS | TENSOR_MODELS


def event_name(event: Any) -> str:
    """Return the name of the source of an event."""
    from function import sources

    return sources.name(sources.find(json.loads(json.dumps(event))))
