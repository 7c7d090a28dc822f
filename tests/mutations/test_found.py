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
BUSY = """
@function
def busy(a: i8, b: i32, c: i8) -> i32:
    x: u64 = sum((a & 7) // (b | 1) & 0xffff for n in (a, b, c))
    y = (b >> (c & 31)) ^ c
    z = u8(endings.get('a', 7) & 63)
    rounds = 0
    while rounds < 1 and a < 500:
        rounds += 1
        for n in range(1, 3):
            try:
                if min(x, 7) in (x, z ^ 3):
                    pass
                if not z >= x:
                    return i32(endings.get('b', 9) & 0xff) // z
            except Exception:
                pass
            if a > z:
                break
        if c >= -3 > a:
            continue
    return i32(y + z & 0xffff)
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


def conditions(count: int, word: str) -> str:
    """A condition of many parts, in a loop."""
    parts = f" {word} ".join(["u64(w)"] * count)
    lines = ["    w = packet.load(0, u32)", "    n = 0", f"    while {parts}:", "        n += 1", "        w >>= 1"]
    return HEAD + PROBE + "\n".join([*lines, "        if n > 40:", "            break", "    return n & 1"]) + "\n"


def alternatives(count: int) -> str:
    """A pattern of many numbers, in a loop."""
    lines = [
        "    for i in range(2):",
        "        match packet.load(0, u8), i:",
        f"            case {'1 | ' * count}2, 1:",
    ]
    return HEAD + PROBE + "\n".join([*lines, "                return 1", "    return 2"]) + "\n"


def among(count: int) -> str:
    """A tuple of many numbers that is searched."""
    return HEAD + PROBE + f"    return int(packet.load(0, u32) in ({', '.join(map(str, range(0, 3 * count, 3)))}))\n"


def doubled(levels: int, branches: int) -> str:
    """Functions that call the next one twice, in branches whose conditions are wrong."""
    lines = ["@function", "def f0(x):", "    return x + 1"]
    for level in range(1, levels):
        lines += ["@function", f"def f{level}(x):", f"    return f{level - 1}(x) + f{level - 1}(x + 1)"]
    wrong = f"    if missing() == 1:\n        return f{levels - 1}(1) & 1\n" * branches
    return HEAD + "\n".join(lines) + "\n" + PROBE + wrong + "    return 1\n"


def inlined(count: int) -> str:
    """Copies of a function with loops and many ways out, in two loops around them."""
    lines = ["    values_: i32[8] = i32[8]()", "    x = packet.load(0, i32)", "    for i in reversed(values_):"]
    lines += ["        for j in range(-4, -2, 3):", "            if x > j:"]
    lines += ["                values_[(x + j) & 7] = i32((x := busy(i8(x + 7 & 63), i32(x), -64)))"] * count
    return HEAD + BUSY + PROBE + "\n".join([*lines, "    return x & 1"]) + "\n"


def enormous() -> str:
    """An array that Python itself would make, of all the memory there is."""
    return HEAD + "SIZE = u8[99999999999999999999]()\n" + PROBE + "    return 1\n"


def tabs() -> str:
    """A tab that leads to column 8, behind 7 spaces."""
    lines = [
        "    def inner(p):",
        "            try:",
        "                pass",
        "       \t    finally:",
        "                pass",
    ]
    return HEAD + PROBE + "\n".join([*lines, "    inner(1)", "    return 1"]) + "\n"


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
        (endings(64), "diagnostics E0207"),
        (sums(60), "ok"),
        (equal(3_000), "ok"),
        (held(16_000), "ok"),
        (digits(300), "diagnostics E0205"),
        (conditions(1_000, "and"), "ok"),
        (conditions(1_000, "or"), "ok"),
        (alternatives(6_000), "diagnostics E0207"),
        (among(1_000), "ok"),
        (doubled(10, 30), "diagnostics E0301"),
        (inlined(80), "diagnostics E0204"),
        (enormous(), "diagnostics E0701"),
        (tabs(), "ok"),
        (backslash(), "ok"),
        (named(), "diagnostics E0702"),
    ],
    ids=[
        "nest",
        "swaps",
        "endings",
        "sums",
        "equal",
        "held",
        "digits",
        "and",
        "or",
        "alternatives",
        "among",
        "doubled",
        "inlined",
        "enormous",
        "tabs",
        "backslash",
        "named",
    ],
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
