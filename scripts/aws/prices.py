"""Prices of AWS in USD, without the free tier and without discounts for volume.

Those of us-east-1, on-demand, as of November 2026; other regions differ. Source: aws.amazon.com/lambda/pricing,
/s3/pricing, /sqs/pricing, /step-functions/pricing.
"""

from __future__ import annotations

REGION = "us-east-1"
GB_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}  # of Lambda, by architecture
REQUEST = 0.20 / 1e6  # of Lambda
S3_GET = 0.40 / 1e6  # GET and HEAD
S3_PUT = 5.00 / 1e6  # PUT, POST, COPY and LIST
SQS_REQUEST = 0.40 / 1e6  # standard queue
S3_BATCH_JOB = 0.25
S3_BATCH_OBJECT = 1.00 / 1e6
EXPRESS_REQUEST = 1.00 / 1e6  # of Step Functions: one express workflow
TRANSITION = 25.00 / 1e6  # of Step Functions: one state transition of a standard workflow


def lambda_usd(seconds: float, memory_mb: int, architecture: str, calls: int) -> float:
    """Return the price of calls.

    Args:
        seconds: billed, of all calls together.
        memory_mb: of the function.
        architecture: x86_64 or arm64.
        calls: number of requests.
    """
    return seconds * memory_mb / 1024 * GB_SECOND[architecture] + calls * REQUEST
