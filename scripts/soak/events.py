"""Events of every source, as AWS sends them: HTTP front ends, direct invocation, S3, SNS, EventBridge, SQS and others.

The fields are those of the sample events in tests/function/sources/events, which come from the AWS documentation.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from scripts.local_lambda.events import function_url_event
from scripts.soak.fixtures import BUCKET

QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:images"
TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:images"
GROUP_ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/images/49e9d65c45c6791a"
API_HOST = "abcdef1234.execute-api.us-east-1.amazonaws.com"
KEY = "key of the soak test"
KEY_SHA256 = hashlib.sha256(KEY.encode()).hexdigest()
WITH_KEY = {"x-api-key": KEY}
MADE_AT = {"requestId": "id-1", "time": "01/Nov/2026:00:00:00 +0000", "timeEpoch": 1793491200000}
SEQUENCER = "0055AED6DCD90281E6"
FRONT_ENDS = (
    "function url", "http api v2", "http api v1", "rest api", "load balancer", "load balancer, lists", "lattice v1",
    "lattice v2",
)  # fmt: skip


def http(
    front_end: str,
    method: str,
    path: str,
    content: bytes,
    content_type: str,
    query: str = "",
    headers: Mapping[str, str] = WITH_KEY,
) -> dict[str, Any]:
    """Return the event of an HTTP request with a binary body.

    Args:
        front_end: one of `FRONT_ENDS`.
        method: HTTP method.
        path: path without the query string.
        content: body; may be empty.
        content_type: its type.
        query: query string without the question mark; its values need no percent-encoding.
        headers: names in lower case; by default the API key.
    """
    headers, parameters = {"content-type": content_type, "host": API_HOST, **headers}, dict(parse_qsl(query))
    body = base64.b64encode(content).decode()
    if front_end in ("function url", "http api v2"):
        event = function_url_event(content, content_type, query)
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
        event["requestContext"]["http"]["method"] = method
        event["headers"] |= headers
        event["requestContext"] |= MADE_AT  # the event of a number is always the same
        if front_end == "http api v2":
            event["requestContext"] |= {"domainName": API_HOST, "domainPrefix": "abcdef1234"}
        return event
    if front_end.startswith("lattice"):
        return _lattice_event(front_end, {"method": method, "headers": headers, "body": body}, path, parameters)
    event = {"httpMethod": method, "path": path, "body": body, "isBase64Encoded": True}
    if front_end.startswith("load balancer"):
        event["requestContext"] = {"elb": {"targetGroupArn": GROUP_ARN}}
        if front_end.endswith("lists"):
            lists = {"multiValueHeaders": _lists(headers), "multiValueQueryStringParameters": _lists(parameters)}
            return event | lists
        return event | {"headers": headers, "queryStringParameters": parameters}
    context = {"stage": "$default", "path": path, "httpMethod": method, "domainName": API_HOST, "requestId": "id="}
    event |= {"resource": path, "headers": headers, "multiValueHeaders": _lists(headers), "requestContext": context}
    event |= {"queryStringParameters": parameters or None, "pathParameters": None, "stageVariables": None}
    return {"version": "1.0", **event} if front_end == "http api v1" else event


def _lattice_event(front_end: str, common: dict[str, Any], path: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    if front_end == "lattice v1":
        names = {"raw_path": path, "query_string_parameters": parameters, "is_base64_encoded": True}
        return {**common, **names}
    lists = {"headers": _lists(common["headers"]), "queryStringParameters": _lists(parameters)}
    context = {"targetGroupArn": "arn:aws:vpc-lattice:us-east-1:123456789012:targetgroup/tg-0123456789abcdef0"}
    event = {"version": "2.0", **common, "path": path, **lists}
    return event | {"requestContext": context, "isBase64Encoded": True}


def form(files: Sequence[tuple[str, str, bytes]], fields: Mapping[str, str]) -> tuple[bytes, str]:
    """Return the body of a form and its content type.

    Args:
        files: file name, content type and content of each file.
        fields: the other fields.
    """
    boundary = "----soak0123456789"
    parts = [
        f'Content-Disposition: form-data; name="image"; filename="{name}"\r\nContent-Type: {kind}\r\n\r\n'.encode()
        + data
        for name, kind, data in files
    ]
    parts += [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode() for name, text in fields.items()]
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def s3_record(
    key: str, size: int, etag: str, sequencer: str = SEQUENCER, version_id: str | None = None
) -> dict[str, Any]:
    """Return one record of an S3 notification."""
    fields = {"key": quote_plus(key, safe="/"), "size": size, "eTag": etag, "sequencer": sequencer}
    if version_id:
        fields["versionId"] = version_id
    s3 = {"s3SchemaVersion": "1.0", "bucket": {"name": BUCKET}, "object": fields}
    return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}


def eventbridge(
    key: str, size: int, etag: str, sequencer: str = SEQUENCER, version_id: str | None = None
) -> dict[str, Any]:
    """Return the event of EventBridge for a created object."""
    fields = {"key": key, "size": size, "etag": etag, "sequencer": sequencer}
    if version_id:
        fields["version-id"] = version_id
    detail = {"version": "0", "bucket": {"name": BUCKET}, "object": fields, "reason": "PutObject"}
    return {"version": "0", "detail-type": "Object Created", "source": "aws.s3", "detail": detail}


def sns(notification: dict[str, Any]) -> dict[str, Any]:
    """Return the event of an SNS topic that passes on a notification."""
    message = {"Type": "Notification", "TopicArn": TOPIC_ARN, "Message": json.dumps(notification)}
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": message}]}


def message(message_id: str, body: str, receives: int = 1) -> dict[str, Any]:
    """Return a message of an SQS queue."""
    return {
        "messageId": message_id,
        "receiptHandle": "local",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(receives), "SentTimestamp": "1772366400000"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN,
        "awsRegion": "us-east-1",
    }


def s3_batch(schema: str, keys: Sequence[str]) -> dict[str, Any]:
    """Return the event of S3 Batch Operations, schema 1.0 or 2.0, with a task for each key; the id is the key."""
    bucket = {"s3BucketArn": f"arn:aws:s3:::{BUCKET}"} if schema == "1.0" else {"s3Bucket": BUCKET}
    tasks = [{"taskId": key, "s3Key": quote_plus(key, safe="/"), "s3VersionId": None, **bucket} for key in keys]
    return {"invocationSchemaVersion": schema, "invocationId": "local", "job": {"id": "local"}, "tasks": tasks}


def map_item(key: str, size: int, etag: str) -> dict[str, Any]:
    """Return the item of a distributed map over the listing of a bucket, without the bucket."""
    return {"Etag": f'"{etag}"', "Key": key, "LastModified": 1668699881, "Size": size, "StorageClass": "STANDARD"}


def _lists(values: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: [value] for name, value in values.items()}
