"""Lines for terminals: pieces of text with a style each, which become ANSI, rich's Text, or plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal

from pyebpf.pictures.names import columns, fitted, visible

if TYPE_CHECKING:
    from rich.text import Text

Style = Literal["", "title", "head", "bar", "dim", "grown", "warn"]
Line = tuple[tuple[str, Style], ...]

_ANSI: Final[dict[Style, str]] = {
    "title": "1",
    "head": "1",
    "bar": "36",
    "dim": "2",
    "grown": "32",
    "warn": "33",
}
_RICH: Final[dict[Style, str]] = {
    "title": "bold",
    "head": "bold",
    "bar": "cyan",
    "dim": "dim",
    "grown": "green",
    "warn": "yellow",
}
NO_TERMINAL: Final = 120
"""Columns that lines are made for where there is no terminal."""
EIGHTHS: Final = " ▏▎▍▌▋▊▉"
LEVELS: Final = " ▁▂▃▄▅▆▇█"


def bar(part: float, whole: float, width: int) -> str:
    """A bar as long as `part` of `whole`, to an eighth of a column; the least that isn't nothing can be seen."""
    if part <= 0 or whole <= 0 or width <= 0:
        return ""
    eighths = max(1, min(round(8 * width * part / whole), 8 * width))
    full, rest = divmod(eighths, 8)
    return "█" * full + (EIGHTHS[rest] if rest else "")


def heights(counts: Sequence[int], most: int | None = None) -> str:
    """Counts as a row of columns, one character each; the least that isn't nothing can be seen."""
    highest = max(counts, default=0) if most is None else most
    return "".join(LEVELS[max(1, round(8 * count / highest))] if count > 0 and highest else " " for count in counts)


def plain(lines: Iterable[Line]) -> str:
    """The text alone."""
    return "".join("".join(visible(text) for text, _ in line).rstrip() + "\n" for line in lines)


def ansi(line: Line, width: int, colored: bool = True) -> str:
    """A line for a terminal of `width` columns: cut off, never folded."""
    parts = []
    for text, style in line:
        text = visible(text)
        shown = fitted(text, width)
        width -= columns(shown)
        parts.append(f"\x1b[{_ANSI[style]}m{shown}\x1b[m" if colored and style and shown else shown)
        if width <= 0 or shown != text:
            break
    return "".join(parts)


def rich_text(lines: Iterable[Line]) -> Text:
    """For rich."""
    from rich.text import Text

    found = Text(no_wrap=True, overflow="ellipsis", end="")
    for line in lines:
        for text, style in line:
            found.append(visible(text), _RICH.get(style))
        found.append("\n")
    return found


def terminal_width() -> int:
    """Of the terminal that the output goes to; wide where it is none, since nothing is cut there."""
    import shutil
    import sys

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else NO_TERMINAL


def show(lines: Sequence[Line]) -> None:
    """Print the lines, in colours where the output is a terminal that has them."""
    import os
    import sys

    if not sys.stdout.isatty():
        sys.stdout.write(plain(lines))
        return
    colored = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = terminal_width()
    sys.stdout.write("".join(ansi(line, width, colored) + "\n" for line in lines))
