"""Names that are like a wrong one. `difflib` is imported only when there is one: it takes as long as ten modules."""

from __future__ import annotations

from collections.abc import Iterable


def get_close_matches(name: str, known: Iterable[str], n: int = 1, cutoff: float = 0.6) -> list[str]:
    """The nearest of `known`, the best first."""
    import difflib

    return difflib.get_close_matches(name, list(known), n, cutoff)
