#!/usr/bin/env python3
"""Write docs/cli.md from the argument parsers of all commands, so that the page and `--help` agree.

Run it with the Python that `python3 scripts/environments.py dev` prints.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    sys.path[0] = str(ROOT)  # started as a file: its own folder is there

from scripts.command_line import Parser  # noqa: E402

FAILED, USAGE = 1, 2  # exit codes
DEV = "python3 scripts/environments.py dev"
PAGE = ROOT / "docs" / "cli.md"
COMMANDS = {  # command, as one types it -> the module whose `parser()` reads its arguments
    "scripts/build_zip.sh": "scripts.bundle.options",
    "scripts/verify.sh": "scripts.verify.options",
    "scripts/deploy.sh": "scripts.aws.options",
    "scripts/undeploy.sh": "scripts.aws.undeploy",
    "scripts/call.py": "scripts.call",
    "scripts/batch.py": "scripts.batches.options",
    "scripts/tune.py": "scripts.tune",
    "scripts/predict.py": "scripts.predict",
    "scripts/compare.py": "scripts.compare",
    "scripts/invoke_local.py": "scripts.invoke_local",
    "scripts/serve.py": "scripts.serve",
    "scripts/fuzz.sh": "scripts.fuzz.options",
    "scripts/soak.py": "scripts.soak.cli",
    "scripts/soak_s3.py": "scripts.soak_s3",
    "scripts/bench.sh": "benchmarks.options",
    "scripts/bench.sh compare": "benchmarks.compare",
    "scripts/bench.sh engines": "benchmarks.engines",
    "scripts/bench.sh fast-decode": "benchmarks.fast_decode",
    "scripts/bench.sh scale": "benchmarks.scale.options",
    "scripts/cli_reference.py": "scripts.cli_reference",
    "python -m export": "export.options",
    "python -m layer": "layer.__main__",
}
HEAD = """\
# Commands

Every command of the project with its options. `--help` of a command prints the same. This page is written by
`scripts/cli_reference.py --write`; do not edit it by hand.

All commands run from a checkout. They install what they need below `.envs/` and `build/`, or in the folder that
`YOLO_LAMBDA_HOME` names.

| exit code | meaning |
|---|---|
| 0 | success |
| 1 | failed: a request, a check or a limit of Lambda |
| 2 | usage or environment error: an option, a file, a program or a credential is missing or wrong |
| 130 | interrupted; the last line says what is finished |

Names of options cannot be abbreviated. `--arch` also accepts `aarch64` and `amd64`, `--python` also `python3.13`. A
function is `NAME` or `NAME:ALIAS`; without an alias it is `live`. `--quiet` and `--verbose` cannot be combined;
`--json` prints the same document with both. Earlier names of options (`--output`, `--architecture`, `--alias`) still
work.

Two commands take no options of their own: `scripts/test.sh` runs the tests (`--fast`: only those that need neither
torch nor a build, and no slow ones; `--mutate` and `--long`: see `CONTRIBUTING.md`; all other arguments go to pytest),
and `scripts/check` runs lint, format, types, shellcheck and the build of the documentation.
`python3 scripts/environments.py NAME` makes an environment and prints the path of its Python.
"""


def main(arguments: list[str]) -> int:
    """Print the page, write it, or compare it; return 0, 1 if the page differs, 2 without the packages."""
    options = parser().parse_args(arguments)
    try:
        text = reference()
    except ModuleNotFoundError as error:
        sys.stderr.write(f"cli_reference: {error}; run it with the Python that `{DEV}` prints\n")
        return USAGE
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if options.check:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
            return 0
        sys.stderr.write("cli_reference: docs/cli.md must equal the parsers; run scripts/cli_reference.py --write\n")
        return FAILED
    sys.stdout.write(text)
    return 0


def parser() -> Parser:
    """Return the parser of this command."""
    made = Parser(prog="cli_reference.py", description=str(__doc__).splitlines()[0])
    mode = made.add_mutually_exclusive_group()
    mode.add_argument("--write", action="store_true", help="write docs/cli.md (default: print it)")
    mode.add_argument("--check", action="store_true", help="compare docs/cli.md with the parsers, and write nothing")
    made.add_version()
    return made


def reference() -> str:
    """Return the whole page."""
    return HEAD + "".join(_section(command, module) for command, module in COMMANDS.items())


def _section(command: str, module: str) -> str:
    described = importlib.import_module(module).parser()
    rows = "".join(f"| {name} | {text} |\n" for name, text in _rows(described))
    epilog = f"\n```text\n{described.epilog.strip()}\n```\n" if described.epilog else ""
    return f"\n## `{command}`\n\n{described.description.strip()}\n\n| argument | meaning |\n|---|---|\n{rows}{epilog}"


def _rows(described: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """Yield each argument that is not hidden, with its values, and its help text."""
    formatter = argparse.HelpFormatter(described.prog)
    for action in described._actions:
        if action.help is argparse.SUPPRESS:
            continue
        text = (formatter._expand_help(action) if action.help else "").replace("|", "\\|")
        yield ", ".join(f"`{name}`" for name in _names(action)), " ".join(text.split())


def _names(action: argparse.Action) -> list[str]:
    value = _value(action)
    if not action.option_strings:
        return [value]
    return [f"{name} {value}".rstrip() for name in action.option_strings]


def _value(action: argparse.Action) -> str:
    """Return the placeholder of an argument's values: `DIR`, `{a,b}` as `a,b`, `[FILE ...]`; empty for a flag."""
    if action.nargs == 0:
        return ""
    choices = ",".join(map(str, action.choices)) if action.choices else ""
    name = action.metavar or choices or action.dest.upper()
    name = " ".join(name) if isinstance(name, tuple) else name
    return {"*": f"[{name} ...]", "+": f"{name} [{name} ...]", "?": f"[{name}]"}.get(str(action.nargs), name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
