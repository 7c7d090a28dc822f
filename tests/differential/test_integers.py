"""Integers as Python's objects, in the kernel and in Python: methods, powers, divmod, members of enums, bools."""

from __future__ import annotations

import struct
from enum import IntEnum
from types import SimpleNamespace

import pytest
from running import Kernel, Probe

from pyebpf.loader import sys

pytestmark = pytest.mark.kernel


class Action(IntEnum):
    READ = 1
    WRITE = 2
    CLOSE = 7


PROGRAM = """
from enum import IntEnum

class Action(IntEnum):
    READ = 1
    WRITE = 2
    CLOSE = 7

@struct
class Row:
    a: u64
    b: i64
    c: u32
    d: i32
    e: u8
    k: bool
    m: bool
    pad: u8
    out: i64

rows = Array[Row](max_entries=1)

@xdp
def probe(packet):
    row = rows[0]
    try:
        row.out = WHAT
    except (ValueError, ZeroDivisionError):
        row.out = -77
    return XDP.DROP
"""
EXPRESSIONS = (
    "row.a.bit_length()", "row.b.bit_length()", "row.d.bit_length()", "row.e.bit_length()", "row.k.bit_length()",
    "row.a.bit_count()", "row.b.bit_count()", "row.d.bit_count()", "(-5).bit_count() + (1000).bit_length()",
    "divmod(row.b, row.d)[0]", "divmod(row.b, row.d)[1]", "divmod(row.d, 7)[0] * 100 + divmod(row.d, 7)[1]",
    "row.d ** 2", "pow(row.e, 7)", "row.e ** 0 + row.e ** 1", "(row.e % 3) ** 33",
    "Action(row.e)", "Action(row.b)", "int(row.e in Action)", "int(row.b not in Action)", "Action(row.e).value * 2",
    "Action.CLOSE.value + Action(2)", "int(7 in Action)",
    "int(row.k & row.m) + 2 * int(row.k | row.m) + 4 * int(row.k ^ row.m)", "int(row.k & (row.c > 3))", "row.k + row.k",
    "len(hex(row.b)) * 100 + len(bin(row.e))", "int(oct(row.c) == '0o17')", "int(hex(row.d) < '0x5')",
    "int(chr(65) in 'ABC')", "min(row.b, 3, row.e, row.d)", "max(row.b, row.c, -5)", "-row.k + ~row.e",
)  # fmt: skip
ROWS = [
    (0, 0, 0, 0, 0, False, False),
    (2**64 - 1, -(2**63), 2**32 - 1, -(2**31), 255, True, True),
    (1 << 63, 2**63 - 1, 1 << 31, 2**31 - 1, 128, True, False),
    (0xF0F0, -1, 15, -1, 1, False, True),
    (12345678901, -12345678901, 7, 13, 2, True, True),
    (255, 7, 3, -7, 7, False, False),
    (256, 3, 4, 5, 6, True, False),
]


@pytest.mark.parametrize("what", EXPRESSIONS)
def test_the_kernel_counts_as_python(load, kernel: Kernel, what: str) -> None:  # type: ignore[no-untyped-def]
    probe: Probe = load(PROGRAM.replace("WHAT", what))
    fd = probe.loaded.maps["rows"].fd
    for values in ROWS:
        sys.map_update(fd, bytes(4), struct.pack("<QqIiB??Bq4x", *values, 0, 0)[:40])
        assert probe.run() == 1
        found = sys.map_lookup(fd, bytes(4), 40) or b""
        row = SimpleNamespace(**dict(zip("abcdekm", values, strict=True)))
        try:
            expected = int(eval(what, {"row": row, "Action": Members}))
        except (ValueError, ZeroDivisionError):
            expected = -77
        assert struct.unpack_from("<q", found, 32)[0] == expected, values


class _Members:
    """Action, whose `in` takes numbers also before Python 3.12."""

    CLOSE = Action.CLOSE

    def __call__(self, value: int) -> Action:
        return Action(value)

    def __contains__(self, value: int) -> bool:
        return value in {int(member) for member in Action}


Members = _Members()
