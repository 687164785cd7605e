"""Text of the `aws` commands that put the zips on Lambda, as a page for the user to copy from. Nothing is run here.

Source: https://docs.aws.amazon.com/cli/latest/reference/lambda/ ; waiters and defaults as in botocore 1.43.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from layer.targets import Target
from scripts.aws import limits
from scripts.command_line import ALIAS

HANDLER = "function.handler.lambda_handler"
MEMORY = limits.MB_PER_CPU  # MB; below it, a function gets less than one vCPU
TIMEOUT = 30  # seconds; API Gateway waits no longer
LOG_FORMAT = "JSON"  # each line is an object with the request id
TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
    '"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
)
URL_TITLE = """\
Optional: create a Function URL. AWS_IAM: callers of this account sign their requests. NONE: everybody can call it; it
also needs two permissions (lambda:InvokeFunctionUrl and lambda:InvokeFunction)."""
SCALE_TITLE = """\
Set the values at the two ends of the scale of your dials, and move the alias. Without them, a reading is a share of the
scale, 0 to 1. This replaces all variables of the function."""
CLASSES_TITLE = "READ_CLASSES names the classes that have a dial; without it, every detection is read as a dial."
SCALE = "0:10 bar"  # an example
LOGS_POLICY = "iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"  # of every partition, without its start


class Upload(NamedTuple):
    """A zip to send to Lambda: its path, size in bytes and hexadecimal sha256."""

    path: Path
    size: int
    sha256: str

    @property
    def direct(self) -> bool:
        """True if the zip is small enough to be sent with the request."""
        return self.size <= limits.DIRECT_LIMIT

    @property
    def key(self) -> str:
        """Name of the object in a bucket. It has the digest, so a new zip does not overwrite a deployed one."""
        return f"yolo-lambda/{self.sha256[:16]}/{self.path.name}"


def logs_policy(partition: str) -> str:
    """Return the ARN of the managed policy that lets a function write logs."""
    return f"arn:{partition}:{LOGS_POLICY}"


def page(
    layer: Upload, function: Upload, target: Target, model_in_layer: bool, generic: bool = False,
    read_classes: Sequence[str] | None = None,
) -> str:  # fmt: skip
    """Return all commands in the order of their use, as Markdown.

    Args:
        layer: layer.zip.
        function: function.zip.
        target: architecture and Python of the function.
        model_in_layer: the model is in layer.zip.
        generic: a generic ONNX model, which takes inference requests instead of images.
        read_classes: names of the classes whose detections a second model can read; None: no second model.
    """
    models = "model" if read_classes is None else "models"
    code, packages = ("code", f"packages and the {models}") if model_in_layer else (f"code and {models}", "packages")
    blocks = [
        ("Choose the names. The role must exist; the next block creates it.", _names(layer, function)),
        ("Once: create a role that may write logs.", _role()),
        (
            f"Create the function. With {MEMORY} MB of memory it gets one vCPU; more memory gives more CPU.",
            [*_publish(layer, target), *_create(function, target)],
        ),
        (f"Publish a version, and create the alias {ALIAS}, which callers use.", [*_version(), _alias("create-alias")]),
        (f"Later: update the {code} (function.zip), and move the alias.", [*_update_code(function, target), *_move()]),
        (
            f"Later: update the {packages} (layer.zip), and move the alias.",
            [*_publish(layer, target), *_update_layers(target), *_move()],
        ),
        *([] if read_classes is None else [_scale(read_classes)]),
        ("Invoke the function.", _invoke(generic)),
        (URL_TITLE, _url(generic)),
    ]
    intro = f"# Deploy by hand\n\n`{deploy_command(layer, function)}` does all of this."
    return "\n\n".join([intro, *("\n".join([title, "", "```bash", *lines, "```"]) for title, lines in blocks)]) + "\n"


def next_steps(layer: Upload, function: Upload, generic: bool, read_classes: Sequence[str] | None = None) -> str:
    """Return the next two commands, deploy the zips and call the function; with a model that reads, also its variables.

    The arguments are those of `page`.
    """
    call = f"aws lambda invoke --function-name yolo:{ALIAS} --payload fileb://request.json response.json"
    lines = [f"Next: {deploy_command(layer, function)}", call if generic else "scripts/call.py IMAGE"]
    if read_classes is not None:
        variables = _read_variables(read_classes)
        options = " ".join(f"--env {shlex.quote(f'{name}={value}')}" for name, value in variables.items())
        lines.append(f"Readings are shares of the scale, 0 to 1. Values: deploy with {options}")
        lines += [CLASSES_TITLE] if "READ_CLASSES" in variables else []
    return "\n      ".join(lines)


def deploy_command(*uploads: Upload) -> str:
    """Return the command that does all of this; options stand only where its defaults do not fit."""
    folder = uploads[0].path.parent
    dist = [] if folder == Path("dist").resolve() else [f"--dist {shlex.quote(str(folder))}"]
    bucket = [] if all(upload.direct for upload in uploads) else ["--bucket BUCKET"]
    return " ".join(["scripts/deploy.sh --create-role", *dist, *bucket])


def _version() -> list[str]:
    return [
        'VERSION=$(aws lambda publish-version --function-name "$FUNCTION" --query Version --output text)',
        'aws lambda wait published-version-active --function-name "$FUNCTION" --qualifier "$VERSION"',
    ]


def _alias(action: str) -> str:
    return f'aws lambda {action} --function-name "$FUNCTION" --name {ALIAS} --function-version "$VERSION"'


def _move() -> list[str]:
    return [*_version(), _alias("update-alias")]


def _names(*uploads: Upload) -> list[str]:
    bucket = [] if all(upload.direct for upload in uploads) else ["BUCKET=a-bucket-in-the-region-of-the-function"]
    return ["FUNCTION=yolo", "ROLE=yolo-lambda", *bucket]


def _role() -> list[str]:
    return [
        f"aws iam create-role --role-name \"$ROLE\" --assume-role-policy-document '{TRUST}'",
        "PARTITION=$(aws sts get-caller-identity --query Arn --output text | cut -d: -f2)",
        f'aws iam attach-role-policy --role-name "$ROLE" --policy-arn "{logs_policy("$PARTITION")}"',
        'aws iam wait role-exists --role-name "$ROLE" && sleep 10',
    ]


def _copy(upload: Upload) -> list[str]:
    return [] if upload.direct else [f'aws s3 cp {shlex.quote(str(upload.path))} "s3://$BUCKET/{upload.key}"']


def _publish(layer: Upload, target: Target) -> list[str]:
    content = f'--content S3Bucket="$BUCKET",S3Key={layer.key}' if not layer.direct else f"--zip-file {_file(layer)}"
    return [
        *_copy(layer),
        'LAYER_ARN=$(aws lambda publish-layer-version --layer-name "$FUNCTION-packages" \\',
        f"  {content} \\",
        f"  --compatible-runtimes python{target.python} --compatible-architectures {target.arch} \\",
        "  --query LayerVersionArn --output text)",
    ]


def _create(function: Upload, target: Target) -> list[str]:
    code = f'--code S3Bucket="$BUCKET",S3Key={function.key}' if not function.direct else f"--zip-file {_file(function)}"
    return [
        *_copy(function),
        'aws lambda create-function --function-name "$FUNCTION" \\',
        '  --role "$(aws iam get-role --role-name "$ROLE" --query Role.Arn --output text)" \\',
        f"  --runtime python{target.python} --architectures {target.arch} --handler {HANDLER} \\",
        f'  --memory-size {MEMORY} --timeout {TIMEOUT} --layers "$LAYER_ARN" \\',
        f"  --environment 'Variables={{ORT_DISABLE_TELEMETRY=1}}' --logging-config LogFormat={LOG_FORMAT} \\",
        f"  {code}",
        'aws lambda wait function-active-v2 --function-name "$FUNCTION"',
    ]


def _update_code(function: Upload, target: Target) -> list[str]:
    code = f'--s3-bucket "$BUCKET" --s3-key {function.key}' if not function.direct else f"--zip-file {_file(function)}"
    return [
        *_copy(function),
        f'aws lambda update-function-code --function-name "$FUNCTION" --architectures {target.arch} \\',
        f"  {code}",
        'aws lambda wait function-updated-v2 --function-name "$FUNCTION"',
    ]


def _update_layers(target: Target) -> list[str]:
    return [
        'aws lambda update-function-configuration --function-name "$FUNCTION" \\',
        f'  --runtime python{target.python} --layers "$LAYER_ARN"',
        'aws lambda wait function-updated-v2 --function-name "$FUNCTION"',
    ]


def _read_variables(classes: Sequence[str]) -> dict[str, str]:
    """Return an example of the variables of readings; the first class of several stands for those with a dial."""
    if len(classes) < 2:
        return {"READ_SCALE": SCALE}
    return {"READ_SCALE": SCALE, "READ_CLASSES": "0" if "," in classes[0] else classes[0]}  # a name, or an id


def _scale(classes: Sequence[str]) -> tuple[str, list[str]]:
    """Return the heading and the commands that set the variables of readings."""
    example = _read_variables(classes)
    title = f"{SCALE_TITLE} {CLASSES_TITLE}" if "READ_CLASSES" in example else SCALE_TITLE
    variables = json.dumps({"Variables": {"ORT_DISABLE_TELEMETRY": "1", **example}})
    return title, [
        'aws lambda update-function-configuration --function-name "$FUNCTION" \\',
        f"  --environment {shlex.quote(variables)}",
        'aws lambda wait function-updated-v2 --function-name "$FUNCTION"',
        *_move(),
    ]


def _invoke(generic: bool) -> list[str]:
    invoke = f'aws lambda invoke --function-name "$FUNCTION" --qualifier {ALIAS}'
    if generic:
        return [
            "REQUEST=request.json",
            f'{invoke} --payload "fileb://$REQUEST" response.json',
            "cat response.json",
        ]
    return [
        "IMAGE=image.jpg",
        'printf \'{"image_data": "%s"}\' "$(base64 < "$IMAGE" | tr -d \'\\n\')" > event.json',
        f"{invoke} --payload fileb://event.json response.json",
        "cat response.json",
    ]


def _url(generic: bool) -> list[str]:
    body, kind = ("$REQUEST", "application/json") if generic else ("$IMAGE", "image/jpeg")
    return [
        f'URL=$(aws lambda create-function-url-config --function-name "$FUNCTION" --qualifier {ALIAS} \\',
        "  --auth-type AWS_IAM --query FunctionUrl --output text)",
        f'curl --data-binary @"{body}" -H "Content-Type: {kind}" "$URL" \\',
        '  --aws-sigv4 "aws:amz:$(aws configure get region):lambda" \\',
        '  --user "$(aws configure get aws_access_key_id):$(aws configure get aws_secret_access_key)"',
    ]


def _file(upload: Upload) -> str:
    return shlex.quote(f"fileb://{upload.path}")
