"""The zips on a system that is not Linux: in a container of Lambda's image, or else in process.

Neither has the runtime client and the sandbox of `emulator`; the results of the function are the same.
"""

from __future__ import annotations

import base64
import json
import os
import platform
import shutil
import subprocess
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from scripts import environments, home, manifest
from scripts.aws.limits import EVENT_LIMIT, MB_PER_CPU
from scripts.local_lambda.emulator import HANDLER, INIT_LIMIT, TIMEOUT, LocalLambda
from scripts.local_lambda.env_vars import FUNCTION_NAME, MODELS, layer_models, region_variables
from scripts.local_lambda.errors import DrawFailed, InitFailed, NotRunnable, RequestTooLarge
from scripts.local_lambda.invocation import Invocation
from scripts.local_lambda.logs import LogPipe

WORKER = Path(__file__).resolve().parent / "worker.py"
IMAGE = "public.ecr.aws/lambda/python:{python}"
PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
PULL_LIMIT, KILL_LIMIT = 600, 20  # seconds
PASSED_ON = ("HOME", "LANG", "PATH", "TMPDIR")  # environment variables; a setting of the function is none of them


class Runner(NamedTuple):
    """Command that starts the worker.

    Attributes:
        command: the command line.
        task, opt: the folders of the two zips, as the function sees them.
        path: what is put in front of `sys.path`.
        environ: variables of the command; None: those of this process.
        isolation: `container` or `in process`.
        container: name of the container; "" in process.
        note: description for the user.
    """

    command: tuple[str, ...]
    task: str
    opt: str
    path: tuple[str, ...]
    environ: dict[str, str] | None
    isolation: str
    container: str
    note: str


def open_function(dist: Path, **settings: Any) -> LocalLambda:
    """Return the function of a dist folder, not started: as Lambda runs it on Linux, as far as possible elsewhere.

    Args:
        dist: folder with the zips.
        settings: as for `LocalLambda`.

    Raises:
        NotRunnable: see `LocalLambda`.
    """
    return LocalLambda(dist, **settings) if platform.system() == "Linux" else OtherSystem(dist, **settings)


class OtherSystem(LocalLambda):
    """Function in a worker process, with the interface of `LocalLambda`; the sandbox and SnapStart are missing."""

    def __init__(
        self,
        dist: Path,
        *,
        memory: int = MB_PER_CPU,
        timeout: float = TIMEOUT,
        env: Mapping[str, str] | None = None,
        handler: str = HANDLER,
        isolation: str = "auto",
        snap_start: bool = False,
        log: Callable[[str], None] | None = None,
        event_limit: int | None = EVENT_LIMIT,
    ) -> None:
        """Unpack the zips; the function starts when the context is entered. For the arguments see `LocalLambda`.

        Raises:
            NotRunnable: there are no zips, or an option needs Linux.
        """
        if snap_start or isolation != "auto":
            option = "--snap-start" if snap_start else f"--isolation {isolation}"
            raise NotRunnable(f"{option} must be left out on {platform.system()}: it needs Linux")
        described, zips = _read(dist)
        self._folder = Path(tempfile.mkdtemp(dir=home.make(home.build()), prefix="run-"))
        try:
            self._runner = _unpack(zips, described, self._folder)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._settings = {
            "handler": handler,
            "path": self._runner.path,
            "environ": {**_environ(memory, self._runner, self._folder, env or {}), **(env or {})},
        }
        self._timeout, self._event_limit = timeout, event_limit
        self._log_lines = LogPipe(log or (lambda _: None))
        self._worker: subprocess.Popen[str] | None = None
        self._most = 0
        self.python, self.arch = described.python, described.arch
        self.isolation, self.isolation_note = self._runner.isolation, self._runner.note
        self.init_ms = self.restore_ms = self.started_at = float("nan")
        self.paths = {"task": self._runner.task, "opt": self._runner.opt}

    @property
    def peak_rss_bytes(self) -> int:
        """Peak resident memory of the worker in bytes, after the last invocation."""
        return self._most

    def start(self) -> None:
        """Start the worker and wait until the handler is loaded.

        Raises:
            InitFailed: the worker did not start, or the function failed while it was imported.
        """
        self._worker = subprocess.Popen(
            self._runner.command, env=self._runner.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log_lines.handle, text=True,
        )  # fmt: skip
        reply = self._ask(self._settings, INIT_LIMIT)
        if "error" in reply:
            self._end()
            error = reply["error"]
            trace = [str(line) for line in error.get("stackTrace") or []]
            raise InitFailed(str(error["errorType"]), str(error["errorMessage"]), trace, self._log_lines.take())
        self.init_ms = reply["init_ms"]

    def stop(self) -> None:
        """End the worker; the next invocation starts another one."""
        self._end()

    def close(self) -> None:
        """End the worker and delete all temporary files."""
        self._end()
        self._log_lines.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def invoke(self, event: Any) -> Invocation:
        """Invoke the function with an event; see `LocalLambda.invoke`."""
        size = len(json.dumps(event, separators=(",", ":")))
        if self._event_limit is not None and size > self._event_limit:
            raise RequestTooLarge(f"the event must be at most {self._event_limit:,} bytes as JSON, got {size:,}")
        init_ms = None
        if self._worker is None:
            self.start()
            init_ms = self.init_ms
        self._log_lines.take()
        request_id = str(uuid.uuid4())
        reply = self._ask({"event": event, "request_id": request_id, "timeout": self._timeout}, self._timeout)
        self._most = max(self._most, reply.get("peak", 0))
        invoke_ms = reply.get("invoke_ms", float("nan"))
        return Invocation(
            reply.get("response"), reply.get("error"), invoke_ms, init_ms, self._log_lines.take(), request_id
        )

    def draw(self, image: bytes, body: dict[str, Any], max_pixels: int) -> bytes:
        """Return the image with its detections as JPEG; see `LocalLambda.draw`."""
        if self._worker is None:
            self.start()
        message = {"image": base64.b64encode(image).decode(), "body": body, "max_pixels": max_pixels}
        reply = self._ask(message, INIT_LIMIT)
        if "error" in reply:
            error = reply["error"]
            raise DrawFailed(f"drawing the boxes failed: {error['errorType']}: {error['errorMessage']}")
        return base64.b64decode(reply["jpeg"])

    def _ask(self, message: Mapping[str, Any], limit: float) -> dict[str, Any]:
        """Send a message and return the reply; an error document if the worker ends or exceeds the limit, seconds."""
        worker = self._worker
        assert worker is not None
        assert worker.stdin is not None
        assert worker.stdout is not None
        ends = time.monotonic() + limit
        timer = threading.Timer(limit, worker.kill)
        timer.start()
        try:
            worker.stdin.write(json.dumps(message) + "\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
        except BrokenPipeError:
            line = ""
        is_late = time.monotonic() >= ends
        if is_late and self._runner.container:  # the end of `docker run` does not end a function that is busy
            _succeeds(["rm", "--force", self._runner.container], KILL_LIMIT)
        timer.cancel()
        if line:
            reply: dict[str, Any] = json.loads(line)
            return reply
        self._end()
        if is_late:
            return {"error": {"errorType": "Sandbox.Timedout", "errorMessage": f"Task timed out after {limit:g} s"}}
        reason = f"Runtime exited with error: exit status {worker.returncode}"
        return {"error": {"errorType": "Runtime.ExitError", "errorMessage": reason}}

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            worker.stdin.close()  # the worker ends, and with it its container
            worker.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            worker.kill()
            worker.wait()
        worker.stdout.close()


def _read(dist: Path) -> tuple[manifest.Manifest, dict[str, Path]]:
    """Return the manifest and the zips, by the folder that Lambda unpacks them to."""
    try:
        described = manifest.read(dist)
    except manifest.InvalidManifest as error:
        raise NotRunnable(f"{error}; --dist sets the folder") from error
    zips = {"task": dist / manifest.FUNCTION_ZIP, "opt": dist / manifest.LAYER_ZIP}
    for path in zips.values():
        if not path.is_file():
            raise NotRunnable(f"{path} is missing; scripts/build_zip.sh writes it")
    return described, zips


def _unpack(zips: Mapping[str, Path], described: manifest.Manifest, folder: Path) -> Runner:
    """Unpack the zips below `folder` and return how they are run."""
    task, opt = folder / "task", folder / "opt"
    image = _image(described)
    with zipfile.ZipFile(zips["task"]) as archive:
        archive.extractall(task)
    with zipfile.ZipFile(zips["opt"]) as archive:  # its packages are for Linux
        archive.extractall(opt, None if image else [name for name in archive.namelist() if name in MODELS])
    if image:
        return _container(image, described.arch, task, opt)
    try:
        python = environments.ensure("build")
    except environments.EnvironmentFailed as error:
        raise NotRunnable(str(error)) from error
    note = (
        f"the code of function.zip with the packages of {platform.system()}, not with layer.zip: "
        "with docker it runs in Lambda's image"
    )
    environ = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    command = (str(python), "-B", str(WORKER))
    return Runner(command, str(task), str(opt), (str(task),), environ, "in process", "", note)


def _container(image: str, arch: str, task: Path, opt: Path) -> Runner:
    mounts = {task: "/var/task", opt: "/opt", WORKER: "/worker.py"}
    volumes = [argument for source, target in mounts.items() for argument in ("--volume", f"{source}:{target}:ro")]
    name = f"yolo-lambda-{uuid.uuid4().hex}"
    command = [
        *("docker", "run", "--name", name, "--rm", "--interactive", "--platform", PLATFORMS[arch]),
        *("--network", "none", *volumes, "--entrypoint", "/var/lang/bin/python3", image, "/worker.py"),
    ]
    note = f"{image} with docker; no network; without the runtime client"
    return Runner(tuple(command), "/var/task", "/opt", ("/var/task", "/opt/python"), None, "container", name, note)


def _image(described: manifest.Manifest) -> str:
    """Return Lambda's image, pulled if needed; "" if docker does not run, or the image cannot be had."""
    image = IMAGE.format(python=described.python)
    pull = ["pull", "--quiet", "--platform", PLATFORMS[described.arch], image]
    if not shutil.which("docker") or not _succeeds(["version", "--format", "{{.Server.Version}}"], 20):
        return ""
    return image if _succeeds(pull, PULL_LIMIT) or _succeeds(["image", "inspect", image], 20) else ""


def _succeeds(arguments: list[str], limit: float) -> bool:
    try:
        return not subprocess.run(["docker", *arguments], capture_output=True, timeout=limit, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def _environ(memory: int, runner: Runner, folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    return {
        **region_variables(env),
        "AWS_LAMBDA_FUNCTION_NAME": FUNCTION_NAME,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
        "LAMBDA_TASK_ROOT": runner.task,
        **layer_models(folder / "task", folder / "opt", runner.opt, env),
    }
