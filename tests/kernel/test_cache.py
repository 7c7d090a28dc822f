"""The cache trusts only what the user alone can have written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyebpf import cache


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_written_is_read_back(home: Path) -> None:
    assert cache.read("entry") is None
    cache.write("entry", b"one")
    cache.write("entry", b"two")
    assert cache.read("entry") == b"two"
    assert os.listdir(home / "pyebpf") == ["entry"], "no temporary file is left"
    assert os.stat(home / "pyebpf").st_mode & 0o777 == 0o700
    assert os.stat(home / "pyebpf" / "entry").st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_directory_that_others_can_write_is_not_used(home: Path, mode: int) -> None:
    cache.write("entry", b"data")
    (home / "pyebpf").chmod(mode)
    assert cache.cache_directory() is None
    assert cache.read("entry") is None
    cache.write("other", b"data")
    assert not (home / "pyebpf" / "other").exists()


def test_a_directory_behind_a_link_is_not_used(home: Path) -> None:
    (home / "elsewhere").mkdir(mode=0o700)
    (home / "pyebpf").symlink_to(home / "elsewhere")
    assert cache.cache_directory() is None
    cache.write("entry", b"data")
    assert os.listdir(home / "elsewhere") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files away")
def test_what_belongs_to_somebody_else_is_not_read(home: Path) -> None:
    cache.write("entry", b"data")
    os.chown(home / "pyebpf" / "entry", 12345, 12345)
    assert cache.read("entry") is None
    os.chown(home / "pyebpf", 12345, 12345)
    assert cache.cache_directory() is None


def test_files_that_are_not_plain_are_not_read(home: Path) -> None:
    cache.write("entry", b"data")
    folder = home / "pyebpf"
    (folder / "link").symlink_to("entry")
    os.mkfifo(folder / "fifo", 0o600)
    (folder / "open").write_bytes(b"data")
    (folder / "open").chmod(0o666)
    (folder / "huge").touch(0o600)
    os.truncate(folder / "huge", cache.LARGEST + 1)
    for name in ("link", "fifo", "open", "huge", "../pyebpf/entry", "", ".", "a\0b"):
        assert cache.read(name) is None, name
    for name in ("../escape", "", "..", "a\0b"):
        cache.write(name, b"data")
    assert not (home / "escape").exists()


def test_no_place_to_write_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert cache.cache_directory() is None
    cache.write("entry", b"data")
    assert cache.read("entry") is None
