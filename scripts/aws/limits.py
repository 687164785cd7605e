"""Limits of AWS Lambda."""

UNZIPPED_LIMIT = 262_144_000  # bytes, function and layers together


DIRECT_LIMIT = 52_428_800  # bytes of a zip that is sent with the request; a larger one goes through S3
