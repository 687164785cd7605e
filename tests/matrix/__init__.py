"""Comparison of every model family and task of Ultralytics with its own `predict`: `python -m tests.matrix`."""
