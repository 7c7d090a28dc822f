"""Pictures put below each other in one SVG document, which needs nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Final, final

from pyebpf.pictures.names import xml
from pyebpf.pictures.theme import MONO, SANS, Theme, frame_styles, theme_styles
from pyebpf.records import dataclass

WIDTH: Final = 1200
MARGIN: Final = 10
ROOM: Final = WIDTH - 2 * MARGIN
GAP: Final = 24
_TEXT: Final = f"text{{font:12px {SANS}}}.title{{font-size:16px;font-weight:600}}.mono{{font-family:{MONO}}}"
_FLAME: Final = (
    f".f{{cursor:pointer}}.f text{{font:12px {MONO};fill:#14181c;pointer-events:none}}"
    ".f:hover rect{stroke:#14181c;stroke-width:1}.f.hit rect{fill:#c0007f}.f.hit text{fill:#fff}"
    ".button{cursor:pointer;text-decoration:underline}"
)


@final
@dataclass(frozen=True, slots=True)
class Picture:
    """A part of a document: `body` is SVG within ROOM × `height`, from (0, 0) on."""

    height: float
    body: str
    kinds: frozenset[str] = frozenset()
    """Of the frames in it. With any it is a flame graph, and the document has the script for it."""


def document(pictures: Sequence[Picture], title: str = "", theme: Theme = "auto") -> str:
    """The document, as text that is UTF-8 in a file."""
    kinds = set().union(*(picture.kinds for picture in pictures))
    height = _height(pictures)
    size = f'width="{WIDTH}" height="{number(height)}" viewBox="0 0 {WIDTH} {number(height)}"'
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{xml(title)}</title>" if title else "",
        f"<style>{_TEXT}{theme_styles(theme)}{_FLAME if kinds else ''}{frame_styles(kinds)}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{number(height)}"/>',
    ]
    top = float(MARGIN)
    for picture in pictures:
        parts.append(f'<g transform="translate({MARGIN},{number(top)})">{picture.body}</g>')
        top += picture.height + GAP
    if kinds:
        parts.append(f"<script><![CDATA[\n{script()}]]></script>")
    parts.append("</svg>")
    return "\n".join(part for part in parts if part) + "\n"


def script() -> str:
    """What makes flame graphs react."""
    return (files("pyebpf.pictures") / "flame.js").read_text("utf-8")


def number(value: float) -> str:
    """A coordinate: hundredths of a pixel are enough."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def label(x: float, y: float, text: str, style: str = "dim", anchor: str = "", size: int = 0) -> str:
    """A line of text. `style` is of classes, `anchor` is `middle` or `end`."""
    more = (f' text-anchor="{anchor}"' if anchor else "") + (f' style="font-size:{size}px"' if size else "")
    return f'<text class="{style}" x="{number(x)}" y="{number(y)}"{more}>{xml(text)}</text>'


def framed(pictures: Sequence[Picture], title: str = "") -> str:
    """HTML that shows a document apart from the page that it is in, a notebook's: neither its styles nor its script
    reach that page."""
    svg = document(pictures, title).partition("\n")[2]  # HTML doesn't know the line that says that it is XML
    page = f"<!DOCTYPE html><meta charset=utf-8><style>body{{margin:0}}</style>{svg}"
    shown = page.replace("&", "&amp;").replace('"', "&quot;")
    size = f"width:100%;max-width:{WIDTH}px;height:{number(_height(pictures))}px;border:0"
    return f'<iframe sandbox="allow-scripts" style="{size}" srcdoc="{shown}"></iframe>'


def _height(pictures: Sequence[Picture]) -> float:
    return sum(picture.height for picture in pictures) + GAP * max(len(pictures) - 1, 0) + 2 * MARGIN
