"""Logs of the verifier in a file, for whoever asks for it: of each program, refused or not."""

from __future__ import annotations

import os
from os import PathLike
from types import TracebackType
from typing import final


def create(path: str | PathLike[str]) -> int:
    """A file to write, of which nobody else can read what comes into it. What is there is overwritten; a symbolic link,
    which others may have put there, isn't followed. Raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


@final
class LogFile:
    """Takes the logs as they come; a context manager that closes the file."""

    def __init__(self, path: str | PathLike[str]) -> None:
        """Raises OSError."""
        self._file = open(create(path), "w", encoding="utf-8", errors="replace")  # noqa: SIM115

    def __call__(self, program: str, log: str, accepted: bool) -> None:
        """Write what the verifier said of a program."""
        self._file.write(f"program {program}: {'accepted' if accepted else 'refused'}\n{log.rstrip()}\n\n")
        self._file.flush()

    def __enter__(self) -> LogFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
