"""The same function as tutorials deploy it: complete packages, no bytecode, boto3 with a client at module level.

The benchmark leaves bytecode and the optimization of the model out of the zips; the code is the same.
"""

import boto3

S3 = boto3.client("s3")

from function.handler import lambda_handler  # noqa: E402  (boto3 comes first, as in the tutorials)

__all__ = ["S3", "lambda_handler"]
