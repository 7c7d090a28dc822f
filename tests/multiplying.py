"""A program whose ways multiply: as its first plan has it, it is too much for the model of the verifier."""

from __future__ import annotations

PROGRAM = """\
from pyebpf import XDP, Array, Global, function, i64, struct, u8, xdp

@struct
class Row:
    v: i64[8]

rows = Array[Row](max_entries=4)
out = Global[i64](0)

@function
def best(row, x: i64):
    return max((y for y in row.v if x >= y), default=0) // max((y for y in row.v if x < y), default=1)

@xdp
def probe(packet):
    total = 0
    for i in range(4):
        row = rows[i]
        total += best(row, best(row, best(row, i64(packet.load(i, u8)))))
        if total > best(row, total & 63):
            total = i64(total & 255)
    out.value = total
    return XDP.PASS
"""
