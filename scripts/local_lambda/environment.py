"""Execution environment: a sandbox with the zips and the runtime in place, and the command lines that run in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scripts.local_lambda.artifacts import Artifacts
from scripts.local_lambda.env_vars import Settings, lambda_environ, layer_models
from scripts.local_lambda.errors import NotRunnable, SandboxFailed
from scripts.local_lambda.invocation import describe_exit
from scripts.local_lambda.sandbox import Process, ProcessExit, Sandbox
from scripts.local_lambda.sandbox.child import TMP
from scripts.local_lambda.sandbox.isolation import IsolationMode, modes

OPTIONS = ("-S", "-s", "-P")  # no site-packages, no user site, nothing added to sys.path
PROBE = "import awslambdaric, runtime_client"


class ExecutionEnvironment:
    """Sandbox in which the function can run.

    Attributes:
        sandbox: the sandbox.
        note: description of its isolation mode, and the reasons why better modes were not used.
    """

    def __init__(self, target: Artifacts, runtime: Path, settings: Settings, isolation: str) -> None:
        """Make a sandbox with the best isolation mode that works.

        Args:
            target: the zips and the Python.
            runtime: folder that appears at /var/runtime.
            settings: configuration of the function.
            isolation: `auto`, `namespace` or `plain`.

        Raises:
            NotRunnable: no mode works.
        """
        self._target, self._settings = target, settings
        zips = {"var/task": str(target.function_zip.resolve()), "opt": str(target.layer_zip.resolve())}
        plan = {"zips": zips, "prefix": str(target.interpreter.prefix), "runtime": str(runtime)}
        failures: list[str] = []
        for mode in modes(isolation):
            reason = self._try(mode, plan)
            if not reason:
                self.note = "; ".join([mode.description, *failures])
                return
            failures.append(f"{mode.name} not used: {reason}")
        raise NotRunnable(f"the function cannot run on this machine with isolation {isolation}: {'; '.join(failures)}")

    def start(self, program: str, streams: tuple[int, int, int]) -> Process:
        """Start a program of the runtime folder."""
        return self.sandbox.start(self._argv(program), self._environ(), streams)

    def run(self, program: str, stdin: bytes, limit: float) -> tuple[ProcessExit, bytes, str]:
        """Run a program of the runtime folder to its end; see `Sandbox.run`."""
        return self.sandbox.run(self._argv(program), self._environ(), stdin, limit)

    def _try(self, mode: IsolationMode, plan: Mapping[str, object]) -> str:
        """Make a sandbox and load the runtime client in it. Return the reason if that fails, else an empty string."""
        try:
            self.sandbox = Sandbox(mode, plan)
        except SandboxFailed as error:
            return str(error)
        ended, _, errors = self.sandbox.run([*self._python(), "-c", PROBE], self._environ())
        if not ended.status:
            return ""
        self.sandbox.close()
        return (errors.strip() or describe_exit(ended)).splitlines()[-1]

    def _argv(self, program: str) -> list[str]:
        return [*self._python(), f"{self.sandbox.paths['runtime']}/{program}", self.sandbox.paths["opt"]]

    def _python(self) -> list[str]:
        interpreter = self._target.interpreter
        executable = interpreter.executable.relative_to(interpreter.prefix.resolve())
        # In mode `plain`, permissions may not prevent that bytecode is written.
        no_bytecode = ("-B",) if self.sandbox.mode.isolation == "plain" else ()
        return [str(Path(self.sandbox.paths["lang"], executable)), *OPTIONS, *no_bytecode]

    def _environ(self) -> dict[str, str]:
        paths = self.sandbox.paths
        environ = lambda_environ(self._settings, self._target.interpreter.minor, paths, self.sandbox.port)
        if paths["opt"] != "/opt":  # where the shipped code looks for models
            environ |= layer_models(Path(paths["task"]), Path(paths["opt"]), paths["opt"], environ)
        if paths["tmp"] != TMP:
            environ.setdefault("TMPDIR", paths["tmp"])  # deleted with the sandbox
        return environ
