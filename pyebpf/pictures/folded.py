"""Folded stacks: a line for each stack, `main;run;read 12`, the outermost frame first, for other tools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from pyebpf.pictures.frames import Frame, StackCount
from pyebpf.pictures.names import visible
from pyebpf.pictures.tree import key_text

MARKS: Final = {"kernel": "_[k]", "jit": "_[j]"}
"""How tools that colour frames by kind have it behind the names."""


def folded(stacks: Sequence[StackCount], *, keys: bool = True, marked: bool = False, below: str = "") -> str:
    """The stacks as lines, each once, in the order of the text. `keys` makes parts of keys the first frames, `marked`
    puts `_[k]` behind frames of the kernel and `_[j]` behind those of compilers at run time. A `;` in a name becomes
    `:`, as it would end it; line breaks and what else isn't seen become escapes. `below` is the first frame of all."""
    counts: Counter[str] = Counter()
    names: dict[int, str] = {}
    for stack in stacks:
        parts = [name(below)] if below else []
        parts += [name(key_text(part)) for part in stack.key] if keys else []
        for frame in reversed(stack.frames):
            known = names.get(id(frame))  # many stacks have the same frames
            if known is None:
                known = names[id(frame)] = _frame(frame, marked)
            parts.append(known)
        if stack.count > 0:
            counts[";".join(parts)] += stack.count
    return "".join(f"{path} {count}\n" for path, count in sorted(counts.items()))


def _frame(frame: Frame, marked: bool) -> str:
    return name(frame.name) + (MARKS.get(frame.kind, "") if marked else "")


def name(text: str) -> str:
    """A name that ends neither its frame nor its line; `[unknown]` for none."""
    return visible(text).replace(";", ":") or "[unknown]"
