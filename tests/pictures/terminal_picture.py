"""What a terminal shows, as SVG: lines with the few colours that pyebpf uses."""

from __future__ import annotations

import re
from html import escape

COLORS = {"1": "#ffffff", "2": "#8b949e", "32": "#7ee787", "33": "#e3b341", "36": "#56b4e9"}
WIDE, TALL = 8.43, 17


def terminal_picture(lines: list[str], columns: int) -> str:
    """`lines` may have ANSI's colours in them; each character is drawn in its cell."""
    from pyebpf.pictures.names import columns as width_of

    parts = []
    for row, line in enumerate(lines):
        color, column = "#d0d7de", 0
        for piece in re.split(r"(\x1b\[\d*m)", line):
            if piece.startswith("\x1b["):
                color = COLORS.get(piece[2:-1], "#d0d7de")
                continue
            for char in piece:
                if char != " ":
                    x, y = 8 + WIDE * column, 8 + TALL * row + 13
                    parts.append(f'<text x="{x:.1f}" y="{y}" fill="{color}">{escape(char)}</text>')
                column += width_of(char)
    width, height = 16 + WIDE * columns, 16 + TALL * len(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
        f'font-family="DejaVu Sans Mono" font-size="14"><rect width="100%" height="100%" fill="#0d1117"/>'
        f"{''.join(parts)}</svg>"
    )
