import subprocess
from pathlib import Path

import pytest

from scripts.verify import checkout
from scripts.verify.checkout import NoVersion

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two commits: the first one has the tag v1."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git = [*GIT, "-C", str(folder)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    for text, tag in (("one", "v1"), ("two", "v2")):
        (folder / "file").write_text(text)
        subprocess.run([*git, "add", "file"], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", text], check=True)
        subprocess.run([*git, "tag", tag], check=True)
    monkeypatch.setattr(checkout, "ROOT", folder)
    return folder


@pytest.mark.parametrize(("tag", "content"), [("v1", "one"), ("v2", "two")])
def test_the_sources_of_a_tag_are_extracted(tag: str, content: str, repository: Path, tmp_path: Path) -> None:
    (repository / "file").write_text("changed and not committed")
    (tmp_path / "out").mkdir()
    commit = checkout.extract(tag, tmp_path / "out")
    assert (tmp_path / "out" / "file").read_text() == content
    assert len(commit) == 40


def test_the_repository_stays_as_it_is(repository: Path, tmp_path: Path) -> None:
    before = sorted(path for path in repository.rglob("*"))
    (tmp_path / "out").mkdir()
    checkout.extract("v1", tmp_path / "out")
    assert sorted(path for path in repository.rglob("*")) == before


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("revision", ["v3", "", "--help", "--output=x", "file", "v1:file"])
def test_an_unknown_revision_is_one_line(revision: str, tmp_path: Path) -> None:
    with pytest.raises(NoVersion) as error:
        checkout.extract(revision, tmp_path)
    assert f"got {revision!r}" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_outside_of_git_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(NoVersion, match="TARGET must be a folder, or a tag or commit"):
        checkout.extract("v1", tmp_path)


def test_missing_git_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoVersion, match="git must be installed"):
        checkout.extract("v1", tmp_path)
