"""The sources that are mutated: every probe in samples, documentation and tests, and random programs."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from random import Random
from typing import Final

ROOT: Final = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "differential"))

from generate import Generator

from pyebpf.ir.ranges import exact

PRELUDE: Final = """\
from pyebpf import *
from pyebpf import ETH_P_IP, Ethernet, IPv4, Tcp

@struct
class Event:
    pid: u32
    name: char[16]
    values: u16[4]

counts = Hash[u32, u64](max_entries=16)
stats = Hash[u32, Event](max_entries=16)
cells = Array[u64](max_entries=8)
events = RingBuf[Event](size=4096)
times = Histogram(unit="ns")
total = Global[u64](0)
limit = Config[u32](7)
SIZE = 6

"""
"""For pieces of source that use names which only their tests declare."""
_FORBIDDEN: Final = re.compile(r"\b(subprocess|socket|ctypes|shutil|pathlib|threading|multiprocessing|signal)\b")
"""What a module of probes has no business with: it is run when it is imported."""


def sources() -> list[str]:
    """All of them: those that are right twice, then those that are wrong, and as many random programs."""
    found = {path.read_text() for path in (ROOT / "samples").glob("*.py")}
    for page in (ROOT / "docs").glob("*.md"):
        found |= {_whole(block) for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)}
    for file in (ROOT / "tests").rglob("*.test"):
        found |= {_whole(part) for part in re.findall(r"^\[case .*?\]\n(.*?)(?=^\[)", file.read_text(), re.M | re.S)}
    for file in (ROOT / "tests").rglob("test_*.py"):
        found |= _texts(file)
    right = sorted(text for text in found if "@" in text and not _FORBIDDEN.search(text))
    wrong = sorted(path.read_text() for path in (ROOT / "tests" / "errors").glob("*/*.py"))
    return [*right, *right, *wrong, *(program(number) for number in range(len(wrong)))]


def program(number: int) -> str:
    """A random one, which is right."""
    return Generator(Random(number), exact).program()[0]


def _texts(file: Path) -> set[str]:
    """Programs that stand in a test as text."""
    strings = (node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant))
    return {_whole(text) for text in strings if isinstance(text, str) and re.search(r"^@\w+.*\ndef ", text, re.M)}


def _whole(text: str) -> str:
    """A piece of source as a module."""
    return text if re.search(r"^from pyebpf import|^import pyebpf", text, re.M) else PRELUDE + text
