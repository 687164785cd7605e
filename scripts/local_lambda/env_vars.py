"""Environment variables of a Lambda function; no variable of the calling process is passed on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

REGION = "us-east-1"
FUNCTION_NAME = "local"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:123456789012:function:{FUNCTION_NAME}"
MODELS = {"model.onnx": "MODEL_PATH", "reader.onnx": "READ_MODEL_PATH"}  # in one of the zips -> what names another path
CHECKSUMS = {"model.onnx": "MODEL_SHA256", "reader.onnx": "READ_MODEL_SHA256"}
OTHER_READER = "READ_MODEL_ID"  # excludes READ_MODEL_PATH
DOCUMENTED = "docs.aws.amazon.com/lambda/latest/dg/configuration-envvars"  # source of the names and values


class Settings(NamedTuple):
    """Configuration of the function.

    Attributes:
        handler: `module.function`.
        memory: memory size in MB.
        environ: variables of the user; they override those of Lambda, except the reserved ones.
        snap_start: emulate an init phase that ends with a snapshot.
    """

    handler: str
    memory: int
    environ: Mapping[str, str]
    snap_start: bool = False


def layer_models(task: Path, opt: Path, seen_opt: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that name the models in the layer, for a layer that is not at /opt.

    Each has its checksum, without which the function warns of a file that nothing checks; Lambda checks the zips.

    Args:
        task: folder of function.zip, whose models the function finds.
        opt: folder of layer.zip.
        seen_opt: the same folder, as the function sees it.
        environ: variables of the user, which override these.
    """
    names = [name for name in MODELS if (opt / name).exists() and not (task / name).exists()]
    found = {}
    for name in names:
        is_other = environ.get(MODELS[name]) or (name == "reader.onnx" and environ.get(OTHER_READER))
        if not is_other:
            digest = hashlib.sha256((opt / name).read_bytes()).hexdigest()
            found[MODELS[name]] = f"{seen_opt}/{name}"
            found[CHECKSUMS[name]] = environ.get(CHECKSUMS[name]) or digest
    return found


def region_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return both variables that name the region; on Lambda, both have the same value.

    Args:
        environ: variables of the user; Lambda does not allow these two, but here they choose the region.
    """
    names = ("AWS_REGION", "AWS_DEFAULT_REGION")
    region = next((environ[name] for name in names if environ.get(name)), REGION)
    return {name: environ.get(name) or region for name in names}


def lambda_environ(settings: Settings, python: str, paths: Mapping[str, str], port: int) -> dict[str, str]:
    """Return all environment variables of the function's process.

    Args:
        settings: configuration of the function.
        python: version of the runtime, `3.13`.
        paths: Lambda's folders inside the sandbox; `Sandbox.paths`.
        port: port of the Runtime API on loopback.
    """
    task, opt, lang, runtime = (paths[name] for name in ("task", "opt", "lang", "runtime"))
    log_stream = {
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{FUNCTION_NAME}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef",
    }
    return {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": f"/usr/local/bin:/usr/bin/:/bin:{opt}/bin",
        "LD_LIBRARY_PATH": f"{lang}/lib:/lib64:/usr/lib64:{runtime}:{runtime}/lib:{task}:{task}/lib:{opt}/lib",
        "PYTHONPATH": runtime,
        "LAMBDA_TASK_ROOT": task,
        "LAMBDA_RUNTIME_DIR": runtime,
        **({} if settings.snap_start else log_stream),  # a snapshot belongs to no single log stream
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        **settings.environ,
        **region_variables(settings.environ),
        "_HANDLER": settings.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{python}",
        "AWS_LAMBDA_FUNCTION_NAME": FUNCTION_NAME,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings.memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if settings.snap_start else "on-demand",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
    }
