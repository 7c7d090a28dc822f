"""A block of lines at the end of what a terminal shows, drawn anew in its place; and when that is done."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Final

from pyebpf.cli.main import colored
from pyebpf.pictures.lines import Line, ansi
from pyebpf.pictures.names import columns

SHARE: Final = 20
"""How many times as long as it takes to show the maps it is at least until they are shown again: a large map makes
intervals longer, rather than keep a CPU busy."""
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
"""The cursor."""
BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
"""Terminals that know these show what is between them at once, others ignore them."""


class Panel:
    """The block. What else is printed comes above it: between `clear` and `again`."""

    def __init__(self) -> None:
        self._shown: list[int] = []
        """How many columns each of the lines has that are to be seen now."""
        self._text = ""
        self._hidden = False

    def size(self) -> tuple[int, int]:
        """Columns and lines that there are for it. A line is left for the cursor."""
        try:
            wide, tall = os.get_terminal_size(sys.stdout.fileno())
        except OSError:
            wide, tall = 80, 24
        return max(wide, 20) - 1, max(tall, 6) - 1

    def draw(self, lines: Sequence[Line]) -> None:
        """Show these lines in the place of those before."""
        wide, tall = self.size()
        shown = [ansi(line, wide, colored(sys.stdout)) for line in lines[:tall]]
        widths = [sum(columns(text) for text, _ in line) for line in lines[:tall]]
        before = self._up()
        self._shown = [min(width, wide) for width in widths]
        self._text = "".join(f"{line}\n" for line in shown)
        hide = "" if self._hidden else HIDE
        self._hidden = True
        sys.stdout.write(BEGIN + hide + before + self._text + END)
        sys.stdout.flush()

    def clear(self) -> None:
        """Take it away, for other lines."""
        sys.stdout.write(self._up())
        self._shown = []

    def again(self) -> None:
        """Show it again behind what was printed meanwhile, if it was taken away."""
        if self._text and not self._shown:
            self._shown = [0] * self._text.count("\n")
            sys.stdout.write(self._text)

    def resized(self) -> None:
        """The terminal has another size: lines that have become too long for it take several of its rows."""
        wide = self.size()[0] + 1
        self._shown = [0] * sum(max(1, -(-width // wide)) for width in self._shown)

    def close(self) -> None:
        """Take it away, and give the cursor back. It may be drawn again."""
        if self._hidden or self._shown:
            sys.stdout.write(self._up() + SHOW)
            sys.stdout.flush()
        self._shown, self._text, self._hidden = [], "", False

    def _up(self) -> str:
        """To the first of the lines, and away with all of them."""
        rows = min(len(self._shown), self.size()[1])
        return f"\r\x1b[{rows}A\x1b[J" if rows else ""


class Ticks:
    """When an interval is over. As a context: the time in which it is shown."""

    def __init__(self, interval: float | None) -> None:
        self._interval = interval
        self._next = float("inf") if interval is None else time.monotonic() + interval
        self._began = 0.0

    def left(self) -> float:
        """Seconds until the next one; infinity if there is none."""
        return self._next - time.monotonic()

    def __enter__(self) -> None:
        self._began = time.process_time()

    def __exit__(self, *_: object) -> None:
        assert self._interval is not None
        took = time.process_time() - self._began
        self._next = max(self._next + self._interval, time.monotonic() + min(SHARE * took, 60))
