"""Versions of the function's layer: found by the digest of their content, or published. Other layers stay untouched."""

from __future__ import annotations

from typing import Any

from layer.targets import Target
from scripts.aws import upload
from scripts.aws.commands import Upload
from scripts.aws.session import Aws

MARK = "yolo-lambda-zip sha256:"  # start of the description of each version published here; the zip's digest follows


def name(function: str) -> str:
    """Return the name of a function's layer."""
    return f"{function}-packages"


def own_versions(aws: Aws, function: str) -> list[dict[str, Any]]:
    """Return the versions that deploy.sh published, newest first; empty if there are none."""
    items = aws.pages("lambda", "list_layer_versions", "LayerVersions", LayerName=name(function))
    versions = [item for item in items if item.get("Description", "").startswith(MARK)]
    return sorted(versions, key=lambda item: int(item["Version"]), reverse=True)


def ensure_published(aws: Aws, function: str, zipped: Upload, target: Target, bucket: str | None) -> str:
    """Return the ARN of the version with this content; publish it if there is none."""
    description = MARK + zipped.sha256
    for version in own_versions(aws, function):
        if version["Description"] == description and target.arch in version.get("CompatibleArchitectures", []):
            aws.report(f"layer     {version['LayerVersionArn']} has this content")
            return str(version["LayerVersionArn"])
    with upload.content(aws, zipped, bucket, upload.LAYER) as content:
        arn = aws.change(
            "lambda", "publish_layer_version", "LayerVersionArn", content.shown, LayerName=name(function),
            Description=description, CompatibleRuntimes=[f"python{target.python}"],
            CompatibleArchitectures=[target.arch], **content.parameters,
        )  # fmt: skip
    if not aws.dry_run:
        aws.report(f"layer     {arn} published ({zipped.size:,} bytes)")
    return str(arn)


def with_layer(attached: list[str], function: str, arn: str) -> list[str]:
    """Return a function's layers with our layer at version `arn`.

    AWS replaces the whole list, so the list keeps the other layers and the position of ours; a new layer goes last.

    Args:
        attached: ARNs of the function's present layers.
        function: name of the function.
        arn: the new version of our layer.
    """
    is_own = [other.rsplit(":", 1)[0].endswith(f":layer:{name(function)}") for other in attached]
    if not any(is_own):
        return [*attached, arn]
    return [arn if own else other for other, own in zip(attached, is_own, strict=True)]
