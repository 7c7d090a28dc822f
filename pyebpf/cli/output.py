"""Writing what a command made: whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_file(path: Path, data: bytes) -> None:
    """Make `data` the contents of the file at `path`. If that fails, what was there stays as it was.

    A new file gets the mode that `open` would give it, an old one keeps its own. Devices and pipes are written to.
    Raises OSError, which names `path`.
    """
    try:
        _write(str(path), data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _write(path: str, data: bytes) -> None:
    old: os.stat_result | None = None
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)  # as it would be refused to `open`
        with open(descriptor, "wb", buffering=0) as file:
            old = os.fstat(descriptor)
            if not stat.S_ISREG(old.st_mode):
                _put(file.fileno(), data)
                return
    path = os.path.realpath(path)
    temporary = os.path.join(os.path.dirname(path), f".{secrets.token_hex(16)}")
    descriptor = os.open(temporary, _CREATE, 0o666)
    try:
        with open(descriptor, "wb", buffering=0):
            if old is not None:
                with suppress(PermissionError):
                    os.fchown(descriptor, old.st_uid, old.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
            _put(descriptor, data)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _put(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
