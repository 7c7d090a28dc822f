"""Flame graphs: stacks as boxes, callers below those that they call, as wide as they were counted.

Comes in: stacks with counts. Goes out: an SVG document that reacts in a browser, and is a still picture elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pyebpf.pictures.document import ROOM, Picture, document, label, number
from pyebpf.pictures.frames import StackCount
from pyebpf.pictures.names import cut, fitted, visible, xml
from pyebpf.pictures.theme import HUES, Theme, legend_color, shade
from pyebpf.pictures.tree import Box, Tree, tree_of
from pyebpf.pictures.units import percent

ROW: Final = 17
"""Pixels from one level to the next."""
HEADER: Final = 62
FOOTER: Final = 26
CHAR: Final = 7.25
"""Pixels of a character in a box, of the widest of the fonts that are asked for; as in flame.js."""
PAD: Final = 3
NARROWEST: Final = 0.25
"""Pixels of the narrowest box that is drawn."""


def flame_graph(
    stacks: Sequence[StackCount],
    *,
    title: str = "Flame graph",
    unit: str = "samples",
    icicle: bool = False,
    keys: bool = True,
    theme: Theme = "auto",
) -> str:
    """A flame graph as one SVG document. `unit` is what was counted, `icicle` puts the root on top, `keys` makes parts
    of the stacks' keys the lowest frames."""
    return document([flame_picture(stacks, title=title, unit=unit, icicle=icicle, keys=keys)], title, theme)


def flame_picture(
    stacks: Sequence[StackCount],
    *,
    title: str = "Flame graph",
    unit: str = "samples",
    icicle: bool = False,
    keys: bool = True,
) -> Picture:
    """A flame graph, as a part of a document."""
    tree = tree_of(stacks, NARROWEST / ROOM, keys)
    kinds = frozenset(box.kind for box in tree.boxes)
    height = HEADER + ROW * tree.levels + FOOTER
    word = visible(unit)
    stacks_word = "stack" if len(stacks) == 1 else "stacks"
    parts = [
        label(0, 18, cut(title, 90), "ink title"),
        label(0, 38, f"{tree.total:,} {word} in {len(stacks):,} {stacks_word}", "dim"),
        _legend(kinds),
        f'<g class="flame" data-width="{ROOM}" data-unit="{xml(unit)}">',
    ]
    if tree.total:
        scale = ROOM / tree.total
        top, step = (HEADER, ROW) if icicle else (HEADER + ROW * (tree.levels - 1), -ROW)
        parts += [_box(box, scale, top + step * box.level, tree.total, word) for box in tree.boxes]
        parts.append(label(0, height - 8, _left_out(tree, word), "dim detail"))
    else:
        parts.append(label(0, height - 8, "there are no stacks", "dim detail"))
        kinds = frozenset()
    return Picture(height, "\n".join([*parts, "</g>"]), kinds)


def _box(box: Box, scale: float, y: float, total: int, unit: str) -> str:
    x, wide = box.start * scale, box.count * scale
    name = cut(visible(box.name))
    module = [cut(visible(box.module))] if box.module else []
    lines = [name, *module, f"{box.count:,} {unit}, {percent(box.count, total)}"]
    chars = int((wide - 2 * PAD) / CHAR)
    shown = fitted(name, chars) if chars >= 3 else ""
    text = f'<text x="{number(x + PAD)}" y="{number(y + 12)}">{xml(shown)}</text>' if shown else ""
    return (
        f'<g class="f" data-f="{box.start},{box.count},{box.level}"><title>{xml_lines(lines)}</title>'
        f'<rect class="{shade(box.kind, box.name)}" x="{number(x)}" y="{number(y)}" '
        f'width="{number(wide - 0.5 if wide > 2 else wide)}" height="{ROW - 1}"/>{text}</g>'
    )


def xml_lines(lines: Sequence[str]) -> str:
    """Text of several lines."""
    return "\n".join(map(xml, lines))


def _legend(kinds: frozenset[str]) -> str:
    """Names of the colours that are there."""
    parts, x = [], 0.0
    for kind, (name, *_) in HUES.items():
        if kind in kinds and kind != "root":
            parts.append(f'<rect x="{number(x)}" y="46" width="10" height="10" fill="{legend_color(kind)}"/>')
            parts.append(label(x + 14, 55, name, "dim"))
            x += 14 + 7 * len(name) + 18
    return "".join(parts)


def _left_out(tree: Tree, unit: str) -> str:
    """What isn't in the picture."""
    if not tree.hidden:
        return ""
    share = percent(tree.hidden, tree.total)
    return f"too small to be shown are frames in which {tree.hidden:,} {unit}, {share}, end"
