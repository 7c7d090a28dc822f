"""The cache on disk: files that one user writes and the same user reads back, root included.

Everything read from it is data to be checked; the one exception is a ring's inner loop (`runtime/native.py`). The
folder must be the user's own and closed to writing by others, and so must each file; if anything about them looks wrong
the cache is off, silently: it only ever saves time.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

LARGEST: Final = 64 << 20
"""Bytes. Larger files aren't read: nothing that pyebpf writes comes near."""


def cache_directory() -> Path | None:
    """`$XDG_CACHE_HOME/pyebpf`, or `~/.cache/pyebpf`; made with mode 0700 if missing. None turns caching off."""
    parent = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(parent) if os.path.isabs(parent) else Path.home() / ".cache"
        directory = base / "pyebpf"
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        found = os.lstat(directory)
    except (OSError, RuntimeError, ValueError):  # no home directory; a read-only one
        return None
    return directory if stat.S_ISDIR(found.st_mode) and _private(found) else None


def _private(status: os.stat_result) -> bool:
    """Owned by the effective user and writable by nobody else."""
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _open_directory() -> int | None:
    """A descriptor of the checked folder: what is opened below it can't be swapped for another folder meanwhile."""
    directory = cache_directory()
    if directory is None:
        return None
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    if _private(os.fstat(descriptor)):
        return descriptor
    os.close(descriptor)
    return None


def _plain(name: str) -> bool:
    return bool(name) and "/" not in name and "\0" not in name and not name.startswith(".")


def read(name: str) -> bytes | None:
    """The contents of the entry `name`, or None if there is none that can be trusted."""
    directory = _open_directory() if _plain(name) else None
    if directory is None:
        return None
    try:
        # O_NONBLOCK: opening a FIFO must not wait for its writer. It means nothing for regular files.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=directory)
    except OSError:
        return None
    finally:
        os.close(directory)
    with open(descriptor, "rb", buffering=0) as file:
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or not _private(status) or status.st_size > LARGEST:
                return None
            data = file.read(status.st_size)
        except OSError:
            return None
    return data


def write(name: str, data: bytes) -> None:
    """Store `data` as the entry `name`, whole or not at all. Never raises: a full disk only means no cache."""
    directory = _open_directory() if _plain(name) and len(data) <= LARGEST else None
    if directory is None:
        return
    temporary = f".{os.urandom(16).hex()}"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600, dir_fd=directory)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
            os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=directory)
    except OSError:
        pass
    finally:
        os.close(directory)
