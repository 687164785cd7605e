"""Whose credentials and which region: the environment's, else what the `aws` command says, else what botocore finds."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping

from scripts.client import NotCallable
from scripts.client.sigv4 import Credentials

NO_CREDENTIALS = (
    "no AWS credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor `aws configure export-credentials` "
    "nor botocore gives any"
)
NO_REGION = "no region: wanted --region, AWS_REGION or `aws configure set region`"


def credentials(environ: Mapping[str, str]) -> Credentials:
    """The caller's.

    Raises:
        NotCallable: there are none.
    """
    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return Credentials(key, secret, environ.get("AWS_SESSION_TOKEN") or None)
    answer = _aws("configure", "export-credentials", "--format", "process")
    if answer:
        found = json.loads(answer)
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found.get("SessionToken"))
    return _of_botocore()


def region(environ: Mapping[str, str], given: str | None) -> str:
    """The region that is named, or configured.

    Raises:
        NotCallable: there is none.
    """
    found = given or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    found = found or _aws("configure", "get", "region")
    if not found:
        raise NotCallable(NO_REGION)
    return found


def _aws(*words: str) -> str | None:
    """What the `aws` command says; None if there is no such command or it refuses."""
    if not shutil.which("aws"):
        return None
    done = subprocess.run(["aws", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _of_botocore() -> Credentials:
    try:
        import botocore.session
    except ImportError as error:
        raise NotCallable(NO_CREDENTIALS) from error
    found = botocore.session.Session().get_credentials()
    if not found:
        raise NotCallable(NO_CREDENTIALS)
    frozen = found.get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)
