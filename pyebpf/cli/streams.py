"""The standard streams: for what the user asked for, and nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


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
