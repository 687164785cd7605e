"""What the zips cost in time and memory, measured beside what others do: `scripts/bench.sh`, or `python -m benchmarks`.

Never shipped. `inside/` and `peers/` run in the measured processes, on their Python; the rest measures.
"""
