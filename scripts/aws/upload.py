"""How a zip reaches Lambda: with the request, or through a bucket that it leaves again once Lambda has its copy."""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from scripts.aws.cli import Aws, DeployError
from scripts.aws.commands import Upload


class Shape(NamedTuple):
    """How a command names a zip in a bucket: one option with fields, or an option for each."""

    option: str  # "" for --s3-bucket and --s3-key


CREATE, UPDATE, LAYER = Shape("--code"), Shape(""), Shape("--content")


@contextlib.contextmanager
def sent(aws: Aws, zipped: Upload, bucket: str | None, shape: Shape) -> Iterator[list[str]]:
    """The words that name the zip in a command, valid inside the `with`."""
    if zipped.direct:
        yield ["--zip-file", f"fileb://{zipped.path}"]
        return
    place = f"s3://{bucket}/{zipped.key}"
    aws.change("s3", "cp", "--only-show-errors", str(zipped.path), place)
    if shape.option:
        yield [shape.option, f"S3Bucket={bucket},S3Key={zipped.key}"]
    else:
        yield ["--s3-bucket", str(bucket), "--s3-key", zipped.key]
    try:
        aws.change("s3", "rm", "--only-show-errors", place)
    except DeployError as error:
        aws.say(f"{place} stays, it is not needed any more: {error}")
