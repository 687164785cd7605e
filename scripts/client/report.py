"""Output of scripts/call.py: a table of the results of each image; latencies and cold starts of many calls."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from scripts import result_table
from scripts.client.connection import Reply

MAX_SHOWN = 2000  # characters of a response that is no result
PERCENTS = (50, 90, 99)


def format_reply(name: str, reply: Reply) -> str:
    """Return the result of one image as a table, its error as one line, or the response as it is."""
    cold = f"   cold start, init {reply.init_ms:.0f} ms" if reply.init_ms is not None else ""
    error = "" if reply.status == 200 else result_table.error(reply.status, reply.body)
    if error:
        return f"{name}   {error}   {reply.ms:.0f} ms{cold}\n"
    lines = [f"{name}   {reply.status or 'no response'}   {reply.ms:.0f} ms{cold}"]
    table = result_table.lines(reply.body) or result_table.results(reply.body, with_times=False)
    if table:
        return "\n".join([*lines, *(f"  {line}" for line in table)]) + "\n"
    text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body, ensure_ascii=False)
    return "\n".join([*lines, f"  {text[:MAX_SHOWN]}"]) + "\n"


def format_log(name: str, reply: Reply) -> str:
    """Return the log of the invocation for one image, for --verbose; only Lambda's API has it."""
    text = reply.log.expandtabs().splitlines() or ["no log: only a call with --function gets it"]
    lines = ("".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line) for line in text)
    return "".join(f"{name}  | {line}\n" for line in lines)


def format_load_test(replies: Sequence[Reply], concurrency: int, seconds: float, direct: bool) -> str:
    """Return the statistics of many calls: duration, statuses, latencies, cold starts.

    Args:
        replies: at least one.
        concurrency: calls at the same time.
        seconds: duration of all calls.
        direct: the calls went to Lambda's API, which reports cold starts.
    """
    statistics = summary(replies, seconds)
    times = "   ".join(f"{name} {value:.0f}" for name, value in statistics["ms"].items())
    statuses = ", ".join(f"{count} x {status}" for status, count in statistics["statuses"].items())
    rate = f"{statistics['per_second']:.1f} per second"
    lines = [
        f"calls        {len(replies)}, concurrency {concurrency}, in {seconds:.1f} s ({rate})",
        f"responses    {statuses}",
        f"ms           {times}   (round trip, only responses with status 200)" if times else "ms           none",
    ]
    if statistics["retries"]:
        lines.append(f"retries      {statistics['retries']} (status 429, 503, or no connection)")
    cold = statistics["init_ms"]
    if not direct:
        lines.append("cold starts  not visible by URL; calls with --function get the log")
    elif cold:
        lines.append(f"cold starts  {len(cold)}, init {min(cold):.0f} to {max(cold):.0f} ms (REPORT lines)")
    else:
        lines.append("cold starts  0 (REPORT lines)")
    return "\n".join(lines) + "\n"


def summary(replies: Sequence[Reply], seconds: float) -> dict[str, Any]:
    """Return the same statistics for --json; `ms` is empty if no response has status 200."""
    times = sorted(reply.ms for reply in replies if reply.status == 200)
    ms = {f"p{percent}": round(percentile(times, percent), 3) for percent in PERCENTS} if times else {}
    statuses = Counter(reply.status for reply in replies)
    return {
        "calls": len(replies),
        "seconds": round(seconds, 3),
        "per_second": round(len(replies) / seconds, 3),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "ms": {**ms, **({"max": round(times[-1], 3)} if times else {})},
        "retries": sum(max(reply.tries - 1, 0) for reply in replies),
        "init_ms": [reply.init_ms for reply in replies if reply.init_ms is not None],
    }


def percentile(ascending: Sequence[float], percent: int) -> float:
    """Return the percentile by the nearest-rank method.

    Args:
        ascending: at least one value, sorted.
        percent: 0 to 100.
    """
    rank = -(-len(ascending) * percent // 100)
    return ascending[max(rank, 1) - 1]
