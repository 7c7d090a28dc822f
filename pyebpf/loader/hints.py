"""The nearest right name, for messages about a wrong one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

from pyebpf.nearest import get_close_matches


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """`; did you mean …?`, or "" if nothing is like it."""
    near = get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f"; did you mean {near[0]}?" if near else ""


def did_you_mean_path(path: str, root: str = "") -> str:
    """The same for a path below `root`: the first part of it that isn't there, by what is beside it."""
    if "\0" in path:
        return ""
    parts = os.path.abspath(root + path).split("/")[1:]
    folder = "/"
    for number, part in enumerate(parts):
        here = os.path.join(folder, part)
        if not os.path.lexists(here):
            names: list[str] = []
            with suppress(OSError):
                names = os.listdir(folder)
            near = get_close_matches(part, names, n=1, cutoff=0.6)
            if not near:
                return ""
            found = os.path.join(folder, near[0], *parts[number + 1 :])
            return f"; did you mean {found.removeprefix(root)}?"
        folder = here
    return ""
