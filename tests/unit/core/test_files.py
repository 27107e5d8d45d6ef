"""Folders of a user with and without a home, names that are not UTF-8, and writes on a full disk."""

from __future__ import annotations

import errno
import os
import pwd
from pathlib import Path
from typing import NoReturn

import pytest

from harness.core.files import NoHome, base_folder, cache_dir, expanded, write_atomic
from harness.core.printable import escape_surrogates, printable


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without HOME and without an entry in passwd, as in some containers and services."""

    def no_entry(key: object) -> NoReturn:
        raise KeyError(key)

    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    monkeypatch.setattr(pwd, "getpwnam", no_entry)


def test_a_folder_is_the_variables_else_below_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_dir() == Path("/home/me/.cache/edgebench")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache")
    assert cache_dir() == Path("/var/cache/edgebench")


@pytest.mark.usefixtures("homeless")
def test_without_a_home_the_error_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoHome, match="HOME is not set") as raised:
        base_folder("XDG_STATE_HOME", ".local/state")
    assert raised.value.remedy == "set HOME, or XDG_STATE_HOME, to a folder of yours"
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert base_folder("XDG_STATE_HOME", ".local/state") == Path("/var/state")
    with pytest.raises(NoHome, match="no home folder for ~/x"):
        expanded(Path("~/x"))
    assert expanded(Path("/x")) == Path("/x")


@pytest.mark.parametrize(
    ("name", "shown"),
    [(b"net.onnx", "net.onnx"), (b"n\xff\xfe", "n\\xff\\xfe"), ("µ".encode(), "µ"), ("µ".encode("latin-1"), "\\xb5")],
)
def test_bytes_of_a_name_that_are_no_utf_8_are_escaped(name: bytes, shown: str) -> None:
    text = escape_surrogates(os.fsdecode(name))

    assert text == shown
    assert text.encode().decode() == text
    assert printable(os.fsdecode(name)) == shown


def test_half_a_pair_of_surrogates_is_escaped() -> None:
    assert escape_surrogates("a\ud83db") == "a\\ud83db"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_write_on_a_full_disk_names_the_file_and_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = tmp_path / "record.json"
    path.write_text("old")

    def full(descriptor: int) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"record\.json") as raised:
        write_atomic(path, b"new")

    assert (raised.value.errno, raised.value.filename) == (number, str(path))
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]
