"""Kernel versions: what to compile for, and the instruction set that each has.

Source: the kernel's history; `-mcpu` levels as LLVM numbers them.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Final, TypeAlias

Version: TypeAlias = "tuple[int, int]"
"""`(5, 10)` for Linux 5.10."""

INSTRUCTION_SETS: Final[tuple[tuple[str, Version], ...]] = (
    ("v4", (6, 6)),  # signed division, sign-extending moves and loads, byte swaps of registers, long jumps
    ("v3", (5, 1)),  # 32-bit jumps
    ("v2", (4, 14)),  # jumps by "less than"
    ("v1", (3, 18)),
)
"""Each level with its first kernel, the newest first."""


def parse_version(text: str) -> Version:
    """`5.10`, or what `uname -r` says (`6.1.0-28-cloud-amd64`). Raises ValueError."""
    match = re.match(r"(\d{1,3})\.(\d{1,3})(?![\d])", text)
    if match is None:
        raise ValueError(f"{text!r} is not a kernel version, which is written as 5.10")
    return int(match[1]), int(match[2])


def running_version() -> Version | None:
    """Of this machine's kernel, if it is Linux and says so."""
    if sys.platform != "linux":
        return None
    try:
        return parse_version(os.uname().release)
    except ValueError:
        return None


def show_version(version: Version) -> str:
    """`5.10`."""
    return ".".join(map(str, version))


def instruction_set(kernel: Version) -> str:
    """The newest level that `kernel` has."""
    return next((level for level, since in INSTRUCTION_SETS if since <= kernel), "v1")
