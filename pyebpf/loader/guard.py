"""Processes that see to it that something doesn't outlive the one that made it, though that be killed: a folder which
isn't whole, and what the kernel keeps without a descriptor.

A guard has a session of its own, so that what ends the process group doesn't end it, too. Where this isn't an
interpreter's process (a frozen program), none can be started, and what was made stays if it is killed.
"""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, final

_PROGRAM: Final = """
import os, sys
if sys.stdin.buffer.read(1) != b"k":
    for folder, folders, files in os.walk(sys.argv[1], topdown=False):
        for name in files:
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
"""
"""Removes the folder when its standard input ends without a word that it is to be kept."""
_CALL: Final = """
import sys
sys.path.insert(0, sys.argv[1])
from pyebpf.loader.guard import call
call(sys.argv[2], sys.argv[3], sys.argv[4:])
"""


@contextmanager
def guarded(folder: Path) -> Iterator[Callable[[], None]]:
    """A process that removes `folder` if this one ends before it calls what it is given here."""
    process = _started(_PROGRAM, str(folder))
    if process is None:
        yield lambda: None
        return
    try:
        yield lambda: _say(process)
    finally:
        _wait(process)


@final
class Guard:
    """A process in this one's namespaces that calls `function` (of a module of pyebpf's) with `arguments`, if this one
    ends before it calls `dismiss`. `descriptors` are open in it, by the same numbers."""

    def __init__(self, function: Callable[..., None], *arguments: int | bytes, descriptors: Sequence[int] = ()) -> None:
        """Raises OSError."""
        root = str(Path(__file__).parents[2])
        words = (root, function.__module__, function.__name__, *map(repr, arguments))
        self._process = _started(_CALL, *words, descriptors=descriptors)

    def dismiss(self) -> None:
        """What was guarded is gone; nothing happens the second time."""
        process, self._process = self._process, None
        if process is not None:
            _say(process)
            _wait(process)


def call(module: str, function: str, arguments: Sequence[str]) -> None:
    """What a guard does."""
    found = getattr(importlib.import_module(module), function)
    if sys.stdin.buffer.read(1) != b"k":
        found(*map(ast.literal_eval, arguments))


def _started(program: str, *words: str, descriptors: Sequence[int] = ()) -> subprocess.Popen[bytes] | None:
    if not sys.executable or getattr(sys, "frozen", False):
        return None
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=descriptors,
    )


def _wait(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.wait()


def _say(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # somebody has ended it: there is nobody who would remove anything
        os.write(process.stdin.fileno(), b"k")


def remove_tree(folder: Path) -> None:
    """Remove a folder of names, as far as that goes."""
    with suppress(OSError):
        for place, _, files in os.walk(folder, topdown=False):
            for name in files:
                os.unlink(os.path.join(place, name))
            os.rmdir(place)
