"""Transfer of a zip to Lambda: with the request, or through a bucket, where it is deleted after Lambda has its copy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from scripts.aws.commands import Upload
from scripts.aws.errors import DeployError
from scripts.aws.session import Aws

CREATE, UPDATE, LAYER = "Code", "", "Content"  # parameters that take a zip; "": its fields are parameters themselves


class Content(NamedTuple):
    """A zip in a call.

    Attributes:
        parameters: of the operation.
        shown: for `Aws.change`: an option of `aws` that names the file, in place of its bytes.
    """

    parameters: dict[str, Any]
    shown: dict[str, Any]


@contextlib.contextmanager
def content(aws: Aws, zipped: Upload, bucket: str | None, parameter: str) -> Iterator[Content]:
    """Yield the parameters of a call that has the zip; they are valid inside the `with` block.

    Args:
        aws: makes the calls.
        zipped: the zip.
        bucket: for a zip that is too large for the request.
        parameter: CREATE, UPDATE or LAYER, after the operation that gets the parameters.
    """
    if zipped.direct:
        hidden = {parameter: None} if parameter else {}
        parameters = _nested({"ZipFile": zipped.path.read_bytes()}, parameter)
        yield Content(parameters, {**hidden, "ZipFile": f"fileb://{zipped.path}"})
        return
    with zipped.path.open("rb") as body:
        shown = {"Body": str(zipped.path)}
        aws.change("s3", "put_object", shown=shown, Bucket=bucket, Key=zipped.key, Body=body)
    yield Content(_nested({"S3Bucket": bucket, "S3Key": zipped.key}, parameter), {})
    try:
        aws.change("s3", "delete_object", Bucket=bucket, Key=zipped.key)
    except DeployError as error:
        aws.report(f"s3://{bucket}/{zipped.key} could not be deleted and is no longer needed: {error}")


def _nested(fields: dict[str, Any], parameter: str) -> dict[str, Any]:
    return {parameter: fields} if parameter else fields
