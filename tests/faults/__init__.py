"""Faults of S3 and of the execution environment, each with its stated outcome."""
