"""Benchmarks of the zips, compared with baselines: `scripts/bench.sh`, or `python -m benchmarks`.

Lambda does not run this code. The modules of `workers/` and `baselines/` run in the measured processes, on their
Python; the other modules start these processes, measure them and report the results.
"""


class NotMeasured(Exception):
    """A requirement is missing, or the results of the contenders are not comparable; the message is for the user."""
