"""One process that fuzzes one target: `python -m tests.fuzz.worker OPTIONS`; scripts/fuzz starts and watches it.

The engine is atheris for bytes, hypothesis for structured inputs, and random changes for bytes without atheris. A
finding is saved and the search goes on; an input that kills the process is in the record.
"""

import faulthandler
import hashlib
import json
import logging
import os
import re
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from tests.fuzz import corpus, record
from tests.fuzz.targets import Target

CPU_LIMIT_S = 10.0  # kills the process; `verdict.MAX_CPU_S` is reported before, if the input ends by itself
ADDRESS_SPACE_MB = 1024  # in addition to what the process has at its start
TIMEOUT_S = 86_400  # of atheris, whose 0 is 1 s of wall time; CPU_LIMIT_S is the limit
MAX_FINDINGS = 20  # of one process
ROUND = 200  # examples of hypothesis between two looks at the clock
INSTRUMENTED = ["function", "PIL", "python_multipart"]


class Options(NamedTuple):
    """Argument of the process: a JSON object."""

    target: str
    seconds: float = 10.0
    seed: int = 1
    record: str = ""  # file for the input that runs
    findings: str = ""  # folder
    corpus: str = ""  # folder for inputs that reach new code
    replay: list[str] | None = None  # inputs to run instead of a search


def main(arguments: list[str]) -> int:
    """Fuzz a target, or replay inputs; return 1 if a replayed input does not keep the property."""
    options = Options(**json.loads(arguments[0]))
    faulthandler.enable()
    engine = _import_function(options)
    from tests.fuzz import targets

    warnings.simplefilter("ignore")
    logging.getLogger("function").setLevel(logging.INFO)
    logging.getLogger("function").addHandler(logging.NullHandler())
    if options.replay is not None:
        return _replay(options.target, [Path(name) for name in options.replay])
    target = targets.load()[options.target]
    runner = Runner(target, Path(options.record), Path(options.findings))
    sys.stderr.write(f"engine: {engine}\n")
    seeds = [*target.seeds(), *(path.read_bytes() for path in corpus.files(options.target))]
    limit = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + (ADDRESS_SPACE_MB << 20), limit))
    for data in seeds:
        runner.run(data)
    if engine == "hypothesis":
        _search_structured(target, runner, options.seconds, options.seed)
    elif engine == "atheris":
        _search_guided(target, runner, seeds, options)
    else:
        _search_random(target, runner, seeds, options.seconds, options.seed)
    return 0


class Runner:
    """Runs inputs under the limits, and saves each kind of finding once."""

    def __init__(self, target: Target, record_path: Path, findings: Path) -> None:
        self._target = target
        self._record = record.Record(record_path)
        self._findings = findings
        self._known: set[str] = set()
        findings.mkdir(parents=True, exist_ok=True)
        faulthandler.register(signal.SIGPROF, chain=True)  # prints the stack, then the process ends

    def run(self, data: bytes) -> str | None:
        """Run one input; return the signature of its problem, None if it keeps the property."""
        self._record.begin(data)
        signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT_S)
        try:
            self._target.run(data)
        except Exception as error:  # noqa: BLE001  (every error is a finding)
            signature = _signature(error)
            if signature in self._known or len(self._known) < MAX_FINDINGS:
                self._known.add(signature)
                save(self._findings, data, f"{error}\n\n{traceback.format_exc()}", signature)
            return signature
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self._record.end()
        return None


def save(folder: Path, data: bytes, report: str, signature: str) -> Path:
    """Write an input and why it is a finding; a shorter input of the same signature replaces it."""
    path = folder / hashlib.sha256(signature.encode()).hexdigest()[:12]
    if not path.exists() or (len(data), data) < (path.stat().st_size, path.read_bytes()):
        path.write_bytes(data)
        path.with_suffix(".txt").write_text(report, "utf-8", "backslashreplace")
    return path


def _import_function(options: Options) -> str:
    """Import the function, instrumented if atheris is there; return the engine."""
    from tests.fuzz import runtime

    if options.replay is not None:
        runtime.handler()
        return "none"
    if _is_structured(options.target):
        runtime.handler()
        return "hypothesis"
    try:
        import atheris
    except ImportError:
        sys.stderr.write("atheris is not installed: bytes are changed at random, without the guidance of coverage\n")
        runtime.handler()
        return "random"
    with atheris.instrument_imports(include=INSTRUMENTED):
        runtime.handler()
        import function.draw
        import function.fetch
        import function.tensors.inference  # noqa: F401  (lazy in the function)
    return "atheris"


def _is_structured(name: str) -> bool:
    from scripts.fuzz.targets import TARGETS

    return TARGETS[name].engine == "hypothesis"


def _search_guided(target: Target, runner: Runner, seeds: Iterable[bytes], options: Options) -> None:
    import atheris

    folder = Path(options.corpus)
    given = folder.with_name("seeds")
    for made in (folder, given):
        made.mkdir(parents=True, exist_ok=True)
    for data in seeds:
        (given / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    arguments = ["fuzz", f"-max_total_time={max(int(options.seconds), 1)}", f"-seed={options.seed}"]
    arguments += [
        f"-timeout={TIMEOUT_S}",
        "-max_len=65536",
        "-rss_limit_mb=0",
        "-len_control=0",
        str(folder),
        str(given),
    ]
    words = "".join(f'"{_escaped(word)}"\n' for word in target.words if word)
    if words:  # libFuzzer refuses an empty dictionary
        dictionary = folder.with_suffix(".dict")
        dictionary.write_text(words)
        arguments.append(f"-dict={dictionary}")
    atheris.Setup(arguments, lambda data: runner.run(data) and None)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word[:60])


def _search_structured(target: Target, runner: Runner, seconds: float, seed: int) -> None:
    import hypothesis
    from hypothesis import HealthCheck, Phase

    assert target.strategy
    strategy, ends = target.strategy(), time.monotonic() + seconds
    reported: set[str] = set()

    class Found(Exception):
        """Makes hypothesis search for a smaller input of the same kind."""

    def example(case: Any) -> None:
        signature = runner.run(json.dumps(case).encode())
        if signature and signature not in reported and time.monotonic() < ends:
            found.append(signature)
            raise Found

    while time.monotonic() < ends:
        found: list[str] = []
        settings = hypothesis.settings(
            max_examples=ROUND,
            database=None,
            deadline=None,
            derandomize=False,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
        )
        search = hypothesis.seed(seed)(settings(hypothesis.given(strategy)(example)))
        try:
            search()
        except Found:
            pass
        except Exception as error:
            if "Flaky" not in type(error).__name__:
                raise
        reported.update(found)
        seed += 1


def _search_random(target: Target, runner: Runner, seeds: list[bytes], seconds: float, seed: int) -> None:
    from tests.fuzz.mutation import mutated

    random, ends = Random(seed), time.monotonic() + seconds
    while time.monotonic() < ends:
        runner.run(mutated(random.choice(seeds), seeds, target.words, random))


def _replay(name: str, paths: list[Path]) -> int:
    """Run inputs of one target, or of all targets from the corpus; print a line of JSON for each."""
    from tests.fuzz import targets

    found = targets.load()
    failed = 0
    for target_name in found if name == "all" else [name]:
        for path in corpus.files(target_name) if name == "all" else paths:
            problem = _problem(found[target_name], path.read_bytes())
            failed += bool(problem)
            sys.stdout.write(json.dumps({"target": target_name, "file": path.name, "problem": problem}) + "\n")
    return min(failed, 1)


def _problem(target: Target, data: bytes) -> str:
    try:
        target.run(data)
    except Exception:  # noqa: BLE001  (every error is a finding)
        return traceback.format_exc()
    return ""


def _signature(error: Exception) -> str:
    """Return what findings of the same cause have in common: the last line of code, or the text without numbers."""
    text = str(error)
    places = re.findall(r'File "([^"]+)", line (\d+), in (\S+)', text)
    if places:
        return f"{type(error).__name__} {places[-1]}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    subject = re.sub(r"[\d.,]+", "0", text.partition(":")[0])[:80]
    return f"{type(error).__name__} {frame.name} {subject}"


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
