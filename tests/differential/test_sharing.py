"""Structs and arrays that are assigned: copies in the kernel, shared objects in Python. Nobody can tell, or it is an
error (tests/errors/data)."""

from __future__ import annotations

from pathlib import Path

import pytest
import twice
from running import Kernel

pytestmark = pytest.mark.kernel

PACKETS = [bytes(64), bytes(range(64)), bytes([255] * 64), bytes([3, 250, 7, 1, 128, 9, 2, 0] * 8)]
STRUCTS = """
@struct
class Inner:
    x: u32
    y: u64

@struct
class Outer:
    inner: Inner
    cells: u32[4]
    points: Inner[4]

inners = Hash[u32, Inner](max_entries=8)
slots = Array[Inner](max_entries=4)
"""
BODIES = {
    "only_looked_at": """
    outer, inner = Outer(), Inner(x=packet.load(0, u8))
    outer.inner = inner
    out[0] = outer.inner.x * 1000 + inner.x""",
    "another_field_is_changed": """
    outer, inner = Outer(), Inner(x=packet.load(0, u8))
    outer.inner = inner
    inner.y = 7
    out[0] = outer.inner.x""",
    "an_object_for_each_round": """
    outer = Outer()
    for i in range(4):
        inner = Inner(x=packet.load(i, u8))
        inner.y = i
        outer.points[i] = inner
    for i in range(4):
        out[i] = outer.points[i].x + outer.points[i].y * 1000""",
    "a_copy_for_each_round": """
    outer, inner = Outer(), Inner()
    for i in range(4):
        inner.x = packet.load(i, u8)
        outer.points[i] = inner.copy()
    for i in range(4):
        out[i] = outer.points[i].x""",
    "sorted_by_exchange": """
    outer = Outer()
    for i in range(4):
        outer.points[i] = Inner(x=packet.load(i, u8))
    for i in range(3):
        for j in range(3):
            a, b = outer.points[j], outer.points[j + 1]
            if a.x > b.x:
                outer.points[j], outer.points[j + 1] = b, a
    outer.points[2].y = 77
    for i in range(4):
        out[i] = outer.points[i].x * 1000 + outer.points[i].y""",
    "made_or_found": """
    key = packet.load(0, u8) & 3
    inners[0] = Inner(x=9)
    entry = inners.get(key)
    if entry is None:
        fresh = Inner(x=1)
        inners[key] = fresh
        entry = inners[key]
    entry.x = 5
    out[0] = inners[key].x
    del inners[0]
    if key != 0:
        del inners[key]""",
    "written_again": """
    inner = Inner(x=1)
    inners[1] = inner
    inner.x = packet.load(0, u8)
    inners[1] = inner
    out[0] = inners[1].x""",
    "assigned_to_itself": """
    outer = Outer()
    inner = outer.inner
    outer.inner = inner
    inner.x = packet.load(0, u8)
    out[0] = outer.inner.x""",
    "a_slice_with_items_of_its_own": """
    outer = Outer()
    for i in range(4):
        outer.points[i].x = packet.load(i, u8)
    some = outer.points[1:3]
    some[0] = Inner(x=4)
    out[0] = outer.points[1].x
    out[1] = some[0].x
    out[2] = some[1].x""",
    "another_entry_is_replaced": """
    slot = slots[1]
    slots[2] = Inner(x=packet.load(0, u8))
    slot.x = 3
    out[0] = slots[1].x + slots[2].x""",
    "both_ways_then_replaced": """
    outer, inner = Outer(), Inner(x=1)
    if packet.load(0, u8) > 3:
        outer.inner = inner
    outer.inner = Inner(x=2)
    inner.x = 3
    out[0] = outer.inner.x * 10 + inner.x""",
}


@pytest.mark.parametrize("name", BODIES)
def test_nobody_can_tell(kernel: Kernel, name: str, tmp_path: Path) -> None:
    text = f"{STRUCTS}\n@xdp\ndef probe(packet):{BODIES[name]}\n    return XDP.DROP\n"
    twice.check_same(kernel, text, PACKETS, tmp_path)
