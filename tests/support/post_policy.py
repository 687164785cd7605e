"""S3 on loopback that also checks the policy of a form, which moto does not.

Sources: docs.aws.amazon.com/AmazonS3/latest/API, "POST policy" and "Calculating a signature" for HTTP POST.
"""

import base64
import datetime
import hashlib
import hmac
import json
from collections.abc import Mapping
from email import message_from_bytes
from typing import Any

from scripts.soak.fault_proxy import FaultyProxy

ERROR = "<Error><Code>{}</Code></Error>"
UNCHECKED = ("x-amz-signature", "file", "policy")  # fields that no condition has to name
Refusal = tuple[int, str]  # HTTP status and code of S3


class CheckedS3(FaultyProxy):
    """Proxy in front of moto: forms that S3 would refuse are refused.

    Attributes:
        secret: secret access key of the account.
        now: time of S3.
    """

    def __init__(self, upstream: str, secret: str) -> None:
        super().__init__(upstream)
        self.secret = secret
        self.now = lambda: datetime.datetime.now(datetime.UTC)

    def forward(
        self, method: str, target: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
        if method == "POST" and content_type.startswith("multipart/form-data"):
            bucket = target.strip("/").partition("/")[0]
            refused = refusal(form_fields(content_type, body), bucket, self.secret, self.now())
            if refused:
                status, code = refused
                return status, [("Content-Type", "application/xml")], ERROR.format(code).encode()
        return super().forward(method, target, body, headers)


def form_fields(content_type: str, body: bytes) -> dict[str, bytes]:
    """Return the fields of a form, names in lower case."""
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    parts = message.get_payload()
    assert isinstance(parts, list)
    fields: dict[str, bytes] = {}
    for part in parts:
        name = str(part.get_param("name", header="content-disposition")).lower()  # type: ignore[union-attr]
        fields[name] = part.get_payload(decode=True)  # type: ignore[union-attr,assignment]
    return fields


def refusal(fields: Mapping[str, bytes], bucket: str, secret: str, now: datetime.datetime) -> Refusal | None:
    """Return why S3 refuses a form; None if it accepts it."""
    texts = {name: value.decode() for name, value in fields.items() if name != "file"}
    if signature(texts, secret) != texts.get("x-amz-signature"):
        return 403, "SignatureDoesNotMatch"
    policy = json.loads(base64.b64decode(texts["policy"]))
    if now >= datetime.datetime.fromisoformat(policy["expiration"]):
        return 403, "AccessDenied"
    texts["bucket"] = bucket
    named = {"bucket"}
    for condition in policy["conditions"]:
        refused = _unmet(condition, texts, len(fields.get("file", b"")), named)
        if refused:
            return refused
    return (403, "AccessDenied") if set(texts) - named - set(UNCHECKED) else None


def _unmet(condition: Any, texts: Mapping[str, str], size: int, named: set[str]) -> Refusal | None:
    """Return the refusal of one condition that a form does not meet; add its field to `named`."""
    if isinstance(condition, dict):
        ((name, value),) = condition.items()
        condition = ["eq", f"${name}", value]
    kind, name, value = condition
    if kind == "content-length-range":
        if size < name:
            return 400, "EntityTooSmall"
        return (400, "EntityTooLarge") if size > value else None
    field = name.removeprefix("$").lower()
    named.add(field)
    actual = texts.get(field)
    is_met = actual is not None and (actual.startswith(value) if kind == "starts-with" else actual == value)
    return None if is_met else (403, "AccessDenied")


def signature(texts: Mapping[str, str], secret: str) -> str:
    """Return the signature of a policy, version 4."""
    key = f"AWS4{secret}".encode()
    for part in texts.get("x-amz-credential", "").split("/")[1:]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, texts.get("policy", "").encode(), hashlib.sha256).hexdigest()
