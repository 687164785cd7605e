"""The unpacked zips in one process of the target's Python, without a runtime client, for measurements from inside."""

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import NotMeasured, cpus
from benchmarks.models import ROOT
from scripts.local_lambda import artifacts
from scripts.local_lambda.sandbox import unpack

PROGRAM = ROOT / "benchmarks" / "workers" / "serve.py"


class FunctionProcess:
    """A running process of the function.

    Attributes:
        initial: its first line: the memory before the first event.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.initial = self._read_line()

    def invoke(self, event: Any) -> dict[str, Any]:
        """Return the measurements of one event, as workers/serve.py writes them.

        Raises:
            NotMeasured: the process ended, or the response is an error.
        """
        assert self._process.stdin
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        measured = self._read_line()
        if measured.get("status", 200) != 200:
            raise NotMeasured(f"the function returned status {measured['status']}: {measured['error']}")
        return measured

    def reset_peak(self) -> None:
        """Set the peak resident size of the process to its current size."""
        self.invoke({"reset_peak": True})

    def _read_line(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise NotMeasured(f"the process of the function ended with exit code {code}; its output is above")
        fields: dict[str, Any] = json.loads(line)
        return fields


@contextlib.contextmanager
def running(dist: Path, cpu_count: int, environ: Mapping[str, str]) -> Iterator[FunctionProcess]:
    """Run the function of the zips in a process, imported and ready.

    Args:
        dist: folder with the zips.
        cpu_count: number of CPUs of the process.
        environ: its environment variables; METRICS is 0 by default, because metrics go to the same output as the lines.
    """
    built = artifacts.read(dist)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as base:
        for name, archive in {"task": built.function_zip, "opt": built.layer_zip}.items():
            with archive.open("rb") as opened:
                unpack.unpack(opened, Path(base, name))
        command = [str(built.interpreter.executable), "-S", "-s", "-P", "-B", str(PROGRAM), f"{base}/task",
                   f"{base}/opt/python"]  # fmt: skip
        variables = {"METRICS": "0", "LANG": "en_US.UTF-8", **environ}
        with (
            cpus.pinned(cpu_count),
            subprocess.Popen(
                command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as process,
        ):
            try:
                yield FunctionProcess(process)
            finally:
                assert process.stdin
                process.stdin.close()
                process.wait()
