"""Members of built zips: regular files without write bits, and nothing of the machine that built them.

The zips are built in a copy of the sources, below a folder with a name that occurs nowhere else, and with secrets in
the environment. One build is of each architecture, one with the model in function.zip and one in layer.zip.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest

from scripts import environments
from tests.support import color_model

pytestmark = pytest.mark.build
ROOT = environments.ROOT
PAGE = "deploy-commands.md"
PART = "folder-of-the-builder"  # in every path of the build
SECRETS = {  # variables of the build -> values made up here
    "AWS_ACCESS_KEY_ID": "AKIA" + "Q7" * 8,
    "AWS_SECRET_ACCESS_KEY": "wJalr" + "x9" * 17 + "z",
    "AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2Vj-hygiene-test",
    "GITHUB_TOKEN": "ghp_" + "a1B2" * 9,
    "YOLO_API_KEY": "hygiene-test-0123456789",
    "USER": "hygiene-test-user",
    "LOGNAME": "hygiene-test-user",
    "HOSTNAME": "hygiene-test-host",
}
KEYS = {  # what looks like a key, whoever put it there
    "access key of AWS": rb"(?<![A-Za-z0-9+/])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9+/])",
    "private key": rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}",
    "token of GitHub": rb"\bgh[pousr]_[A-Za-z0-9]{36}",
    "token of PyPI": rb"\bpypi-AgE[A-Za-z0-9_-]{50}",
    "token of Slack": rb"\bxox[abprs]-[0-9]{8,}-[0-9A-Za-z-]{10,}",
    "JSON web token": rb"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "password in a URL": rb"https?://[A-Za-z0-9_.-]+:[A-Za-z0-9_.-]{6,}@[A-Za-z0-9]",
}
PROGRAM = (
    "import sys; from scripts.bundle import cli, model\n"
    "model.load = lambda weights, *_: model.read(weights)\n"
    "sys.exit(cli.main(sys.argv[1:]))"
)


class Member(NamedTuple):
    """A member of a zip."""

    zip: str
    info: zipfile.ZipInfo
    content: bytes

    @property
    def name(self) -> str:
        """The zip and the member, for messages."""
        return f"{self.zip}: {self.info.filename}"


@pytest.fixture(scope="module", params=["x86_64", "arm64"])
def dist(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hygiene") / PART
    for part in ("layer", "scripts", "function", "export"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("LICENSE", "pyproject.toml"):
        shutil.copy(ROOT / file, folder)
    onnx_file = color_model.save(folder / "weights.onnx", (32, 64), imgsz="[32, 64]")
    flags = ["--arch", request.param, *(["--model-in-layer"] if request.param == "arm64" else [])]
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, str(onnx_file), "--out", str(folder / "dist"), *flags],
        env={**os.environ, **SECRETS, "PYTHONPATH": str(folder)},
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "dist"


def members(dist: Path) -> Iterator[Member]:
    for path in sorted(dist.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                yield Member(path.name, info, archive.read(info))


def contents(dist: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the members of the zips and the other files of the build, by name."""
    yield from ((member.name, member.content) for member in members(dist))
    yield from ((path.name, path.read_bytes()) for path in dist.iterdir())


def test_both_zips_have_members(dist: Path) -> None:
    assert {member.zip for member in members(dist)} == {"layer.zip", "function.zip"}


def test_every_member_is_a_regular_file(dist: Path) -> None:
    wrong = [one.name for one in members(dist) if not stat.S_ISREG(one.info.external_attr >> 16)]
    assert wrong == []


def test_only_the_owner_may_write_and_nobody_runs_as_another_user(dist: Path) -> None:
    forbidden = stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX
    assert [one.name for one in members(dist) if one.info.external_attr >> 16 & forbidden] == []


def test_every_member_can_be_read_by_the_user_of_lambda(dist: Path) -> None:
    assert [one.name for one in members(dist) if not one.info.external_attr >> 16 & stat.S_IROTH] == []


def test_every_name_is_a_relative_path_below_the_folder(dist: Path) -> None:
    paths = {one.name: PurePosixPath(one.info.filename) for one in members(dist)}
    wrong = [name for name, path in paths.items() if path.is_absolute() or ".." in path.parts or "\\" in str(path)]
    assert wrong == []


def test_no_name_is_there_twice(dist: Path) -> None:
    names = [one.name for one in members(dist)]
    assert len(names) == len(set(names))


def test_no_file_names_a_path_of_the_build(dist: Path) -> None:
    searched = [PART.encode(), str(ROOT).encode() + b"/", sys.prefix.encode() + b"/"]
    wrong = [name for name, content in contents(dist) if any(path in content for path in searched)]
    assert set(wrong) <= {PAGE}  # its commands name the zips by their paths on this machine; it is not deployed


def test_code_of_the_function_and_bytecode_do_not_name_the_home_folder(dist: Path) -> None:
    home = str(Path.home()).encode() + b"/"
    own = [one for one in members(dist) if one.zip == "function.zip" or one.info.filename.endswith(".pyc")]
    assert own
    assert [one.name for one in own if home in one.content] == []


@pytest.mark.parametrize("variable", SECRETS)
def test_no_file_has_a_value_of_the_environment(variable: str, dist: Path) -> None:
    value = SECRETS[variable].encode()
    assert [name for name, content in contents(dist) if value in content] == []


@pytest.mark.parametrize("kind", KEYS)
def test_no_file_has_a_text_that_looks_like_a_key(kind: str, dist: Path) -> None:
    pattern = re.compile(KEYS[kind])
    assert [name for name, content in contents(dist) if pattern.search(content)] == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("access key of AWS", SECRETS["AWS_ACCESS_KEY_ID"]),
        ("private key", "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEA" * 4),
        ("token of GitHub", SECRETS["GITHUB_TOKEN"]),
        ("token of PyPI", "pypi-AgE" + "IcHlwaS5vcmc" * 5),
        ("token of Slack", "xoxb" + "-123456789012-abcdefghijkl"),
        ("JSON web token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN"),
        ("password in a URL", "https://builder:hunter22@example.com/simple"),
    ],
)
def test_pattern_finds_such_a_key(kind: str, text: str) -> None:
    assert re.search(KEYS[kind], b"x = '" + text.encode() + b"'")
