"""Parts of `scripts/soak.py` and `scripts/soak_s3.py`: events, S3 on loopback, injected faults, checks, samples."""
