"""The grammar's comments and examples, rule by rule: what the language reference is made from, and its tests run.

A comment that stands directly above a rule describes it; lines in it that are indented by four are an example. An
example is the body of a probe, or if it has a function of its own, a whole module below `PREAMBLE`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import indent

PREAMBLE = """\
from pyebpf import XDP, Array, Hash, RingBuf, char, function, i32, i64, pid, struct, u8, u16, u32, u64, xdp

@struct
class Point:
    x: i32
    y: i32

counts = Hash[u32, u64](max_entries=64)
slots = Array[u64](max_entries=8)
events = RingBuf[Point](size=4096)
"""
PROBE = "@xdp\ndef example(packet):\n"
"""What an example that is a body stands in."""


@dataclass(frozen=True)
class Rule:
    """A rule of the grammar, or the heading of a section (with a title and nothing else)."""

    title: str
    text: str = ""
    example: str = ""
    production: str = ""

    @property
    def module(self) -> str:
        """The example as a module that can be compiled."""
        if re.search(r"^def ", self.example, re.MULTILINE):
            return f"{PREAMBLE}\n{self.example}\n"
        return f"{PREAMBLE}\n{PROBE}{indent(self.example, '    ')}\n    return XDP.PASS\n"


def rules(grammar: str) -> list[Rule]:
    """The rules of `grammar` in its order, those without a comment left out."""
    found = []
    for paragraph in re.split(r"\n\s*\n", grammar):
        lines = paragraph.strip("\n").split("\n")
        comment = [line[2:].removeprefix(" ") for line in lines if line.startswith("//")]
        rest = [line for line in lines if not line.startswith("//")]
        if comment and comment[0].startswith("## "):
            found.append(Rule(comment[0].removeprefix("## ")))
        name = re.match(r"[?!]*(_?\w+)(?:\.\d+)?\s*:", rest[0]) if rest else None
        if not (name and comment):
            continue
        example = "\n".join(line[4:] for line in comment if line.startswith("    ") or not line).strip("\n")
        text = " ".join(line for line in comment if line and not line.startswith("    "))
        found.append(Rule(name[1], text, example, "\n".join(rest)))
    return found


def language_page(grammar: str) -> str:
    """The reference as Markdown."""
    parts = [_HEAD.format(preamble=PREAMBLE.rstrip(), probe=PROBE.rstrip())]
    for rule in rules(grammar):
        if not rule.production:
            parts.append(f"## {rule.title}")
            continue
        parts += [f"### `{rule.title}`", rule.text.replace("<", "&lt;"), f"```\n{rule.production}\n```"]
        if rule.example:
            parts.append(f"```python\n{rule.example}\n```")
    return "\n\n".join(parts) + "\n"


_HEAD = (
    "# Language reference\n\n"
    "A probe is Python, or a part of it, with Python's meaning. This page is made from the grammar that the compiler "
    "itself reads, rule by rule; every construct of Python outside it has a diagnostic of its own. The notation is "
    "that of the parser generator Lark: `[x]` may be missing, `x*` may be repeated, `|` separates alternatives, and "
    "`-> name` names one. For types, maps, hooks and functions see [the guide](guide.md).\n\n"
    "The examples run, in the kernel and in Python alike, as the project's tests. Each is the body of a probe in this "
    "module, or has a probe of its own:\n\n"
    "```python\n{preamble}\n\n{probe}\n    ...\n    return XDP.PASS\n```"
)
