"""The corpus in tests/fuzz/corpus: `python -m tests.fuzz.corpus [DIR]`, with the Python of the environment `dev`.

It writes the seeds of every target again. With the output folder of a run of scripts/fuzz.sh, it also writes some of
the inputs that reached new code, of all sizes. Inputs with other names, the past findings, stay as they are.
"""

import shutil
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
SEED, REACHED = "seed-", "new-"  # beginnings of the file names that this program writes
MAX_INPUT_BYTES = 2500  # larger seeds are not stored: they are made again at every start
MAX_SEEDS, MAX_REACHED = 12, 12  # of one target
MAX_BYTES = 300_000  # of the whole corpus


def files(name: str) -> list[Path]:
    """Return the files of a target, in a fixed order."""
    return sorted(path for path in (FOLDER / name).glob("*") if path.is_file())


def write(name: str, seeds: list[bytes], output: Path | None) -> None:
    """Write the seeds of a target, and the inputs that a run added; `output` is the folder of the run."""
    folder = output / name / "corpus" if output else None
    _write(name, SEED, _small(seeds)[:MAX_SEEDS])
    if folder and folder.is_dir():
        reached = _small([path.read_bytes() for path in folder.iterdir()])
        _write(name, REACHED, reached[:: max(len(reached) // MAX_REACHED, 1)][:MAX_REACHED])


def _small(inputs: list[bytes]) -> list[bytes]:
    """Return the inputs that may be stored, the smallest first, each once."""
    return sorted((data for data in set(inputs) if len(data) <= MAX_INPUT_BYTES), key=lambda data: (len(data), data))


def _write(name: str, start: str, inputs: list[bytes]) -> None:
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(f"{start}*"):
        path.unlink()
    for number, data in enumerate(inputs):
        (folder / f"{start}{number:02}").write_bytes(data)


def main(arguments: list[str]) -> int:
    """Write the corpus."""
    from tests.fuzz import runtime, targets

    runtime.handler()
    output = Path(arguments[0]) if arguments else None
    found = targets.load()
    for folder in FOLDER.glob("*"):
        if folder.name not in found:
            shutil.rmtree(folder)
    for name, target in found.items():
        write(name, list(target.seeds()), output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
