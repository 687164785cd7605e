"""Command line of the mutation test: `python -m tests.mutation [MODULE...]`, also as `scripts/test.sh --mutate`.

Each mutant is a copy of `function/` with one small change. The fast tests of `function/` have to fail with it; if they
pass, nothing holds the changed code. mutmut makes the mutants and runs only the tests that reach the changed function.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scripts.environments import project_version
from tests.mutation import judged, mutants

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "build" / "mutation"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog="python -m tests.mutation", description="Change function/ at one place at a time and run the fast tests."
    )
    add = command.add_argument
    add(
        "modules",
        nargs="*",
        metavar="MODULE",
        help="module or folder, such as function.postprocess.boxes or function/api, or the name of a mutant "
        "(default: all of function/)",
    )
    add("--sample", type=int, metavar="N", help="run N mutants chosen at random (default: all)")
    add("--seed", type=int, default=0, metavar="N", help="seed of the sample (default: 0)")
    add("--jobs", type=int, default=1, metavar="N", help="processes (default: 1)")
    add("--version", action="version", version=f"%(prog)s {project_version()}", help="print the version and exit")
    return command


def main(arguments: list[str]) -> int:
    """Run the mutants.

    Returns:
        0 if every mutant is killed or judged, 1 if one survived, 2 if none could be run.
    """
    options = parser().parse_args(arguments)
    work = mutants.prepare(ROOT, FOLDER / "work")
    names = mutants.select(mutants.generate(work), options.modules, options.sample, options.seed)
    if not names:
        sys.stderr.write(f"mutation: MODULE must be a module or folder of function/, got {options.modules}\n")
        return 2
    outcome = mutants.run(work, names, options.jobs)
    if outcome is None:
        sys.stderr.write(f"mutation: the tests must pass without a mutant; see {FOLDER / 'work' / 'mutmut.log'}\n")
        return 2
    accepted = judged.load()
    found = [mutants.difference(work, name) for name, state in outcome.items() if state != mutants.KILLED]
    is_judged = {mutant.name: judged.reason(mutant, accepted) is not None for mutant in found}
    survivors = [mutant for mutant in found if is_judged[mutant.name] or mutants.survives_a_start(work, mutant.name)]
    unjudged = [mutant for mutant in survivors if not is_judged[mutant.name]]
    for old in FOLDER.glob("*.diff"):
        old.unlink()
    for mutant in unjudged:
        (FOLDER / f"{mutant.name}.diff").write_text(mutant.diff)
    sys.stdout.write("\n".join(_table(list(outcome), survivors, unjudged)) + "\n")
    if unjudged:
        sys.stdout.write(f"survivors: {FOLDER.relative_to(ROOT)}/*.diff\n")
    return 1 if unjudged else 0


def _table(names: list[str], survivors: list[mutants.Mutant], unjudged: list[mutants.Mutant]) -> list[str]:
    """Return a line with the counts of each module, and one with their sums."""
    lines = [f"{'module':42} mutants  killed  judged  survived"]
    counts: dict[str, list[int]] = {}
    for name in names:
        counts.setdefault(mutants.module(name), [0, 0, 0])[0] += 1
    for mutant in survivors:
        counts[mutants.module(mutant.name)][1] += 1
    for mutant in unjudged:
        counts[mutants.module(mutant.name)][2] += 1
    counts["total"] = [sum(column) for column in zip(*counts.values(), strict=True)]
    for module, (total, survived, open_count) in counts.items():
        judged_count = survived - open_count
        lines.append(f"{module:42} {total:7}  {total - survived:6}  {judged_count:6}  {open_count:8}")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
