"""What runs over spoilt sources have found: sources for which time, memory or steps once went without a bound."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAD = """\
from pyebpf import *

@struct
class Pair:
    a: char[4]
    b: char[4]
    x: u16[4]

@struct
class Host:
    mac: MacAddress
    v4: IPv4Address

pairs = Array[Pair](max_entries=1)
endings = Hash[char[8], u64](max_entries=16)
values = Array[u64](max_entries=8)
"""
PROBE = """
@xdp
def probe(packet):
"""
SECONDS = 20
"""Of processor time: what was found took minutes, and takes one or two."""


def nest(levels: int) -> str:
    """Loops in loops, around a change of a struct."""
    lines = ["    host = Host(v4=IPv4Address('10.1.2.3'))"]
    lines += [f"{' ' * (4 + level)}for i in range(3):" for level in range(levels)]
    lines += [f"{' ' * (4 + levels)}host.mac = MacAddress('02:00:00:00:00:01')", "    return XDP.PASS"]
    return HEAD + PROBE + "\n".join(lines) + "\n"


def swaps(count: int) -> str:
    """Structs that share a list, each with all before it."""
    lines = ["    pair = Pair(a='ab', b='cd')", "    for i in range(packet.load(0, u8) & 7):"]
    lines += ["        pair = Pair(a=pair.b, b=pair.a, x=pair.x)"] * count
    return HEAD + PROBE + "\n".join([*lines, "    return pair.x[1] & 1"]) + "\n"


def endings(count: int) -> str:
    """Hundreds of loops over text."""
    head = [
        "@tracepoint('syscalls:sys_enter_openat')",
        "def on_open(ctx):",
        "    path: char[64] = user_str(ctx.filename)",
    ]
    lines = ["    if (dot := path.rfind('.')) > 0:", *["        endings[char[8](path[dot + 1:])] += 1"] * count]
    return HEAD + "\n".join([*head, *lines]) + "\n"


def sums(count: int) -> str:
    """Locals each of which turns out to need another type than it seemed to."""
    line = "    values[0] = max((e for e in pairs[0].x if -sum(f for f in pairs[0].x)), default=0)"
    return HEAD + PROBE + "\n".join([*[line] * count, "    return XDP.PASS"]) + "\n"


def equal(count: int) -> str:
    """A chain of copies of one number."""
    return (
        HEAD + PROBE + f"    x = packet.load(0, u64)\n    values[0] = min({', '.join(['x'] * count)})\n    return 1\n"
    )


def held(count: int) -> str:
    """As many arguments that a later one could change, so that each is held."""
    arguments = ", ".join(["x"] * count)
    return HEAD + PROBE + f"    x = packet.load(0, u64)\n    return min({arguments}, (x := 5)) & 1\n"


def digits(count: int) -> str:
    """A text of many numbers, which takes memory of the moment for each."""
    numbers = "{x}" * count
    return HEAD + PROBE + f"    x = packet.load(0, u8)\n    return len(f'{numbers}') & 1\n"


def backslash() -> str:
    """The last line goes on, behind the end of the file."""
    return HEAD + PROBE + "    return XDP.PASS\n    values: u16[4]\\\n "


def named() -> str:
    """A probe whose name isn't one."""
    return HEAD + PROBE + "    return 1\n\nprobe.__name__ = endings\n"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (nest(19), "diagnostics E0204"),
        (swaps(51), "ok"),
        (endings(50), "diagnostics E0207"),
        (sums(60), "ok"),
        (equal(3_000), "ok"),
        (held(20_000), "ok"),
        (digits(300), "diagnostics E0205"),
        (backslash(), "ok"),
        (named(), "diagnostics E0702"),
    ],
    ids=["nest", "swaps", "endings", "sums", "equal", "held", "digits", "backslash", "named"],
)
def test_it_ends_with_diagnostics_or_none(text: str, outcome: str, tmp_path: Path) -> None:
    program = (
        "import resource, sys; from pathlib import Path; from attempt import attempt\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        f"print(*attempt(sys.stdin.read(), Path(sys.argv[1]), {SECONDS}))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "found.py")]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, env={"PYTHONPATH": _paths(), "PATH": ""}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == outcome


def _paths() -> str:
    return f"{Path(__file__).parent}:{Path(__file__).parents[2]}"
