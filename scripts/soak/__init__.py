"""The parts of `scripts/soak_s3.py`: an S3 on loopback, faults in front of it, a queue, and the count afterwards."""
