"""Names of the fuzz targets. What a target does is in tests/fuzz; a test compares the two.

Runs under any Python from 3.9 on, with the standard library alone: `--list` needs no environment.
"""

from __future__ import annotations

from typing import NamedTuple

BYTES, STRUCTURED = "atheris", "hypothesis"  # engines


class Target(NamedTuple):
    """Engine and subject of a target."""

    engine: str
    subject: str


TARGETS = {
    "image-jpeg": Target(BYTES, "JPEG files"),
    "image-png": Target(BYTES, "PNG files, half of them with correct checksums"),
    "image-webp": Target(BYTES, "WebP files"),
    "image-avif": Target(BYTES, "AVIF files"),
    "image-bmp": Target(BYTES, "BMP files"),
    "image-gif": Target(BYTES, "GIF files"),
    "image-tiff": Target(BYTES, "TIFF and BigTIFF files"),
    "form": Target(BYTES, "multipart/form-data and its content type"),
    "json": Target(BYTES, "JSON text of a request"),
    "base64": Target(BYTES, "base64 text and its dialects"),
    "encoding": Target(BYTES, "compressed bodies and Content-Encoding"),
    "query": Target(BYTES, "options in a query string"),
    "tensors": Target(BYTES, "JSON text of tensors, for each datatype"),
    "outputs": Target(BYTES, "numbers that a network returns: detect, classify, pose, obb"),
    "masks": Target(BYTES, "numbers that a segmentation network returns: polygons and run lengths"),
    "dense": Target(BYTES, "numbers that a network for semantic segmentation or depth returns"),
    "metadata": Target(BYTES, "metadata of an ONNX model"),
    "model": Target(BYTES, "files of ONNX models"),
    "url": Target(BYTES, "URLs of images"),
    "fetch": Target(BYTES, "HTTP responses of servers"),
    "draw": Target(BYTES, "shapes and names on annotated images, and the bytes that these may have"),
    "accept": Target(BYTES, "the header Accept"),
    "converse": Target(BYTES, "HTTP responses of Bedrock to a reading"),
    "dial": Target(BYTES, "points of a dial, and its scale"),
    "function-url": Target(STRUCTURED, "events of a Function URL"),
    "http-api": Target(STRUCTURED, "events of API Gateway HTTP APIs"),
    "rest-api": Target(STRUCTURED, "events of API Gateway REST APIs"),
    "load-balancer": Target(STRUCTURED, "events of an Application Load Balancer"),
    "lattice": Target(STRUCTURED, "events of VPC Lattice"),
    "direct": Target(STRUCTURED, "direct invocations"),
    "s3": Target(STRUCTURED, "notifications of S3, SNS, EventBridge and CloudTrail, with faults of S3"),
    "sqs": Target(STRUCTURED, "messages of SQS and EventBridge Pipes, with faults of S3"),
    "s3-batch": Target(STRUCTURED, "tasks of S3 Batch Operations, with faults of S3"),
    "distributed-map": Target(STRUCTURED, "items of a distributed map, with faults of S3"),
    "other-events": Target(STRUCTURED, "warm-up events, and events of other services of AWS"),
    "inference": Target(STRUCTURED, "requests of the Open Inference Protocol"),
    "uploads": Target(STRUCTURED, "requests for an upload, with authorizers"),
}
