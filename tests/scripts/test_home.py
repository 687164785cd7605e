"""Folders of environments and builds: in the checkout, or where YOLO_LAMBDA_HOME says."""

import os
from pathlib import Path

import pytest

from scripts import home


def test_the_folders_are_in_the_checkout_without_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(home.VARIABLE, "  ")
    assert (home.environments(), home.build()) == (home.ROOT / ".envs", home.ROOT / "build")


def test_the_variable_moves_both_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("YOLO_LAMBDA_HOME", str(tmp_path / "größe with space"))
    assert home.environments() == tmp_path / "größe with space"
    assert home.build() == tmp_path / "größe with space" / "cache"


def test_the_variable_may_be_relative_or_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv(home.VARIABLE, "here")
    assert home.environments() == tmp_path / "here"
    monkeypatch.setenv(home.VARIABLE, "~/there")
    assert home.environments() == tmp_path / "user" / "there"


def test_a_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    assert home.make(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert home.make(tmp_path / "a" / "b").is_dir()


def test_a_folder_below_a_file_is_one_line_with_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(home.VARIABLE, raising=False)
    (tmp_path / "file").touch()
    with pytest.raises(home.NotWritable, match=r"cannot be made \(.*\): set YOLO_LAMBDA_HOME to a folder") as raised:
        home.make(tmp_path / "file" / "folder")
    assert "\n" not in str(raised.value)


def test_a_read_only_folder_is_one_line_with_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write to every folder
    monkeypatch.delenv(home.VARIABLE, raising=False)
    with pytest.raises(home.NotWritable, match=r"is not writable: set YOLO_LAMBDA_HOME to a folder") as raised:
        home.make(tmp_path)
    assert "\n" not in str(raised.value)
    monkeypatch.setenv(home.VARIABLE, str(tmp_path))
    with pytest.raises(home.NotWritable, match=r"is not writable: YOLO_LAMBDA_HOME must name a folder"):
        home.make(tmp_path)
