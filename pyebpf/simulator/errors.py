"""What a test got wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pyebpf.diagnostics.base import Error


class SimulationError(Error):
    """The program needs something that the test doesn't supply, or the test supplies what the program can't be given.

    The text says what, and how to supply it.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """A suggestion, or the names that there are."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names) or 'none'}"
