"""Stacks in Python: what each address is, and how often a stack was seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, final

from pyebpf.records import dataclass

FrameKind = Literal["kernel", "user", "jit", "python", "unknown"]


@final
@dataclass(frozen=True, slots=True)
class Frame:
    """One call in a stack."""

    name: str
    """The function, demangled, without parameters; `[unknown]` where nothing is known but the address."""
    module: str = ""
    """The file's path as the process sees it, `[kernel]`, or a module of the kernel: `[nf_tables]`."""
    offset: int = 0
    """Bytes from the function's start."""
    address: int = 0
    kind: FrameKind = "unknown"
    file: str = ""
    """The source file, where it is known: Python's frames."""
    line: int = 0
    symbol: str = ""
    """The function's name as it stands in the file, or in the kernel's table: `_ZN5Shape4areaEi`."""


@final
@dataclass(frozen=True, slots=True)
class StackCount:
    """A stack with what it was counted by. Of kernel and user stacks together the kernel's frames come first."""

    key: tuple[Any, ...]
    """The parts of the key that are no stacks, in the program's order."""
    frames: tuple[Frame, ...]
    """The innermost first."""
    count: int


class Resolver(Protocol):
    """What knows the names of addresses."""

    def kernel(self, addresses: Sequence[int]) -> list[Frame]:
        """Frames of the kernel, one for each address; the first is where it was, the others return there."""

    def user(self, pid: int, addresses: Sequence[int]) -> list[Frame]:
        """Frames of a process (a thread group's number in the first pid namespace), as far as it is or was known."""
