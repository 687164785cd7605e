"""Where the requests go: a function by its name, or a URL; with which credentials and which API key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from scripts.aws.errors import translate
from scripts.client import NotCallable
from scripts.command_line import ARN_COLONS

if TYPE_CHECKING:
    from scripts.aws.session import Aws

LAMBDA_URL = re.compile(r"[a-z0-9]+\.lambda-url\.([a-z0-9-]+)\.on\.(?:aws|amazonwebservices\.com\.cn)")
STS_TIMEOUT = 3  # seconds
ONE_TRY = {"total_max_attempts": 1}  # botocore.config.Config, `retries`
KEY_VARIABLE = "YOLO_LAMBDA_KEY"
NO_KEY = f"401: the function needs a valid API key, in {KEY_VARIABLE} or as --key KEY with --url"


class Endpoint(NamedTuple):
    """Function or URL to call.

    Attributes:
        function: NAME:ALIAS or an ARN, which boto3 invokes: the response is the function's return value, with the end
            of the log; "" for a URL.
        url: the URL; "" for a function.
        aws: session that invokes the function, or whose credentials sign the request to the URL; None: not signed.
        region: region of the function; "" if nothing is signed.
        key: API key of the function; "" for none.
    """

    function: str
    url: str
    aws: Aws | None
    region: str
    key: str = ""


def by_name(aws: Aws, function: str) -> Endpoint:
    """Return the endpoint of a function.

    Raises:
        NotConfigured: there is no region, or there are no credentials.
    """
    region = aws.region
    require_credentials(aws)
    return Endpoint(function, "", aws, region)


def by_url(aws: Aws, url: str, is_signed: bool | None, key: str) -> Endpoint:
    """Return the endpoint of a URL.

    Args:
        aws: session whose credentials sign.
        url: a Function URL, or another URL that leads to the function.
        is_signed: sign the request; None: sign for a Function URL if there are credentials.
        key: API key; "" for none.

    Raises:
        NotCallable: the URL is invalid.
        NotConfigured: the request must be signed, and there is no region, or there are no credentials.
    """
    parts, region = urlsplit(url), region_of(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise NotCallable(f"--url must be an https:// URL, got {url!r}")
    if is_signed is None:
        is_signed = region is not None and _has_credentials(aws)
    if not is_signed:
        return Endpoint("", url, None, "", key)
    region = region or aws.region
    require_credentials(aws)
    return Endpoint("", url, aws, region, key)


def region_of(url: str) -> str | None:
    """Return the region of a Function URL; None for any other URL."""
    match = LAMBDA_URL.fullmatch(urlsplit(url).hostname or "")
    return match[1] if match else None


def region_of_arn(function: str) -> str | None:
    """Return the region of the ARN of a function; None for a name."""
    parts = function.split(":")
    return parts[3] if function.startswith("arn:") and len(parts) > ARN_COLONS else None


def require_credentials(aws: Aws) -> None:
    """Raise NotConfigured if there are no credentials."""
    from botocore.exceptions import NoCredentialsError

    if not _has_credentials(aws):
        raise translate(NoCredentialsError())


def account_line(aws: Aws, region: str) -> str:
    """Return the account and the region; a caller that may not ask for its account can call nevertheless."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = aws.client("sts", connect_timeout=STS_TIMEOUT, read_timeout=STS_TIMEOUT, retries=ONE_TRY)
        return f"account   {client.get_caller_identity()['Account']} in {region}"
    except (BotoCoreError, ClientError) as error:
        return f"account   unknown, in {region} ({translate(error)})"


def api_key(environ: Mapping[str, str], requested: str | None) -> str:
    """Return the requested API key, else that of the environment; "" for none.

    Raises:
        NotCallable: a header cannot have the key.
    """
    key = requested if requested is not None else environ.get(KEY_VARIABLE, "")
    if not (key.isascii() and key.isprintable()):
        name = "--key" if requested is not None else KEY_VARIABLE
        raise NotCallable(f"{name} must be printable ASCII characters, got others")
    return key


def _has_credentials(aws: Aws) -> bool:
    from botocore.exceptions import BotoCoreError

    try:
        return aws.session.get_credentials() is not None
    except BotoCoreError as error:
        raise translate(error) from error
