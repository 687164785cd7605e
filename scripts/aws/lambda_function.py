"""The function itself: created, or brought to what is wanted by the changes that are needed and no others."""

import base64
import json
import time
from typing import Any, NamedTuple

from scripts.aws import commands, layer, upload
from scripts.aws.artifacts import Artifacts
from scripts.aws.cli import Aws, DeployError, Refused

TAG = "yolo-lambda-zip"  # on what was made here
ENVIRONMENT = {"ORT_DISABLE_TELEMETRY": "1"}  # function/__init__.py does so too; here it is seen
ENVIRONMENT_LIMIT = 4096  # bytes of all names and values; AWS Lambda quotas
LAYERS_LIMIT = 5  # AWS Lambda quotas
ROLE_TRIES, ROLE_WAIT = 10, 3.0  # seconds between; IAM tells its other machines of a new role within some


class FunctionSpec(NamedTuple):
    """What the user asks for; None leaves an existing function as it is, and gives a new one the default."""

    name: str
    built: Artifacts
    bucket: str | None
    role: str | None  # ARN
    memory: int | None  # MB
    timeout: int | None  # seconds
    environment: dict[str, str]


def find(aws: Aws, name: str) -> dict[str, Any] | None:
    """What `get-function` says; None if there is none.

    Raises:
        DeployError: the name is that of something else.
    """
    found: dict[str, Any] | None = aws.read("lambda", "get-function", "--function-name", name)
    if found and found["Configuration"].get("Handler") != commands.HANDLER:
        handler = found["Configuration"].get("Handler", "a container image")
        raise DeployError(f"function {name} is another one ({handler}, wanted {commands.HANDLER}); choose a name")
    return found


def is_ours(found: dict[str, Any]) -> bool:
    """Whether deploy.sh made it."""
    return TAG in found.get("Tags", {})


def create(aws: Aws, wanted: FunctionSpec, layer_arn: str) -> None:
    """Make the function and wait until it can be called."""
    target = wanted.built.target
    with upload.sent(aws, wanted.built.function, wanted.bucket, upload.CREATE) as code:
        words = [
            "lambda", "create-function", "--function-name", wanted.name, "--role", str(wanted.role),
            "--runtime", f"python{target.python}", "--architectures", target.arch, "--handler", commands.HANDLER,
            "--memory-size", str(wanted.memory or commands.MEMORY),
            "--timeout", str(wanted.timeout or commands.TIMEOUT), "--layers", layer_arn,
            "--environment", _variables(merged({}, wanted.environment)),
            "--logging-config", commands.LOGGING, "--tags", f"{TAG}=deploy.sh", *code,
        ]  # fmt: skip
        _retry_until_role_exists(aws, words)
    aws.change("lambda", "wait", "function-active-v2", "--function-name", wanted.name)
    if not aws.dry_run:
        aws.say(f"function  {wanted.name} created")


def update(aws: Aws, wanted: FunctionSpec, layer_arn: str, current: dict[str, Any]) -> None:
    """Change what differs, and wait after each change."""
    _update_code(aws, wanted, current)
    words, shown = changes(wanted, layer_arn, current)
    if words:
        if aws.dry_run and any("(kept)" in word for word in shown.values()) and "--environment" in words:
            aws.say("# (kept) below stands for a value that the function has and that is not shown")
        aws.change("lambda", "update-function-configuration", "--function-name", wanted.name, *words, shown=shown)
        aws.change("lambda", "wait", "function-updated-v2", "--function-name", wanted.name)
        if not aws.dry_run:
            aws.say(f"settings  {' '.join(word for word in words if word.startswith('--'))} updated")


def changes(wanted: FunctionSpec, layer_arn: str, current: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The options of `update-function-configuration` that are needed, and how those are printed that hold secrets.

    Raises:
        DeployError: Lambda would refuse the result, or what is there cannot be read and so not be kept.
    """
    if current.get("Environment", {}).get("Error"):
        raise DeployError(
            f"the environment of {wanted.name} cannot be read, so it could not be kept: "
            f"{current['Environment']['Error'].get('Message')}"
        )
    before = current.get("Environment", {}).get("Variables", {})
    after = merged(before, wanted.environment)
    runtime = f"python{wanted.built.target.python}"
    had = [one["Arn"] for one in current.get("Layers") or []]
    layers = layer.attached(had, wanted.name, layer_arn)
    if len(layers) > LAYERS_LIMIT:
        raise DeployError(f"{wanted.name} would have {len(layers)} layers; Lambda takes {LAYERS_LIMIT}")
    words: list[str] = []
    words += ["--runtime", runtime] if runtime != current.get("Runtime") else []
    words += ["--layers", *layers] if layers != had else []
    words += ["--role", wanted.role] if wanted.role not in (None, current["Role"]) else []
    words += ["--memory-size", str(wanted.memory)] if wanted.memory not in (None, current["MemorySize"]) else []
    words += ["--timeout", str(wanted.timeout)] if wanted.timeout not in (None, current["Timeout"]) else []
    words += ["--environment", _variables(after)] if after != before else []
    kept = {name: "(kept)" for name in before if name not in wanted.environment}
    return words, {_variables(after): _variables({**after, **kept})}


def merged(before: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """The function's variables with those of the command line, since AWS replaces all of them.

    Raises:
        DeployError: more than Lambda takes.
    """
    after = {**ENVIRONMENT, **before, **given}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in after.items())
    if size > ENVIRONMENT_LIMIT:
        raise DeployError(f"the environment variables have {size:,} bytes; Lambda takes {ENVIRONMENT_LIMIT:,}")
    return after


def code_sha256(wanted: FunctionSpec) -> str:
    """The zip's digest as Lambda writes it."""
    return base64.b64encode(bytes.fromhex(wanted.built.function.sha256)).decode()


def _update_code(aws: Aws, wanted: FunctionSpec, current: dict[str, Any]) -> None:
    architecture = wanted.built.target.arch
    if (current["CodeSha256"], current.get("Architectures")) == (code_sha256(wanted), [architecture]):
        aws.say("code      unchanged")
        return
    with upload.sent(aws, wanted.built.function, wanted.bucket, upload.UPDATE) as code:
        aws.change(
            "lambda", "update-function-code", "--function-name", wanted.name, "--architectures", architecture, *code
        )
        aws.change("lambda", "wait", "function-updated-v2", "--function-name", wanted.name)
    if not aws.dry_run:
        aws.say(f"code      updated ({wanted.built.function.size:,} bytes)")


def _retry_until_role_exists(aws: Aws, words: list[str]) -> None:
    """Run it again while Lambda has not heard of the role yet."""
    for left in reversed(range(ROLE_TRIES)):
        try:
            aws.change(*words)
        except Refused as refused:
            if not left or "cannot be assumed" not in str(refused):
                raise
            aws.say("waiting   for the role to be known to Lambda")
            time.sleep(ROLE_WAIT)
        else:
            return


def _variables(environment: dict[str, str]) -> str:
    return json.dumps({"Variables": environment}, ensure_ascii=False, sort_keys=True)
