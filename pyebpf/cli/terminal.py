"""Where tables are printed."""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console

UNFOLDED: Final = 10_000


class Output(Console):
    """Standard output, as wide as the terminal. rich takes 80 columns where there is none; a file or a pipe has no
    width, so nothing is folded there."""

    def __init__(self) -> None:
        super().__init__(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else UNFOLDED)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # rich would end the process with exit code 1
