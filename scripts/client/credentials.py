"""Credentials, region and API key of the caller.

Credentials are from the environment, else from the `aws` command, else from botocore.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping

from scripts.client import NotCallable
from scripts.client.sigv4 import Credentials

NO_CREDENTIALS = (
    "no AWS credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, from `aws configure export-credentials` or "
    "from botocore"
)
NO_REGION = "no region; set --region, AWS_REGION or `aws configure set region`"
KEY_VARIABLE = "YOLO_LAMBDA_KEY"
NO_KEY = f"401: the function needs a valid API key, in {KEY_VARIABLE} or as --key KEY with --url"


def credentials(environ: Mapping[str, str]) -> Credentials:
    """Return the credentials of the caller.

    Raises:
        NotCallable: there are none.
    """
    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return Credentials(key, secret, environ.get("AWS_SESSION_TOKEN") or None)
    output = _run_aws("configure", "export-credentials", "--format", "process")
    if output:
        exported = json.loads(output)
        return Credentials(exported["AccessKeyId"], exported["SecretAccessKey"], exported.get("SessionToken"))
    return _from_botocore()


def region(environ: Mapping[str, str], requested: str | None) -> str:
    """Return the requested region, else the configured one.

    Raises:
        NotCallable: there is none.
    """
    name = requested or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    name = name or _run_aws("configure", "get", "region")
    if not name:
        raise NotCallable(NO_REGION)
    return name


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


def _run_aws(*arguments: str) -> str | None:
    """Return the output of the `aws` command; None if it is not installed or fails."""
    if not shutil.which("aws"):
        return None
    done = subprocess.run(["aws", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _from_botocore() -> Credentials:
    try:
        import botocore.session
    except ImportError as error:
        raise NotCallable(NO_CREDENTIALS) from error
    resolved = botocore.session.Session().get_credentials()
    if not resolved:
        raise NotCallable(NO_CREDENTIALS)
    frozen = resolved.get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)
