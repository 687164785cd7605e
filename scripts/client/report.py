"""What the user reads: a table of what was found in a picture, latencies and cold starts for many calls."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from scripts import result_table  # of scripts, which is on the path of whoever imports this package
from scripts.client.connection import Reply

MAX_SHOWN = 2000  # characters of an answer that is shown as it is
PERCENTS = (50, 90, 99)


def format_reply(name: str, reply: Reply) -> str:
    """One picture: its boxes or classes, or why there are none."""
    start = f"   cold start, {reply.init_ms:.0f} ms of it init" if reply.init_ms is not None else ""
    lines = [f"{name}   {reply.status or 'no answer'}   {reply.ms:.0f} ms{start}"]
    found = result_table.lines(reply.body) or result_table.results(reply.body, with_times=False)
    if found:
        return "\n".join([*lines, *(f"  {line}" for line in found)]) + "\n"
    shown = reply.body if isinstance(reply.body, str) else json.dumps(reply.body, ensure_ascii=False)
    return "\n".join([*lines, f"  {shown[:MAX_SHOWN]}"]) + "\n"


def format_load_test(replies: Sequence[Reply], concurrency: int, seconds: float, direct: bool) -> str:
    """Many calls, at least one: how long they took, what they were answered, which were cold."""
    found = summary(replies, seconds)
    times = "   ".join(f"{name} {value:.0f}" for name, value in found["ms"].items())
    answers = ", ".join(f"{count} x {status}" for status, count in found["statuses"].items())
    lines = [
        f"calls        {len(replies)}, {concurrency} at once, in {seconds:.1f} s ({found['per_second']:.1f} a second)",
        f"answers      {answers}",
        f"ms           {times}   (here to there and back; answers of 200 alone)" if times else "ms           none",
    ]
    cold = found["init_ms"]
    if not direct:
        lines.append("cold starts  not visible by URL: the log comes with calls by --function alone")
    elif cold:
        lines.append(f"cold starts  {len(cold)}, their init {min(cold):.0f} to {max(cold):.0f} ms (REPORT lines)")
    else:
        lines.append("cold starts  0 (REPORT lines)")
    return "\n".join(lines) + "\n"


def summary(replies: Sequence[Reply], seconds: float) -> dict[str, Any]:
    """The same for machines; `ms` is empty if nothing was answered with 200."""
    times = sorted(reply.ms for reply in replies if reply.status == 200)
    ms = {f"p{percent}": round(percentile(times, percent), 3) for percent in PERCENTS} if times else {}
    return {
        "calls": len(replies),
        "seconds": round(seconds, 3),
        "per_second": round(len(replies) / seconds, 3),
        "statuses": {str(status): count for status, count in sorted(Counter(one.status for one in replies).items())},
        "ms": {**ms, **({"max": round(times[-1], 3)} if times else {})},
        "init_ms": [reply.init_ms for reply in replies if reply.init_ms is not None],
    }


def percentile(ascending: Sequence[float], percent: int) -> float:
    """The smallest value that at least so many percent are not above (nearest rank); at least one value."""
    rank = -(-len(ascending) * percent // 100)
    return ascending[max(rank, 1) - 1]
