"""The same function as the tutorials put it on Lambda: whole packages, nothing compiled, boto3 first.

What the zip around it lacks (bytecode, an optimized model) the benchmark leaves out of it; the code is the same.
"""

import boto3

S3 = boto3.client("s3")

from function.handler import lambda_handler  # noqa: E402  (the order of the tutorials)

__all__ = ["S3", "lambda_handler"]
