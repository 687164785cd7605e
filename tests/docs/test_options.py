"""The options of every command against docs/cli.md (of the examples: example/README.md) and every page, both ways."""

import re
from pathlib import Path

import pytest

from scripts import cli_reference
from tests.conftest import ROOT
from tests.docs import commands, pages

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?![\w-])")
PARSER = re.compile(r"= (?:argparse\.)?_?(?:Argument)?Parser\(")  # a parser is made
CLI = pages.DOCS / "cli.md"
EXAMPLES = [command for command, module in commands.PARSERS.items() if module.startswith("example.")]
SHIPPED = [one for one, module in commands.PARSERS.items() if not module.startswith(("example.", *commands.INTERNAL))]
FOREIGN = {  # an option that inline code names and none of our parsers has -> the program that it belongs to
    "--parameter-overrides": "sam deploy",
    "--alias": "scripts/deploy.sh",  # hidden: --function NAME:ALIAS
    "--architecture": "scripts/deploy.sh",  # hidden: --arch
    "--output": "python -m export",  # hidden: --out
    "--fast": "scripts/test.sh",  # ours, but read by the shell
    "--long": "scripts/test.sh",
    "--mutate": "scripts/test.sh",
}


def section(command: str) -> str:
    """Return the part of docs/cli.md from the heading that is a command to the heading of the next command."""
    text = CLI.read_text("utf-8")
    headings = list(re.finditer(r"^#+ +`?(.*?)`? *$", text, re.MULTILINE))
    starts = [heading for heading in headings if heading[1] in commands.PARSERS]
    for number, start in enumerate(starts):
        if start[1] == command:
            return text[start.end() : next((other.start() for other in starts[number + 1 :]), len(text))]
    pytest.fail(f"docs/cli.md has no heading `{command}`")


def inline_options() -> list[tuple[str, str]]:
    """Return every option in inline code with its place; code that begins with another program is left out."""
    return [
        (f"{pages.name(page)}:{line}", option)
        for page in pages.all_pages()
        for line, code in pages.inline_code(page)
        if code.startswith(("-", "scripts/", "python -m", "python3 -m"))
        for option in OPTION.findall(code)
    ]


def test_cli_page_equals_the_parsers() -> None:
    assert CLI.read_text("utf-8") == cli_reference.reference(), "run scripts/cli_reference.py --write"


def test_every_parser_of_the_code_is_in_the_table() -> None:
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in (*commands.CODE, "tests")
        for path in (ROOT / folder).rglob("*.py")
        if path.parent != Path(__file__).parent and PARSER.search(path.read_text("utf-8"))
    }
    assert modules == set(commands.PARSERS.values())


@pytest.mark.parametrize("command", SHIPPED)
def test_every_option_is_documented_under_its_command(command: str) -> None:
    documented = set(OPTION.findall(section(command)))
    missing = [option for option in commands.options(command) if option not in documented]
    assert not missing, f"docs/cli.md does not name {', '.join(missing)} under `{command}`"


@pytest.mark.parametrize("command", SHIPPED)
def test_every_documented_option_exists(command: str) -> None:
    known = {name for names in commands.options(command).values() for name in names}
    unknown = sorted(set(OPTION.findall(section(command))) - known)
    assert not unknown, f"docs/cli.md names {', '.join(unknown)} under `{command}`, which its parser does not have"


@pytest.mark.parametrize("command", EXAMPLES)
def test_every_option_of_an_example_is_documented(command: str) -> None:
    documented = set(OPTION.findall((ROOT / "example" / "README.md").read_text("utf-8"))) | {"--help"}
    missing = [option for option in commands.options(command) if option not in documented]
    assert not missing, f"example/README.md does not name {', '.join(missing)} of `{command}`"


def test_every_option_in_inline_code_exists() -> None:
    known = {name for command in commands.PARSERS for names in commands.options(command).values() for name in names}
    unknown = [f"{place} names {option}" for place, option in inline_options() if option not in known | set(FOREIGN)]
    assert not unknown, "no parser has these options:\n" + "\n".join(unknown)


def test_every_foreign_option_is_named_by_a_page() -> None:
    assert set(FOREIGN) <= {option for _, option in inline_options()}


@pytest.mark.parametrize("command", [*SHIPPED, *EXAMPLES])
def test_every_option_has_a_help_text(command: str) -> None:
    silent = [action.option_strings or action.dest for action in commands.parser(command)._actions if not action.help]
    assert not silent, f"`{command}` has no help text for {silent}"
