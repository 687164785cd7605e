"""Two zips, member by member; the given one may come from anywhere."""

import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from scripts.verify import comparison
from scripts.verify.comparison import compare

MEMBERS = {"a.txt": b"one " * 500, "b/c.bin": bytes(range(256)) * 4}
MODE = 0o100644
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a zip of members, with changes to the attributes of the first one."""

    def write(
        name: str, members: Mapping[str, bytes] = MEMBERS, level: int = 9, comment: bytes = b"", **changes: object
    ) -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w") as archive:
            archive.comment = comment
            for number, (member, content) in enumerate(members.items()):
                info = zipfile.ZipInfo(member)
                info.external_attr, info.compress_type = MODE << 16, zipfile.ZIP_DEFLATED
                for field, value in changes.items() if number == 0 else ():
                    setattr(info, field, value)
                archive.writestr(info, content, compresslevel=level)
        return path

    return write


def test_same_bytes_are_the_same(make: Make) -> None:
    given = make("given")
    compared = compare(given, make("rebuilt"))
    assert (compared.result, compared.differences, compared.is_equal) == ("same", (), True)
    assert compared.sha256 == comparison.file_sha256(given)


@pytest.mark.parametrize("members", [MEMBERS, {"model.onnx": b"weights" * 1000}], ids=["two", "one"])
def test_another_compression_is_the_same_contents(members: dict[str, bytes], make: Make) -> None:
    compared = compare(make("given", members, level=1), make("rebuilt", members))
    assert (compared.result, compared.differences, compared.is_equal) == ("same contents", (), True)


@pytest.mark.parametrize(
    ("members", "line"),
    [
        ({**MEMBERS, "a.txt": b"two " * 500}, "different: a.txt (contents)"),
        ({**MEMBERS, "b/c.bin": b"x"}, "different: b/c.bin (1 bytes instead of 1,024)"),
        ({**MEMBERS, "evil.py": b""}, "only in the given zip: evil.py"),
        ({"a.txt": MEMBERS["a.txt"]}, "only in the rebuilt zip: b/c.bin"),
    ],
    ids=["contents", "size", "more", "fewer"],
)
def test_other_contents_are_listed(members: dict[str, bytes], line: str, make: Make) -> None:
    compared = compare(make("given", members), make("rebuilt"))
    assert (compared.result, compared.differences, compared.is_equal) == ("different", (line,), False)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"external_attr": 0o100666 << 16}, "different: a.txt (mode 100666 instead of 100644)"),
        ({"external_attr": 0o104755 << 16}, "different: a.txt (mode 104755 instead of 100644)"),
        ({"external_attr": 0o120777 << 16}, "different: a.txt (mode 120777 instead of 100644)"),
        ({"date_time": (2026, 1, 1, 0, 0, 0)}, "different: a.txt (date)"),
        ({"comment": b"new"}, "different: comment of the zip"),
    ],
    ids=["write bits", "setuid", "symlink", "date", "comment"],
)
def test_other_attributes_are_listed(changes: dict[str, object], line: str, make: Make) -> None:
    compared = compare(make("given", **changes), make("rebuilt"))
    assert (compared.result, compared.differences) == ("different", (line,))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice_is_listed(make: Make, tmp_path: Path) -> None:
    given = make("given")
    with zipfile.ZipFile(given, "a") as archive:
        info = zipfile.ZipInfo("a.txt")
        info.external_attr, info.compress_type = MODE << 16, zipfile.ZIP_DEFLATED
        archive.writestr(info, MEMBERS["a.txt"])
    compared = compare(given, make("rebuilt"))
    assert (compared.result, compared.differences) == ("different", ("twice in the given zip: a.txt",))


def test_missing_file_is_missing(make: Make, tmp_path: Path) -> None:
    assert compare(tmp_path / "none", make("rebuilt")).result == "missing"


@pytest.mark.parametrize("kept", [0, 10, 200], ids=str)
def test_truncated_zip_is_damaged(kept: int, make: Make) -> None:
    given = make("given")
    given.write_bytes(given.read_bytes()[:kept])
    compared = compare(given, make("rebuilt"))
    assert (compared.result, compared.is_equal, len(compared.differences)) == ("damaged", False, 1)


def test_damaged_member_is_damaged(make: Make) -> None:
    given = make("given", level=0)
    data = bytearray(given.read_bytes())
    data[200] ^= 0xFF
    given.write_bytes(data)
    assert compare(given, make("rebuilt")).result == "damaged"


def test_member_with_another_size_is_not_read(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    given, rebuilt = make("given", {"a": b"\0" * 10_000_000}), make("rebuilt", {"a": b"x"})
    monkeypatch.setattr(comparison, "member_sha256", None)
    assert compare(given, rebuilt).differences == ("different: a (10,000,000 bytes instead of 1)",)


def test_member_that_is_larger_than_it_states_is_damaged(make: Make) -> None:
    given, rebuilt = make("given", {"a": b"\0" * 1_000_000}), make("rebuilt", {"a": b"x" * 10})
    data = given.read_bytes()
    given.write_bytes(data.replace(struct.pack("<I", 1_000_000), struct.pack("<I", 10)))
    assert compare(given, rebuilt).result == "damaged"


@pytest.mark.parametrize(("name", "shown"), [("a\x1b[2J", r"a\x1b[2J"), ("a\nb", r"a\nb"), ("ü", "ü")])
def test_names_are_printed_without_control_characters(name: str, shown: str, make: Make) -> None:
    compared = compare(make("given", {**MEMBERS, name: b""}), make("rebuilt"))
    assert compared.differences == (f"only in the given zip: {shown}",)
