"""The layer's versions: the one with a zip's content is found or published. Never another's layer."""

from layer.targets import Target
from scripts.aws import upload
from scripts.aws.cli import Aws
from scripts.aws.commands import Upload

MARK = "yolo-lambda-zip sha256:"  # begins the description of each version made here; the zip's digest follows


def name(function: str) -> str:
    """The layer of a function."""
    return f"{function}-packages"


def ours(aws: Aws, function: str) -> list[dict[str, str]]:
    """The versions that were published here, newest first."""
    found = aws.read("lambda", "list-layer-versions", "--layer-name", name(function)) or {}
    versions = [one for one in found.get("LayerVersions", []) if one.get("Description", "").startswith(MARK)]
    return sorted(versions, key=lambda one: int(one["Version"]), reverse=True)


def published(aws: Aws, function: str, zipped: Upload, target: Target, bucket: str | None) -> str:
    """The ARN of the version with this content, published if there is none yet."""
    description = MARK + zipped.sha256
    for version in ours(aws, function):
        if version["Description"] == description and target.arch in version.get("CompatibleArchitectures", []):
            aws.say(f"layer     {version['LayerVersionArn']} has this content")
            return version["LayerVersionArn"]
    with upload.sent(aws, zipped, bucket, upload.LAYER) as content:
        arn = aws.change(
            "lambda", "publish-layer-version", "--layer-name", name(function), "--description", description, *content,
            "--compatible-runtimes", f"python{target.python}", "--compatible-architectures", target.arch,
            field="LayerVersionArn",
        )  # fmt: skip
    if not aws.dry_run:
        aws.say(f"layer     {arn} published ({zipped.size:,} bytes)")
    return str(arn)


def attached(current: list[str], function: str, arn: str) -> list[str]:
    """A function's layers with ours in its place and all others kept, since AWS replaces the list."""
    mine = [one.rsplit(":", 1)[0].endswith(f":layer:{name(function)}") for one in current]
    if not any(mine):
        return [*current, arn]
    return [arn if own else one for one, own in zip(current, mine, strict=True)]
