"""Where tables are printed."""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console
from rich.table import Table

UNFOLDED: Final = 10_000


class Output(Console):
    """Standard output, as wide as the terminal. rich takes 80 columns where there is none; a file or a pipe has no
    width, so nothing is folded there."""

    def __init__(self) -> None:
        width = None if sys.stdout.isatty() else UNFOLDED
        # Names from the kernel may look like markup: it is plain text here.
        super().__init__(highlight=False, markup=False, emoji=False, soft_wrap=True, width=width)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # rich would end the process with exit code 1


def table(*names: str, numbers: frozenset[str] | set[str] = frozenset()) -> Table:
    """A table without lines, that folds what is too wide: nothing is cut off. `numbers` are set to the right."""
    found = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        found.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    return found
