import zipfile
import zlib
from pathlib import Path

import pytest

from layer import zip_writer


def entries(folder: Path) -> dict[str, Path]:
    (folder / "p").mkdir(parents=True)
    for name in ("p/b.py", "p/a.so", "p/B.py"):
        (folder / name).write_text(name * 100)
    return zip_writer.files_below(folder, "python/")


def test_empty_folder_makes_an_empty_zip(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    zip_writer.write(tmp_path / "a.zip", zip_writer.files_below(tmp_path / "in", ""))
    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == []


def test_names_are_sorted_below_their_prefix(tmp_path: Path) -> None:
    zip_writer.write(tmp_path / "a.zip", entries(tmp_path / "in"))
    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == ["python/p/B.py", "python/p/a.so", "python/p/b.py"]


def test_every_entry_has_date_1980_and_mode_644(tmp_path: Path) -> None:
    files = entries(tmp_path / "in")
    for path, mode in zip(files.values(), (0o600, 0o777, 0o640), strict=True):
        path.chmod(mode)
    zip_writer.write(tmp_path / "a.zip", files)
    for info in zipfile.ZipFile(tmp_path / "a.zip").infolist():
        assert (info.date_time, info.external_attr >> 16, info.create_system) == ((1980, 1, 1, 0, 0, 0), 0o100644, 3)
        assert info.compress_type == zipfile.ZIP_DEFLATED


def test_folders_with_the_same_content_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        zip_writer.write(tmp_path / f"{name}.zip", entries(tmp_path / name))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_bytes_do_not_depend_on_zlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object, **options: object) -> None:
        raise AssertionError("zlib must not compress: it is another version on each system")

    monkeypatch.setattr(zlib, "compress", refused)
    monkeypatch.setattr(zlib, "compressobj", refused)
    zip_writer.write(tmp_path / "a.zip", entries(tmp_path / "in"))
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("python/p/a.so") == b"p/a.so" * 100


def test_name_beyond_ascii_is_marked_as_utf_8(tmp_path: Path) -> None:
    (tmp_path / "ä").write_text("a")
    zip_writer.write(tmp_path / "a.zip", {"ä": tmp_path / "ä"})
    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == ["ä"]


def test_failure_keeps_the_old_zip_and_leaves_no_partial_one(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"old")
    with pytest.raises(FileNotFoundError):
        zip_writer.write(tmp_path / "a.zip", {"a": Path(__file__), "b": tmp_path / "missing"})
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.zip", b"old")]
