"""The links of the pages: every file and every heading that they name exists."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from tests.conftest import ROOT
from tests.docs import pages

LINKS = [(page, line, target) for page in pages.all_pages() for line, target in pages.links(page)]
RELATIVE = [link for link in LINKS if not urlsplit(link[2]).scheme]
WITHOUT_LINKS = ("index.md",)  # of docs/: nothing links to it


def identify(link: object) -> str | None:
    return pages.name(link) if isinstance(link, Path) else None


def destination(page: Path, target: str) -> Path:
    """Return the file that a relative link leads to."""
    path = unquote(urlsplit(target).path)
    return (page.parent / path).resolve() if path else page


def test_the_pages_have_links() -> None:
    assert {"README.md", "docs/index.md", "CONTRIBUTING.md"} <= {pages.name(page) for page, _, _ in RELATIVE}


@pytest.mark.parametrize("page", pages.all_pages(), ids=identify)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    broken = [
        f"{pages.name(page)}:{n} {to}" for one, n, to in RELATIVE if one == page and not destination(page, to).exists()
    ]
    assert not broken, "no such file:\n" + "\n".join(broken)


@pytest.mark.parametrize("page", pages.all_pages(), ids=identify)
def test_every_anchor_is_a_heading(page: Path) -> None:
    broken = []
    for one, line, target in RELATIVE:
        anchor, file = urlsplit(target).fragment, destination(page, target)
        if one != page or not anchor or file.suffix != ".md" or not file.exists():
            continue
        anchors = pages.github_anchors(file)
        if file.parent == pages.DOCS:  # shown by GitHub and by MkDocs
            anchors &= pages.mkdocs_anchors(file)
        if anchor not in anchors:
            broken.append(f"{pages.name(page)}:{line} {target}; {pages.name(file)} has {', '.join(sorted(anchors))}")
    assert not broken, "no such heading:\n" + "\n".join(broken)


@pytest.mark.parametrize("page", pages.all_pages(), ids=identify)
def test_the_text_of_a_link_to_a_page_is_its_title_or_its_path(page: Path) -> None:
    wrong = []
    for line, text, target in pages.link_texts(page):
        file = destination(page, target)
        if file.parent == pages.DOCS and file.suffix == ".md" and "#" not in target:
            title = pages.headings(file)[0]
            if text not in (title, pages.name(file)):
                wrong.append(f"{pages.name(page)}:{line} [{text}]({target}); the title is {title}")
    assert not wrong, "links with another text:\n" + "\n".join(wrong)


def test_the_navigation_has_the_titles_of_the_pages() -> None:
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]
    named = {title: file for entry in navigation for section in entry.values() if isinstance(section, list)
             for item in section for title, file in item.items()}  # fmt: skip
    assert named
    assert named == {pages.headings(pages.DOCS / file)[0]: file for file in named.values()}


def test_links_of_the_documentation_stay_within_it() -> None:
    outside = [
        f"{pages.name(page)}:{line} {target}"
        for page, line, target in RELATIVE
        if page.parent == pages.DOCS and pages.DOCS not in destination(page, target).parents
    ]
    assert not outside, "MkDocs cannot resolve these links:\n" + "\n".join(outside)


def test_every_page_of_the_documentation_is_in_the_index_and_in_the_navigation() -> None:
    documents = {path.name for path in pages.DOCS.glob("*.md")} - set(WITHOUT_LINKS)
    index = pages.DOCS / "index.md"
    linked = {destination(page, target).name for page, _, target in RELATIVE if page == index}
    navigation = str(yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"])
    assert sorted(documents - linked) == [], "docs/index.md does not link to these pages"
    assert [name for name in sorted(documents) if f"'{name}'" not in navigation] == [], "mkdocs.yml lacks these pages"
