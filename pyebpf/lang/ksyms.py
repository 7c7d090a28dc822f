"""Symbols of the kernel: its own variables, and the addresses of its functions, by name.

from pyebpf.ksyms import jiffies, runqueues
"""

from __future__ import annotations

from typing import NoReturn


class Ksym:
    """A symbol, by name; the kernel's BTF says whether it is a per-CPU variable, and of what type."""

    def __init__(self, name: str) -> None:
        self.name = self.__name__ = name

    def __bool__(self) -> NoReturn:
        raise RuntimeError(f"{self.name} is in the kernel, for probes; here it is only a name")

    def __repr__(self) -> str:
        return f"<pyebpf symbol {self.name}>"
