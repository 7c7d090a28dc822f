"""Sees to it that a folder which isn't whole doesn't outlive the process that fills it, though that be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_PROGRAM: Final = """
import os, sys
if sys.stdin.buffer.read(1) != b"k":
    for folder, folders, files in os.walk(sys.argv[1], topdown=False):
        for name in files:
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
"""
"""Removes the folder when its standard input ends without a word that it is to be kept."""


@contextmanager
def guarded(folder: Path) -> Iterator[Callable[[], None]]:
    """A process that removes `folder` if this one ends before it calls what it is given here. It has a session of its
    own, so that what ends this one's process group doesn't end it, too. Where this isn't an interpreter's process (a
    frozen program), none can be started, and the folder stays if it is killed meanwhile."""
    if not sys.executable or getattr(sys, "frozen", False):
        yield lambda: None
        return
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    pipe = process.stdin
    assert pipe is not None
    try:
        yield lambda: _say(pipe.fileno())
    finally:
        pipe.close()
        process.wait()


def _say(pipe: int) -> None:
    with suppress(BrokenPipeError):  # somebody has ended it: there is nobody who would remove the folder
        os.write(pipe, b"k")


def remove_tree(folder: Path) -> None:
    """Remove a folder of names, as far as that goes."""
    with suppress(OSError):
        for place, _, files in os.walk(folder, topdown=False):
            for name in files:
                os.unlink(os.path.join(place, name))
            os.rmdir(place)
