"""Colours. Hues are those that people with any kind of colour vision tell apart (after Okabe and Ito), light enough for
dark text in either theme; text and background follow the viewer's choice of a light or a dark theme."""

from __future__ import annotations

from typing import Final, Literal
from zlib import crc32

Theme = Literal["auto", "light", "dark"]
"""`auto`: as the viewer likes it, light where that isn't known."""

SHADES: Final = 6
"""How many of a hue there are, so that neighbours can be told apart."""

HUES: Final[dict[str, tuple[str, int, int, int]]] = {
    "root": ("all", 0, 0, 80),
    "key": ("key", 320, 38, 80),
    "user": ("user", 202, 72, 72),
    "kernel": ("kernel", 33, 88, 66),
    "python": ("Python", 162, 45, 64),
    "jit": ("JIT", 54, 85, 68),
    "unknown": ("unknown", 0, 0, 76),
}
"""By kind of frame: its name in the legend, hue in degrees, saturation and lightness in percent."""

LIGHT: Final = {
    "paper": "#ffffff",
    "ink": "#1b1f24",
    "dim": "#59636e",
    "line": "#d6dbe0",
    "bar": "#0072b2",
    "beyond": "#d55e00",
    "mark": "#d000a0",
}
DARK: Final = {
    "paper": "#15191e",
    "ink": "#e6e9ec",
    "dim": "#9aa4ae",
    "line": "#3a424b",
    "bar": "#56b4e9",
    "beyond": "#e69f00",
    "mark": "#ff4fd8",
}
MONO: Final = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"
SANS: Final = "system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans','Liberation Sans',sans-serif"


def shade(kind: str, name: str) -> str:
    """The class of a frame: the same for a name wherever and whenever it is drawn."""
    return f"{kind}{crc32(name.encode('utf-8', 'backslashreplace')) % SHADES}"


def frame_styles(kinds: set[str]) -> str:
    """CSS for the frames of these kinds."""
    rules = []
    for kind, (_, hue, saturation, lightness) in HUES.items():
        if kind in kinds:
            rules += [
                f".{kind}{n}{{fill:{_hex(hue + _turn(n), saturation, lightness + _lift(n))}}}" for n in range(SHADES)
            ]
    return "".join(rules)


def legend_color(kind: str) -> str:
    """The middle of a kind's shades."""
    _, hue, saturation, lightness = HUES[kind]
    return _hex(hue, saturation, lightness)


def _lift(number: int) -> int:
    return (-7, -4, -1, 2, 5, 8)[number]


def _turn(number: int) -> int:
    return (-4, 3, -1, 5, -5, 1)[number]


def _hex(hue: int, saturation: int, lightness: int) -> str:
    """A colour of HSL as renderers of all ages know it."""
    from colorsys import hls_to_rgb

    parts = hls_to_rgb(hue % 360 / 360, lightness / 100, saturation / 100)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def theme_styles(theme: Theme) -> str:
    """CSS for backgrounds, text and lines, by classes of the names in LIGHT."""
    if theme == "auto":
        return _rules(LIGHT) + "@media(prefers-color-scheme:dark){" + _rules(DARK) + "}"
    return _rules(DARK if theme == "dark" else LIGHT)


def _rules(colors: dict[str, str]) -> str:
    rules = "".join(f".{name}{{fill:{color}}}" for name, color in colors.items())
    return rules + f".rule{{stroke:{colors['line']};fill:none}}svg{{background:{colors['paper']}}}"
