"""The Markdown pages of the project: their code, links, headings and tables."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT

DOCS = ROOT / "docs"
FOLDERS = ("docs", "example", "tests", "benchmarks")  # beside the root, whose pages are read without its subfolders
SHELL = ("", "bash", "console", "sh", "shell")  # languages of a fence that may hold commands
FENCE = re.compile(r"^(?P<indent> *)(?P<fence>```+|~~~+) *(?P<language>[\w-]*)")
INLINE_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
LINK = re.compile(r"!?\[(?P<text>(?:[^\]\[]|\[[^\]]*\])*)\]\(\s*<?(?P<target>[^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HTML_LINK = re.compile(r"(?:src|href)=\"([^\"]+)\"")
HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")


class Line(NamedTuple):
    """One line of a page."""

    number: int  # from 1
    text: str
    language: str | None  # of the code block that it is in; "" for a block without one; None for prose


def all_pages() -> list[Path]:
    """Return every Markdown page of the project, sorted."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *found])


def name(path: Path) -> str:
    """Return a page's path as test ids and messages show it."""
    return path.relative_to(ROOT).as_posix()


def lines(path: Path) -> list[Line]:
    """Return the lines of a page; fences and the marks of indented blocks are left out."""
    result: list[Line] = []
    fence = language = None
    blank_before, in_list = True, False
    for number, text in enumerate(path.read_text("utf-8").splitlines(), 1):
        match = FENCE.match(text)
        if fence is None and match:
            fence, language = match["fence"], match["language"].lower()
        elif fence is not None and text.strip().startswith(fence) and not text.strip().strip("`~"):
            fence = language = None
        elif fence is not None:
            result.append(Line(number, text, language))
        else:
            in_list = _continues_list(text, in_list)
            after_code = bool(result) and result[-1].language == "" and result[-1].number == number - 1
            indented = text.startswith("    ") and not in_list and (blank_before or after_code)
            result.append(Line(number, text[4:] if indented else text, "" if indented else None))
        blank_before = not text.strip()
    return result


def code_blocks(path: Path) -> Iterator[list[Line]]:
    """Yield each code block of a page as its consecutive lines."""
    block: list[Line] = []
    for line in lines(path):
        if block and (line.language != block[-1].language or line.number != block[-1].number + 1):
            yield block
            block = []
        if line.language is not None:
            block.append(line)
    if block:
        yield block


def inline_code(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each piece of inline code with its line number."""
    for line in lines(path):
        if line.language is None:
            for match in INLINE_CODE.finditer(line.text):
                yield line.number, match[2].strip()


def links(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the target of each link and image with its line number."""
    for line in lines(path):
        if line.language is None:
            text = INLINE_CODE.sub("code", line.text)  # a link's text may be code, and code may look like a link
            yield from ((line.number, match["target"]) for match in LINK.finditer(text))
            yield from ((line.number, match[1]) for match in HTML_LINK.finditer(text))


def link_texts(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line number, text and target of each link in running text."""
    for line in lines(path):
        if line.language is None:
            yield from ((line.number, match["text"], match["target"]) for match in LINK.finditer(line.text))


def headings(path: Path) -> list[str]:
    """Return the headings of a page as plain text, in order."""
    matches = (HEADING.match(line.text) for line in lines(path) if line.language is None)
    texts = (LINK.sub(lambda link: link[0][1:].partition("]")[0], match[2]) for match in matches if match)
    return [re.sub(r"[`*]", "", text) for text in texts]


def github_anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    return _numbered([_github_slug(text) for text in headings(path)], "-")


def mkdocs_anchors(path: Path) -> set[str]:
    """Return the anchors that MkDocs gives to the headings of a page.

    Source: Python-Markdown 3.10, extensions/toc.py, `slugify` and `unique`.
    """
    return _numbered([_mkdocs_slug(text) for text in headings(path)], "_")


def table_cells(path: Path, column: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the cells of one column of every table of a page, headers and rulers included, with line numbers."""
    for line in lines(path):
        if line.language is None and line.text.lstrip().startswith("|"):
            yield line.number, re.split(r"(?<!\\)\|", line.text.strip().strip("|"))[column].strip()


def _continues_list(text: str, in_list: bool) -> bool:
    """Tell whether a line belongs to a list; what is indented there is no code block."""
    if re.match(r"^ {0,3}(?:[-*+]|\d+[.)])\s", text):
        return True
    return in_list and (not text.strip() or text.startswith(" "))


def _github_slug(text: str) -> str:
    kept = (letter for letter in text.lower() if letter in "-_ " or unicodedata.category(letter)[0] in "LNM")
    return "".join(kept).replace(" ", "-")


def _mkdocs_slug(text: str) -> str:
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_text).strip().lower())


def _numbered(slugs: list[str], separator: str) -> set[str]:
    """Return the slugs, the second and later of the same text with a number behind them."""
    seen: Counter[str] = Counter()
    result = set()
    for slug in slugs:
        result.add(f"{slug}{separator}{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return result
