"""Every generation and task that Ultralytics builds, against its own `predict`: `python -m tests.matrix`."""
