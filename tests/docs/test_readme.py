"""The length of the README: one page, which people read."""

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def test_the_readme_has_at_most_200_lines() -> None:
    assert len(README.splitlines()) <= 200


def test_the_readme_has_at_most_1800_words() -> None:
    assert len(README.split()) <= 1800


def test_the_first_commands_of_the_readme_build_and_test() -> None:
    commands = [line.split()[0] for line in README.splitlines() if line.strip().startswith("scripts/")]
    assert commands[:2] == ["scripts/build_zip.sh", "scripts/test.sh"]
