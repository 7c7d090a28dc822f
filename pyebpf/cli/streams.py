"""The standard streams: for what the user asked for, and nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def open_closed() -> None:
    """Standard streams that are closed lead nowhere. Python has None for them, and the next file that is opened would
    get the number of one, and all that is written there."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w" if number else "r"))  # noqa: SIM115 - until the process ends


@contextmanager
def kept_clean(wanted: bool = True) -> Iterator[None]:
    """While the user's module is run, what it writes to standard output goes to standard error, that of its child
    processes too: programs read our standard output."""
    if not wanted:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        with suppress(OSError, ValueError):  # ValueError: the module has closed it
            sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
