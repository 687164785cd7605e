"""A cell set for the target Python: the zips and the runtime in their places, and the command lines that run there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scripts.local_lambda.artifacts import Artifacts
from scripts.local_lambda.env_vars import Settings, lambda_environ
from scripts.local_lambda.errors import CellFailed, NotRunnable
from scripts.local_lambda.invocation import how
from scripts.local_lambda.sandbox import Process, ProcessExit, Sandbox
from scripts.local_lambda.sandbox.child import TMP
from scripts.local_lambda.sandbox.isolation import IsolationMode, ways

OPTIONS = ("-S", "-s", "-P")  # no site-packages, no user site, nothing added to sys.path
PROBE = "import awslambdaric, runtime_client"


class ExecutionEnvironment:
    """An enclosure in which the function can run.

    Attributes:
        cell: the enclosure.
        note: what kind it is, and why it is not a better one.
    """

    def __init__(self, target: Artifacts, runtime: Path, settings: Settings, isolation: str) -> None:
        """Make the best enclosure that works here.

        Args:
            target: what to run.
            runtime: the folder that stands at /var/runtime.
            settings: the function's.
            isolation: `auto`, `namespace` or `plain`.

        Raises:
            NotRunnable: none works.
        """
        self._target, self._settings = target, settings
        zips = {"var/task": str(target.function_zip.resolve()), "opt": str(target.layer_zip.resolve())}
        plan = {"zips": zips, "prefix": str(target.interpreter.prefix), "runtime": str(runtime)}
        refused: list[str] = []
        for way in ways(isolation):
            why_not = self._try(way, plan)
            if not why_not:
                self.note = "; ".join([way.says, *refused])
                return
            refused.append(f"{way.name} not used: {why_not}")
        raise NotRunnable(f"the function cannot be run here with isolation {isolation}: {'; '.join(refused)}")

    def start(self, program: str, streams: tuple[int, int, int]) -> Process:
        """Start one of the runtime folder's programs."""
        return self.cell.start(self._argv(program), self._environ(), streams)

    def run(self, program: str, sent: bytes, limit: float) -> tuple[ProcessExit, bytes, str]:
        """Run one of the runtime folder's programs to its end; see `Sandbox.run`."""
        return self.cell.run(self._argv(program), self._environ(), sent, limit)

    def _try(self, way: IsolationMode, plan: Mapping[str, object]) -> str:
        """Make a cell and see that the runtime client loads in it; if not, why."""
        try:
            self.cell = Sandbox(way, plan)
        except CellFailed as error:
            return str(error)
        ended, _, errors = self.cell.run([*self._python(), "-c", PROBE], self._environ())
        if not ended.status:
            return ""
        self.cell.close()
        return (errors.strip() or how(ended)).splitlines()[-1]

    def _argv(self, program: str) -> list[str]:
        return [*self._python(), f"{self.cell.paths['runtime']}/{program}", self.cell.paths["opt"]]

    def _python(self) -> list[str]:
        interpreter = self._target.interpreter
        inside = interpreter.executable.relative_to(interpreter.prefix.resolve())
        unwritten = ("-B",) if self.cell.way.isolation == "plain" else ()  # permissions may not stop bytecode there
        return [str(Path(self.cell.paths["lang"], inside)), *OPTIONS, *unwritten]

    def _environ(self) -> dict[str, str]:
        paths = self.cell.paths
        environ = lambda_environ(self._settings, self._target.interpreter.minor, paths, self.cell.port)
        model = Path(paths["opt"], "model.onnx")
        if paths["opt"] != "/opt" and model.exists() and not Path(paths["task"], "model.onnx").exists():
            environ.setdefault("MODEL_PATH", str(model))  # the shipped code looks in /opt, which this is not
        if paths["tmp"] != TMP:
            environ.setdefault("TMPDIR", paths["tmp"])  # goes with the cell
        return environ
