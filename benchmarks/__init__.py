"""What the zips cost in time and memory, measured beside what others do: `scripts/bench.sh`, or `python -m benchmarks`.

Never shipped. `workers/` and `baselines/` run in the measured processes, on their Python; the rest measures.
"""


class NotMeasured(Exception):
    """Something that is needed is missing, or the contenders do not do the same."""
