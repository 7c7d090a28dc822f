"""Structs, unions, bit fields, arrays and slices: what the kernel computes is what Python computes."""

from __future__ import annotations

import struct
import textwrap
from pathlib import Path
from random import Random

import pytest
from gen_data import DataGenerator
from running import Kernel, forced
from twice import IMPORTS, check_same

from pyebpf import CompileError
from pyebpf.codegen import StackOverrun, Worker
from pyebpf.compiler import compile_target
from pyebpf.loader import sys

pytestmark = pytest.mark.kernel

PASS, DROP = 2, 1
ROW = """
@struct
class Part:
    a: u8
    b: u32
    ok: bool
    name: char[6]
    v: u16[3]

@struct
class Row:
    part: Part
    parts: Part[3]
    big: u64[40]
    x: u8

rows = Array[Row](max_entries=2)
out = Global[u64](0)
"""
CHANGES = ("part.a", "part.b", "part.ok", "part.v[2]", "parts[0].a", "parts[2].v[0]", "big[0]", "big[39]", "x")


@pytest.mark.parametrize("change", CHANGES)
def test_structs_are_equal_field_by_field(load, change: str) -> None:  # type: ignore[no-untyped-def]
    value = "True" if change.endswith("ok") else "200"
    probe = load(f"""{ROW}
@xdp
def probe(packet):
    row, other = rows[0], rows[1]
    same = row == other
    other.{change} = {value}
    out.value = 1 * same
    if row == other:
        out.value += 2
    if row.part != other.part:
        out.value += 4
    if row.parts != other.parts:
        out.value += 8
    if row.big != other.big:
        out.value += 16
    if row.parts[2] != other.parts[-1]:
        out.value += 32
    return XDP.DROP
""")
    assert probe.run() == DROP
    first, last = change.startswith("part."), change.startswith("parts[2]")
    arrays = 8 * change.startswith("parts[") + 16 * change.startswith("big")
    assert probe.out() == 1 + 4 * first + arrays + 32 * last
    assert probe.run() == DROP
    assert probe.out() == 4 * first + arrays + 32 * last


def test_padding_and_what_is_behind_the_end_of_text_do_not_count(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
@struct
class Part:
    a: u8
    b: u32
    name: char[6]
    c: u64

keys = Hash[u32, Part](max_entries=4)
out = Global[u64](0)

@xdp
def probe(packet):
    out.value = 1 if keys[0] == keys[1] else 2
    if keys[0] == Part(a=1, b=2, name="ab", c=3):
        out.value += 4
    if Part(a=1, b=2, name="abc", c=3) == keys[0]:
        out.value += 8
    return XDP.DROP
""")
    for key, filling in ((0, b"\0" * 8), (1, b"\xaa\xbb\xcc\xdd\xee\xff\x11\x22")):
        name = b"ab\0" + filling[:3]
        value = b"\1" + filling[:3] + struct.pack("<I", 2) + name + filling[:2] + struct.pack("<Q", 3)
        probe.put("keys", struct.pack("<I", key), value)
    assert probe.run() == DROP
    assert probe.out() == 1 + 4


SLICES = """
word = a[1:4]
out[0] = u64(word == other[1:4])
a[0] = 77
a[1] = 5
out[1] = word[0]
b[0:4] = b[2:6]
out[2] = u64(b[:6] == u32[6](2, 3, 4, 5, 4, 5))
out[3] = u64(a[-3:] == a[5:])
out[4] = u64(a[0:100] == a)
if n < 5:
    out[5] = u64(a[n:n + 4] == other[n:n + 4])
    a[n:n + 4] = b[1 + 2:3 + 4]
back = b[::-2]
out[6] = back[1] * 100 + back[-1]
for i in range(3):
    out[7 + i] = u64(a[i:i + 2] == other[i:i + 2])
    word = a[i:3 + i]
out[10] = word[2] * 100 + word[0]
"""


class Lists:
    """`u32[6](…)` in plain Python."""

    def __getitem__(self, length: int) -> object:
        return lambda *items: list(items)


@pytest.mark.parametrize("n", [0, 2, 4, 5, 255])
def test_slices(load, n: int) -> None:  # type: ignore[no-untyped-def]
    """Slices are copies, as those of lists are."""
    probe = load(f"""
@struct
class Row:
    a: u32[8]
    b: u32[12]
    out: u64[11]

rows = Array[Row](max_entries=2)

@xdp
def probe(packet):
    n = packet.load(0, u8)
    a, b, out, other = rows[0].a, rows[0].b, rows[0].out, rows[1].a
{textwrap.indent(SLICES, "    ")}
    return XDP.DROP
""")
    whole = struct.Struct("<8I12I11Q")
    for key in (0, 1):
        probe.put("rows", struct.pack("<I", key), whole.pack(*range(8), *range(12), *bytes(11)))
    assert probe.run(bytes([n]) + bytes(63)) == DROP
    names = {"a": list(range(8)), "b": list(range(12)), "other": list(range(8)), "out": [0] * 11, "n": n}
    exec(SLICES, {"u64": int, "u32": Lists()}, names)
    found = whole.unpack(sys.map_lookup(probe.loaded.maps["rows"].fd, bytes(4), whole.size))
    assert found == (*names["a"], *names["b"], *names["out"])


@pytest.mark.parametrize("seed", range(24))
def test_random_programs_over_data(kernel: Kernel, seed: int, tmp_path: Path) -> None:
    """Structs, unions and bit fields are in the kernel what they are in Python."""
    text = DataGenerator(Random(seed)).program()
    try:
        check_same(kernel, text, [bytes([3]) * 64, bytes([200]) * 64], tmp_path)
    except CompileError as error:
        assert {diagnostic.code for diagnostic in error.diagnostics} <= {"E0205", "E0461", "E0462"}, error


@pytest.mark.parametrize("seed", [63, 68, 75])
def test_dense_programs_fit_the_stack(kernel: Kernel, seed: int, tmp_path: Path) -> None:
    """LLVM would first read all fields, and need up to five times the stack for them."""
    path = tmp_path / "program.py"
    path.write_text(IMPORTS + DataGenerator(Random(seed)).program())
    with Worker.start() as worker, pytest.raises(StackOverrun):
        worker.compile(forced(path))
    check_same(kernel, DataGenerator(Random(seed)).program(), [bytes([3]) * 64, bytes([200]) * 64], tmp_path)


def _many(count: int, use: str) -> str:
    """A program that needs `count` numbers at a time."""
    reads = [f"    a{number} = packet.load({number}, u8) + {number}" for number in range(count)]
    uses = [f"    out[{number % 32}] += {use.format(number)}" for number in range(count)]
    return "\n".join(["@xdp", "def probe(packet):", *reads, *uses, "    return XDP.PASS", ""])


def test_more_numbers_than_the_stack_holds_lie_in_memory(kernel: Kernel, tmp_path: Path) -> None:
    """Nothing is wrong with such a program."""
    check_same(kernel, _many(150, "a{}"), [bytes(range(256)), bytes([200]) * 256], tmp_path)


def test_more_indexes_at_a_time_than_the_stack_holds_are_diagnosed(tmp_path: Path) -> None:
    """What the verifier must know of a number it doesn't know of memory. LLVM finds that the stack is too small, and
    ends its process; the user is told of the program."""
    path = tmp_path / "program.py"
    path.write_text(IMPORTS + _many(100, "packet.load(a{} & 31, u8)"))
    with pytest.raises(CompileError) as caught:
        compile_target(path)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E0252" and diagnostic.span.text == "def probe(packet):"


def test_same_struct_in_python_and_in_the_kernel(kernel: Kernel, tmp_path: Path) -> None:
    """Defaults, constants and bit fields of all kinds of types."""
    text = """
from pyebpf import IPv4Address, bits, char, i8, i16, struct, u8, u16, u32, u64

class Color(IntEnum):
    RED = 1
    BLUE = 5

@struct
class Inner:
    x: u32
    name: char[8] = "abc"

@struct
class Part:
    a: u8 = bits(3)
    b: u8 = bits(6, 5)
    c: u32 = bits(20)
    d: i16 = bits(4)
    e: bool = bits(1)
    k: Color = bits(3)
    inner: Inner
    more: Inner[2]
    proto: u8 = 6
    v: u16[3]

DEFAULT = Part(a=1, b=9, inner=Inner(x=5), v=u16[3](1, 2, 3))
keys = Hash[Part, u64](max_entries=8)

@function
def total(part):
    return part.a + part.inner.x + part.v[1] * 100

@xdp
def probe(packet):
    n = packet.load(0, u8)
    part = Part(a=n & 7, k=Color.BLUE)
    out[0] = part.b * 1000 + part.proto
    out[1] = u64(part.inner.name == "abc" and part.more[1].name == "abc")
    out[2] = u64(part.k == Color.BLUE) + u64(part.e)
    part.d = -5
    out[3] = u64(part.d)
    part.d = max(part.d - 3, -8)
    part.e = part.d < -7
    part.c = 0xfffff
    out[4] = u64(part.d) + part.c + u64(part.e)
    out[5] = total(DEFAULT) + DEFAULT.b + DEFAULT.v[2]
    keys[DEFAULT] = 7
    keys[part.copy()] = 8
    keys[Part(a=n & 7, k=Color.BLUE)] = 9
    part.a = 1
    part.b = 9
    out[6] = u64(part in keys)
    copied = DEFAULT.copy()
    out[7] = keys[copied]
    copied.inner.x = 6
    out[8] = u64(copied in keys) + u64(copied.inner == DEFAULT.inner)
    out[9] = keys[Part(a=n & 7, k=Color.BLUE)]
    return XDP.DROP
"""
    check_same(kernel, text, [bytes([number]) * 64 for number in (0, 3, 255)], tmp_path)


def test_same_union_in_python_and_in_the_kernel(kernel: Kernel, tmp_path: Path) -> None:
    """What one field is assigned, the others show."""
    text = """
from pyebpf import bits, char, i16, struct, u8, u16, u32, u64, union

@struct
class Inner:
    x: u32
    name: char[8] = "abc"

@union
class Word:
    number: u64
    parts: u16[4]
    part: Inner
    low: u8 = bits(4)
    signed: i16 = -2

words = Array[Word](max_entries=2)

@xdp
def probe(packet):
    word = Word()
    out[10] = word.number
    word.low = 5
    out[11] = word.number
    word = Word(number=0x1122334455667788)
    out[12] = word.parts[1] * 100000 + word.low
    word.signed = -1
    out[13] = word.part.x
    words[1] = word.copy()
    words[1].number = u64(words[1].number + 1)
    out[14] = u64(words[1] == word) + 10 * u64(words[1] != Word(number=word.number + 1))
    out[15] = u64(word.signed)
    return XDP.DROP
"""
    check_same(kernel, text, [bytes(64)], tmp_path)


def test_array_at_an_odd_offset_of_a_packed_struct(kernel: Kernel, tmp_path: Path) -> None:
    """By a name, its elements lie wherever the struct has them."""
    text = """
from pyebpf import struct, u8, u16, u32, u64

@struct(packed=True)
class Inner:
    x: u8
    y: u64

@struct(packed=True)
class Odd:
    a: u8
    w: u32[3]
    b: u16
    inner: Inner
    many: Inner[3]

@function
def change(words, n):
    words[n] = 9
    return words[0] + words[1] * 10 + words[2] * 100

@xdp
def probe(packet):
    n = packet.load(0, u8)
    k = Odd(a=1, b=2)
    w = k.w
    w[0] = 5
    w[n % 3] = 7
    out[0] = change(w, 1)
    inner = k.inner
    inner.y = 1 << 40
    for i in range(3):
        inner = k.many[i]
        inner.y = n + i
        inner.x = i
    copied = k.copy()
    out[1] = k.inner.y + k.a + k.b
    out[2] = copied.many[2].y * 100 + copied.many[1].x
    out[3] = u64(k.w == w) + u64(k.w == copied.w) * 2 + u64(copied == k) * 4
    return XDP.DROP
"""
    check_same(kernel, text, [bytes([number]) * 64 for number in (0, 2, 255)], tmp_path)


LARGE = """
from pyebpf import bits, char, struct, u8, u16, u32, u64

@struct
class Page:
    number: u64
    words: u32[300]
    name: char[1024]

pages = Hash[u32, Page](max_entries=4)

@function
def total(page):
    sum = 0
    for i in range(300):
        sum += page.words[i] * i
    return sum

@xdp
def probe(packet):
    n = packet.load(0, u8)
    page, other = Page(number=n), Page()
    cells = u64[100]()
    cells[n] = 7
    page.words[n] = n
    page.words[299] = 3
    page.name = "hello"
    out[0] = u64(total(page))
    out[1] = cells[n] + cells[99 - n]
    out[2] = u64(page == other)
    other = page.copy()
    out[3] = u64(page == other)
    other.words[200] = 1
    out[4] = u64(page.words == other.words) + u64(page.name == other.name)
    pages[n] = page.copy()
    out[5] = pages[n].words[299]
    for i in range(3):
        again = Page(number=i)
        again.words[i * 100] = i
        out[6 + i] = u64(total(again)) + again.number
    return XDP.DROP
"""


def test_local_memory_beyond_the_stack(kernel: Kernel, tmp_path: Path) -> None:
    """Structs of some kilobytes are locals like others; the next run finds nothing of this one."""
    check_same(kernel, LARGE, [bytes([number]) * 64 for number in (0, 7, 99, 100, 3)], tmp_path)


def test_large_locals_in_loops_that_are_functions(kernel: Kernel, tmp_path: Path) -> None:
    """What a loop shares with its program may lie beyond the stack as well."""
    text = """
from pyebpf import struct, u8, u32, u64

@struct
class Page:
    number: u64
    words: u32[200]

@xdp
def probe(packet):
    n = packet.load(0, u8)
    page = Page(number=n)
    seen = 0
    for i in range(100_000):
        if i % 1000 == n:
            inner = Page(number=i)
            inner.words[i % 200] = 3
            page.words[i % 200] = u32(i)
            seen += inner.words[i % 200]
    out[0] = u64(seen)
    total = 0
    for i in range(200):
        total += page.words[i] * i
    out[1] = u64(total)
    return XDP.DROP
"""
    check_same(kernel, text, [bytes([number]) * 64 for number in (0, 7, 255)], tmp_path)
