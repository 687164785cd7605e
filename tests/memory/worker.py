"""The function in a process with a limit of memory: `worker.py OPTIONS`.

OPTIONS is a JSON object: `events`, a file with one event in each line; and `limit_mb`, `group` (a folder) and `port`,
null for none. The worker writes one line for each event: the status of the response, its errors, and the resident
memory of the process before the event, at its peak and after it. In a control group, Linux ends the process when it
exceeds the limit; without one, an allocation beyond it fails.
"""

import json
import logging
import os
import resource
import socket
import sys
from pathlib import Path
from typing import Any

MIB = 1024 * 1024
KB = 1024  # unit of /proc/self/status


def memory() -> dict[str, int]:
    """Return the resident and the virtual size of this process, and the peak of the resident size, bytes."""
    names = {"VmRSS": "resident", "VmHWM": "peak", "VmSize": "virtual"}
    fields = (line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return {names[name]: int(value.split()[0]) * KB for name, value in fields if name in names}


def reset_peak() -> None:
    """Set the peak to the present size; Source: proc(5), clear_refs."""
    Path("/proc/self/clear_refs").write_text("5")


def limit_growth(limit: int) -> None:
    """Let the address space grow by what is left of the limit: a part of the present space is never used."""
    now = memory()
    size = now["virtual"] + limit - now["resident"]
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def fetch_from_this_machine(port: int) -> None:
    """Let the function fetch every https URL from a server of this machine, without TLS."""
    from function import fetch

    image: Any = fetch.image

    def from_this_machine(*arguments: Any, **options: Any) -> Any:
        def connect(_address: str, _port: int, _name: str, timeout_s: float) -> socket.socket:
            return socket.create_connection(("127.0.0.1", port), timeout_s)

        return image(*arguments, **options, resolve=lambda _host, _port: ["93.184.215.14"], connect=connect)

    fetch.image = from_this_machine


def measure(event: Any) -> dict[str, Any]:
    """Send one event to the function."""
    from function import handler
    from tests.support.lambda_context import LambdaContext

    before = memory()["resident"]
    reset_peak()
    reply = handler.lambda_handler(event, LambdaContext(seconds=600))
    measured = {"before": before, "peak": memory()["peak"], "status": reply.get("statusCode")}
    body = json.loads(reply["body"]) if "body" in reply else reply
    rows = body.get("results") or [body]
    return measured | {
        "types": [row.get("type", "") for row in rows],
        "errors": [row.get("error", "") for row in rows],
        "after": memory()["resident"],
    }


def main() -> None:
    """Send the events to the function."""
    options = json.loads(sys.argv[1])
    logging.basicConfig(stream=sys.stderr)
    if options["group"]:
        Path(options["group"], "cgroup.procs").write_text(str(os.getpid()))
    from function import handler  # noqa: F401  (loads the model, before the limit)

    if options["port"]:
        fetch_from_this_machine(options["port"])
    if options["limit_mb"] and not options["group"]:
        limit_growth(options["limit_mb"] * MIB)
    with Path(options["events"]).open() as lines:
        for line in lines:
            print(json.dumps(measure(json.loads(line))), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
