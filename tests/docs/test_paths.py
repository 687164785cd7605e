"""The files and folders that pages name in running text, and the import table of the architecture page."""

import re

import pytest

from tests.conftest import ROOT
from tests.docs import commands, pages
from tests.test_architecture import ALLOWED

FOLDERS = (*commands.CODE, "docs", "tests", ".github")
PATH = re.compile(rf"(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*")
OLD = ("CHANGELOG.md",)  # names what was there before
ARCHITECTURE = pages.DOCS / "architecture.md"


def named_paths() -> list[tuple[str, str]]:
    """Return every path below our folders that a page has as inline code, with its place."""
    return [
        (f"{pages.name(page)}:{line}", code)
        for page in pages.all_pages()
        if page.name not in OLD
        for line, code in pages.inline_code(page)
        if PATH.fullmatch(code)
    ]


def test_pages_name_files() -> None:
    assert ("function/handler.py" in dict(named_paths()).values()) and len(named_paths()) > 100


def test_every_path_in_running_text_exists() -> None:
    missing = [f"{place} {path}" for place, path in named_paths() if not (ROOT / path).exists()]
    assert not missing, "no such file or folder:\n" + "\n".join(missing)


def test_every_file_of_the_architecture_tables_exists() -> None:
    missing = []
    folder = ""
    for line in pages.lines(ARCHITECTURE):
        heading = re.match(r"#+ `([\w/]+/)`$|#+ ", line.text)
        if heading:
            folder = heading[1] or ""
        elif folder and line.text.startswith("| `"):
            names = [code for _, code in pages.INLINE_CODE.findall(line.text.split("|")[1])]
            missing += [
                f"docs/architecture.md:{line.number} {folder}{name}"
                for name in names
                if not (ROOT / folder / name).exists()
            ]
    assert not missing, "no such file or folder:\n" + "\n".join(missing)


def test_the_architecture_page_has_the_import_table_of_the_test() -> None:
    rows = [line.text for line in pages.lines(ARCHITECTURE) if line.language is None and line.text.startswith("| `")]
    table = {}
    start = next(number for number, row in enumerate(rows) if row.startswith("| `arrays`, "))
    for row in rows[start:]:
        modules, allowed = ([code for _, code in pages.INLINE_CODE.findall(cell)] for cell in row.strip("|").split("|"))
        if modules == ["handler"]:
            break
        table |= {module: set(allowed) for module in modules}
    assert table == {
        module: names for module, names in ALLOWED.items() if module not in ("__init__", "errors", "handler")
    }


@pytest.mark.parametrize("folder", commands.CODE)
def test_every_folder_of_code_is_on_the_architecture_page(folder: str) -> None:
    assert f"| `{folder}/` |" in ARCHITECTURE.read_text("utf-8")
