"""Where a probe goes, as text: `PATH:SYMBOL`, `PATH:SYMBOL+0x10`, `PATH:0x1234`, and behind any of them `,pid=123`."""

from __future__ import annotations

import os
import re
from typing import Final, final

from pyebpf.loader.errors import LoadError
from pyebpf.records import dataclass

_PID: Final = re.compile(r"(?:(?P<place>.*),|^)pid=(?P<pid>\d{1,10})", re.DOTALL)


@final
@dataclass(frozen=True, slots=True)
class Place:
    """A file and what is in it; of one process, or (None) of all that run it."""

    file: str
    target: str
    pid: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.target}" + (f", process {self.pid}" if self.pid is not None else "")


def place_of(program: str, argument: str, where: object, form: str, colons: int = 1) -> Place:
    """The place that the caller names, or else the program's section. `form`: what a place looks like, which has so
    many `colons` behind the file. Raises LoadError."""
    text, pid = _named(program, where, form)
    text = text or argument
    parts = text.rsplit(":", colons)
    if not text:
        raise LoadError(f"program {program} needs to know where: --attach {program}={form}", "target")
    if len(parts) != colons + 1 or not all(parts):
        raise LoadError(f"program {program} goes to a place of the form {form}, not {text!r}", "target")
    return Place(parts[0], ":".join(parts[1:]), pid)


def _named(program: str, where: object, form: str) -> tuple[str, int | None]:
    """The caller's text, and the process that it is for."""
    if where is None:
        return "", None
    if not isinstance(where, str | os.PathLike):
        raise LoadError(f"program {program} is attached by text, {form}, not by {where!r:.80}", "target")
    text = os.fsdecode(os.fspath(where))
    match = _PID.fullmatch(text)
    return (match["place"] or "", int(match["pid"])) if match is not None else (text, None)
