"""Parts of `scripts/soak_s3.py`: an S3 server on loopback, injected faults, an SQS queue, and the final check."""
