"""Names in BTF: flavours.

A type may be declared in several ways under one name, by a suffix behind three underscores: `task_struct___old` means
the kernel's `task_struct`. The name without it is the essential one.

Source: the kernel's documentation, "BPF CO-RE", on type flavours.
"""

from __future__ import annotations

from typing import Final

SEPARATOR: Final = "___"
UTF_8: Final = ("utf-8", "replace")
"""How names are decoded: they are ASCII, except in BTF that somebody made up."""


def encode(name: str) -> bytes:
    """As it stands among the strings."""
    return name.encode("utf-8", "surrogatepass")


def essential(name: str) -> str:
    """`name` without the last suffix of the form `___x`. Four underscores are none, and neither is an empty rest."""
    end = len(name) - 1
    while (at := name.rfind(SEPARATOR, 1, max(end, 0))) > 0:
        if name[at - 1] != "_" and name[at + 3] != "_":
            return name[:at]
        end = at + 2
    return name
