"""Places in S3 and KMS keys of the command line: --read, --write and --kms-key."""

from __future__ import annotations

import argparse
import re
from typing import NamedTuple

BUCKET = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")  # S3, bucket naming rules
KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")  # IAM policies take no alias of a key
NOT_LITERAL = re.compile(r"[*?\x00-\x1f\x7f]|\$\{")  # in a resource of IAM
KEY_BYTES = 1024  # of an object's key, S3
OF_RESULTS = ("RESULT_BUCKET", "RESULT_PREFIX")


class Location(NamedTuple):
    """All objects of a bucket whose keys begin with a prefix."""

    bucket: str
    prefix: str

    @property
    def url(self) -> str:
        """Return it as the command line has it."""
        return f"s3://{self.bucket}/{self.prefix}"


def add_options(command: argparse.ArgumentParser) -> None:
    """Add --read, --write and --kms-key."""
    add = command.add_argument
    add(
        "--read", type=parse, action="append", default=[], metavar="S3_URL",
        help="s3://bucket/prefix/ of images: the created role may read them, and requests may name them in `s3`; "
        "repeatable. --read, --write and --kms-key replace those of earlier runs (default: unchanged)",
    )  # fmt: skip
    add(
        "--write", type=parse, metavar="S3_URL",
        help="s3://bucket/prefix/ for the results of events: the created role may read and write there "
        "(default: unchanged)",
    )  # fmt: skip
    add(
        "--kms-key", type=key_arn, action="append", default=[], metavar="ARN",
        help="KMS key that encrypts these buckets: the created role may use it through S3; repeatable",
    )  # fmt: skip


def check_options(command: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Exit with 2 and a message if the options do not fit together."""
    places = [*options.read, *([options.write] if options.write else [])]
    if options.kms_key and not places:
        command.error("--kms-key must be used with --read or --write, got neither")
    for place in options.read:
        if options.write and overlap(place, options.write):
            command.error(
                f"--write must be outside of --read {place.url}, got {options.write.url}: a result would start the "
                "function again"
            )
    given = [name for name, _ in options.env if name in OF_RESULTS]
    if options.write and given:
        command.error(f"--env {given[0]} cannot be combined with --write, which sets it")


def notes(options: argparse.Namespace) -> list[str]:
    """Return a line for each prefix that allows more than a folder."""
    named = [("--read", place) for place in options.read] + ([("--write", options.write)] if options.write else [])
    return [
        f"note      {name} {place.url} has no / at its end: it is every key that begins so, such as {place.url}2/a.jpg"
        if place.prefix
        else f"note      {name} {place.url} is the whole bucket"
        for name, place in named
        if not place.prefix.endswith("/")
    ]


def parse(text: str) -> Location:
    """Return the place of `s3://bucket/prefix/`.

    Raises:
        ArgumentTypeError: it is none, or IAM would read its prefix as a pattern.
    """
    bucket, _, prefix = text[len("s3://") :].partition("/")
    if not text.startswith("s3://"):
        raise argparse.ArgumentTypeError(f"must be s3://bucket/prefix/, got {text!r}")
    if not BUCKET.fullmatch(bucket):
        raise argparse.ArgumentTypeError(
            f"must be s3://bucket/prefix/ with a bucket of 3 to 63 lowercase letters, digits, - and ., got {text!r}"
        )
    if NOT_LITERAL.search(prefix) or len(prefix.encode("utf-8", "surrogateescape")) > KEY_BYTES:
        raise argparse.ArgumentTypeError(
            f"must be s3://bucket/prefix/ without *, ?, ${{ and control characters, at most {KEY_BYTES:,} bytes of "
            f"prefix, got {text!r}"
        )
    return Location(bucket, prefix)


def key_arn(text: str) -> str:
    """Return the ARN of a KMS key.

    Raises:
        ArgumentTypeError: it is none.
    """
    if KEY.fullmatch(text):
        return text
    raise argparse.ArgumentTypeError(
        f"must be the ARN of a key, arn:PARTITION:kms:REGION:ACCOUNT:key/ID, got {text!r}; "
        "`aws kms describe-key --key-id alias/NAME --query KeyMetadata.Arn` prints it"
    )


def location_of(resource: str) -> Location:
    """Return the place of a resource of IAM, arn:PARTITION:s3:::bucket/prefix/*."""
    bucket, _, pattern = resource.split(":::", 1)[1].partition("/")
    return Location(bucket, pattern[:-1])


def overlap(first: Location, second: Location) -> bool:
    """Return whether one place contains the other."""
    longer, shorter = sorted((first.prefix, second.prefix), key=len, reverse=True)
    return first.bucket == second.bucket and longer.startswith(shorter)
