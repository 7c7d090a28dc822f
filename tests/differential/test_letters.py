"""Going through text by its characters, in the kernel and in CPython: bytes that are no UTF-8 count one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
import twice
from running import Kernel

pytestmark = pytest.mark.kernel

TEXTS = (
    b"",
    b"/",
    b"GET /a/b?n=17&x=1 end",
    "caf\u00e9 \u20ac\U0001f600/\ud7ff\uffff".encode(),
    b"cut \xe2\x82",
    b"\x80\xbf\xc3\xa9\xc3\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xf5\xff",
    b"ab\0hidden",
    b"x" * 60,
    "\u00e9".encode() * 30,
)
BODIES = {
    "counting": """
    n = 0
    for c in packet.load(0, char[32]):
        if c == "/":
            n += 1
        elif "a" <= c <= "z":
            n += 100
        elif c in ("\u00e9", "\u20ac", "="):
            n += 10_000
    out[0] = n""",
    "numbers": """
    text = packet.load(0, char[40])
    for i, c in enumerate(text):
        if i < 30:
            out[i] = ord(c)
    out[31] = len(text)""",
    "backwards": """
    h = 0
    for c in reversed(packet.load(3, char[24])):
        h = (h * 31 + ord(c)) % 1_000_003
    out[0] = h""",
    "side_by_side": """
    one, other = packet.load(0, char[16]), packet.load(4, char[20])
    for i, (a, b) in enumerate(zip(one, other)):
        if a == b:
            out[i] = ord(b)""",
    "reduced": """
    text = packet.load(0, char[60])
    out[0] = any(c == "=" for c in text)
    out[1] = all(c != "=" for c in text)
    out[2] = sum(ord(c) for c in text)
    out[3] = max((ord(c) for c in text), default=7)
    out[4] = sum(i for i, c in enumerate(text, 1) if c == "/")""",
    "inside_each_other": """
    n = 0
    for a in packet.load(0, char[12]):
        for b in packet.load(8, char[12]):
            if a == b:
                n += 1
    out[0] = n""",
    "the_last_one": """
    c: char[4] = "?"
    for c in packet.load(0, char[60]):
        if c == "=":
            break
    else:
        out[1] = 5
    out[0] = ord(c)""",
    "a_number_in_text": """
    n = 0
    for c in packet.load(0, char[24]):
        if "0" <= c <= "9":
            n = u32(n * 10 + ord(c) - ord("0"))
    out[0] = n""",
    "changed_meanwhile": """
    text: char[16] = packet.load(0, char[16])
    for i, c in enumerate(text):
        text = "zzz"
        out[i] = ord(c)
    out[20] = len(text)""",
    "ord_of_any_text": """
    try:
        out[0] = ord(packet.load(0, char[1]))
    except TypeError:
        out[1] = 99
    try:
        out[2] = ord(packet.load(4, char[8]))
    except TypeError:
        out[3] = 99""",
    "not_one_character": """
    out[0] = ord(packet.load(0, char[12]))""",
}


@pytest.mark.parametrize("name", BODIES)
def test_letters(kernel: Kernel, name: str, tmp_path: Path) -> None:
    packets = [(text + b"\0").ljust(64, b"\xe9") if len(text) < 60 else text.ljust(64, b"y") for text in TEXTS]
    text = f"\n@xdp\ndef probe(packet):{BODIES[name]}\n    return XDP.DROP\n"
    twice.check_same(kernel, text, packets, tmp_path)


CALLS = (
    ("mixed(a)", 'mixed("abc")'),
    ("mixed(packet.load(3, char[20]))", "mixed(a[2:5])"),
    ('mixed(f"{len(a)}-{a}")',),
)
"""All five in one program are more than is taken for the newest kernels."""


@pytest.mark.parametrize("calls", CALLS, ids=range(len(CALLS)))
def test_in_a_function(kernel: Kernel, tmp_path: Path, calls: tuple[str, ...]) -> None:
    """The same for text of any size and kind."""
    lines = "\n".join(f"    out[{number}] = {call}" for number, call in enumerate(calls))
    text = f"""
@function
def mixed(text):
    h = 5381
    for c in text:
        h = u32(h * 33 + ord(c))
    return h

@xdp
def probe(packet):
    a: char[16] = packet.load(0, char[16])
{lines}
    return XDP.DROP
"""
    twice.check_same(kernel, text, [text.ljust(64, b"\0") for text in TEXTS], tmp_path)
