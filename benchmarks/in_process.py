"""The unpacked zips in one process of the target's Python, asked line by line: for what is measured from within."""

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


class Served:
    """A running process of the function.

    Attributes:
        first: what it said when it was ready: its memory.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.first = self._hear()

    def ask(self, event: Any) -> dict[str, Any]:
        """What one event cost.

        Raises:
            NotMeasured: the process ended, or its answer is an error.
        """
        assert self._process.stdin
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        told = self._hear()
        if told.get("status", 200) != 200:
            raise NotMeasured(f"the function answered {told['status']}: {told['error']}")
        return told

    def forget_peak(self) -> None:
        """The largest size counts from now on."""
        self.ask({"forget_peak": True})

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise NotMeasured(f"the function's process ended with {self._process.wait()}; its output is above")
        told: dict[str, Any] = json.loads(line)
        return told


@contextlib.contextmanager
def served(dist: Path, cpu_count: int, environ: Mapping[str, str]) -> Iterator[Served]:
    """The function of the zips, imported and warm.

    Args:
        dist: folder with the zips.
        cpu_count: CPUs that it may use.
        environ: its variables; METRICS is set to 0, since its answers share the output with them.
    """
    wanted = artifacts.read(dist)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as base:
        for name, archive in {"task": wanted.function_zip, "opt": wanted.layer_zip}.items():
            with archive.open("rb") as opened:
                unpack.unpack(opened, Path(base, name))
        command = [str(wanted.interpreter.executable), "-S", "-s", "-P", "-B", str(PROGRAM), f"{base}/task",
                   f"{base}/opt/python"]  # fmt: skip
        variables = {"METRICS": "0", "LANG": "en_US.UTF-8", **environ}
        with (
            cpus.pinned(cpu_count),
            subprocess.Popen(
                command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as process,
        ):
            try:
                yield Served(process)
            finally:
                assert process.stdin
                process.stdin.close()
                process.wait()
