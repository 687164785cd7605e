"""The Lambda function: created, or updated where it differs from what the command line requests."""

from __future__ import annotations

import base64
import re
import time
from typing import Any, NamedTuple

from scripts.aws import commands, layer, upload
from scripts.aws.artifacts import Artifacts
from scripts.aws.errors import DeployError, Refused
from scripts.aws.limits import ENVIRONMENT_LIMIT, LAYERS_LIMIT, MEMORY_RANGE
from scripts.aws.session import HIDDEN, Aws

TAG = "yolo-lambda-zip"  # of the functions that deploy.sh created
ENVIRONMENT = {"ORT_DISABLE_TELEMETRY": "1"}  # function/__init__.py sets it too; here the user sees it
OTHER_READERS = ("READ_MODEL_ID", "READ_MODEL_PATH")  # variables that name a model outside of the zips
OF_READERS = ("READ_MODEL_SHA256", "READ_CLASSES", "READ_PROMPT", "READ_SCALE", "READ_MAX_CROPS")  # need a model
ROLE_TRIES, ROLE_WAIT = 10, 3.0  # seconds between tries; Lambda accepts a new role of IAM after some seconds


class FunctionSpec(NamedTuple):
    """The requested function. None keeps the value of an existing function; a new function gets the default."""

    name: str
    artifacts: Artifacts
    bucket: str | None
    role: str | None  # ARN
    memory: int | None  # MB
    timeout: int | None  # seconds
    environment: dict[str, str]


def find(aws: Aws, name: str) -> dict[str, Any] | None:
    """Return the response of GetFunction; None if the function does not exist.

    Raises:
        DeployError: a function of this name has another handler.
    """
    response: dict[str, Any] | None = aws.read("lambda", "get_function", FunctionName=name)
    if response and response["Configuration"].get("Handler") != commands.HANDLER:
        handler = response["Configuration"].get("Handler", "a container image")
        raise DeployError(
            f"handler of function {name} must be {commands.HANDLER}, got {handler}; choose another name with --function"
        )
    return response


def is_own(response: dict[str, Any]) -> bool:
    """Return whether deploy.sh created the function of a response of GetFunction."""
    return TAG in response.get("Tags", {})


def require_reader(spec: FunctionSpec, current: dict[str, Any] | None) -> None:
    """Check that there is a model that reads if variables need one: without it the function would not start.

    Args:
        spec: the requested function.
        current: the present configuration, whose variables are kept; None: the function is new.

    Raises:
        DeployError: there is none.
    """
    kept = ((current or {}).get("Environment") or {}).get("Variables") or {}
    after = {name: value for name, value in {**kept, **spec.environment}.items() if value.strip()}
    names = [name for name in OF_READERS if name in after]
    is_off = after.get("READ_MAX_CROPS", "").strip() == "0"
    if not names or is_off or spec.artifacts.has_reader or any(name in after for name in OTHER_READERS):
        return
    remedy = " ".join(f"--env {name}=" for name in names)
    raise DeployError(
        f"{' and '.join(names)} of function {spec.name} must be used with a model that reads, got zips without one, so "
        f"the function would not start; build them with --read-model, or remove the variables: {remedy}"
    )


def create(aws: Aws, spec: FunctionSpec, layer_arn: str) -> None:
    """Create the function and wait until it can be called."""
    target = spec.artifacts.target
    parameters = {
        "FunctionName": spec.name,
        "Role": spec.role,
        "Runtime": f"python{target.python}",
        "Architectures": [target.arch],
        "Handler": commands.HANDLER,
        "MemorySize": spec.memory or commands.MEMORY,
        "Timeout": spec.timeout or commands.TIMEOUT,
        "Layers": [layer_arn],
        "Environment": {"Variables": merged({}, spec.environment)},
        "LoggingConfig": {"LogFormat": commands.LOG_FORMAT},
        "Tags": {TAG: "deploy.sh"},
    }
    with upload.content(aws, spec.artifacts.function, spec.bucket, upload.CREATE) as code:
        _retry_until_role_exists(aws, parameters | code.parameters, code.shown)
    aws.wait("lambda", "function_active_v2", FunctionName=spec.name)
    if not aws.dry_run:
        aws.report(f"function  {spec.name} created")


def update(aws: Aws, spec: FunctionSpec, layer_arn: str, current: dict[str, Any]) -> None:
    """Change what differs, and wait after each change.

    Args:
        aws: makes the calls.
        spec: the requested function.
        layer_arn: the version of our layer.
        current: the function's configuration, as GetFunction returns it.
    """
    _update_code(aws, spec, current)
    parameters, shown = changes(spec, layer_arn, current)
    if parameters:
        if aws.dry_run and HIDDEN in shown.get("Environment", {}).get("Variables", {}).values():
            aws.report(
                f"# {HIDDEN} below replaces the value of a variable that the function has; the value is not shown"
            )
        try:
            aws.change("lambda", "update_function_configuration", shown=shown, FunctionName=spec.name, **parameters)
        except Refused as error:
            raise _translated(error) from error
        aws.wait("lambda", "function_updated_v2", FunctionName=spec.name)
        if not aws.dry_run:
            aws.report(f"settings  {', '.join(parameters)} updated")


def changes(spec: FunctionSpec, layer_arn: str, current: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters of UpdateFunctionConfiguration, and the printed form of those that hold secrets.

    Raises:
        DeployError: Lambda would reject the result, or the present variables cannot be read and so not be kept.
    """
    environment = current.get("Environment", {})
    if environment.get("Error"):
        reason = environment["Error"].get("Message")
        raise DeployError(f"the environment variables of {spec.name} cannot be read, so they cannot be kept: {reason}")
    before = environment.get("Variables", {})
    after = merged(before, spec.environment)
    runtime = f"python{spec.artifacts.target.python}"
    attached = [item["Arn"] for item in current.get("Layers") or []]
    layers = layer.with_layer(attached, spec.name, layer_arn)
    if len(layers) > LAYERS_LIMIT:
        raise DeployError(f"layers of {spec.name} must be at most {LAYERS_LIMIT}, got {len(layers)}")
    requested = {
        "Runtime": (runtime, current.get("Runtime")),
        "Layers": (layers, attached),
        "Role": (spec.role, current["Role"]),
        "MemorySize": (spec.memory, current["MemorySize"]),
        "Timeout": (spec.timeout, current["Timeout"]),
    }
    parameters: dict[str, Any] = {name: new for name, (new, old) in requested.items() if new not in (None, old)}
    if after == before:
        return parameters, {}
    kept = {name: HIDDEN for name in before if name not in spec.environment}
    return parameters | {"Environment": {"Variables": after}}, {"Environment": {"Variables": {**after, **kept}}}


def merged(before: dict[str, str], requested: dict[str, str]) -> dict[str, str]:
    """Return the function's variables with those of the command line; AWS replaces all of them at once.

    Raises:
        DeployError: they are larger than Lambda's limit.
    """
    after = {**ENVIRONMENT, **before, **requested}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in after.items())
    if size > ENVIRONMENT_LIMIT:
        raise DeployError(f"environment variables must be at most {ENVIRONMENT_LIMIT:,} bytes, got {size:,}")
    return after


def code_sha256(spec: FunctionSpec) -> str:
    """Return the digest of function.zip as Lambda writes it, in base64."""
    return base64.b64encode(bytes.fromhex(spec.artifacts.function.sha256)).decode()


def _update_code(aws: Aws, spec: FunctionSpec, current: dict[str, Any]) -> None:
    arch, zipped = spec.artifacts.target.arch, spec.artifacts.function
    if (current["CodeSha256"], current.get("Architectures")) == (code_sha256(spec), [arch]):
        aws.report("code      unchanged")
        return
    with upload.content(aws, zipped, spec.bucket, upload.UPDATE) as code:
        parameters = {"FunctionName": spec.name, "Architectures": [arch], **code.parameters}
        aws.change("lambda", "update_function_code", shown=code.shown, **parameters)
        aws.wait("lambda", "function_updated_v2", FunctionName=spec.name)
    if not aws.dry_run:
        aws.report(f"code      updated ({zipped.size:,} bytes)")


def _retry_until_role_exists(aws: Aws, parameters: dict[str, Any], shown: dict[str, Any]) -> None:
    """Create the function; try again as long as Lambda cannot assume the new role."""
    for remaining in reversed(range(ROLE_TRIES)):
        try:
            aws.change("lambda", "create_function", shown=shown, **parameters)
        except Refused as error:
            if not remaining or "cannot be assumed" not in str(error):
                raise _translated(error) from error
            aws.report("waiting   until Lambda can assume the role")
            time.sleep(ROLE_WAIT)
        else:
            return


def _translated(error: Refused) -> DeployError:
    """Return the error for memory above the quota of the account, which Lambda does not name as one."""
    match = re.search(r"'MemorySize' .*less than or equal to (\d+)", str(error))
    if not match:
        return error
    return DeployError(
        f"--memory must be at most {match[1]} in this account: a new account has less than {MEMORY_RANGE[1]:,} MB, "
        "until AWS raises it with use or after a support case: https://console.aws.amazon.com/support",
        error.code,
    )
