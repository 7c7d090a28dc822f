"""What the compiler promises, broken by hand: the simulator finds each, and says where."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from building import Build, map_ref, module

from pyebpf import layout
from pyebpf.diagnostics.base import InternalError
from pyebpf.ir import module as ir
from pyebpf.ir import ops
from pyebpf.ir.types import BOOL, I64, IntType, PointerType, Region
from pyebpf.irbuild.calls import HALVES, PLAIN
from pyebpf.kernel import hooks
from pyebpf.simulator.helpers import HELPERS
from pyebpf.simulator.simulation import Input, Simulation
from pyebpf.simulator.surroundings import Surroundings

COUNTS = map_ref("counts", "Hash", 1, layout.U32, layout.U64, 10)
EVENT = layout.struct_of("Event", (("a", layout.U8), ("b", layout.U32)))
RING = map_ref("ring", "RingBuf", 27, None, EVENT, 4096)
CELLS = layout.Array(layout.U32, 4)


def run(lower: Callable[[Build], object], hook: hooks.Hook = hooks.XDP) -> None:
    b = Build()
    lower(b)
    b.ret(0)
    built = module(b.program("probe", hook), maps=(COUNTS, RING))
    Simulation(built).run("probe", Input(Surroundings(), bytes(8)))


def undefined_key(b: Build) -> None:
    b.lookup(COUNTS, b.slot("key", layout.U32))


def undefined_value(b: Build) -> None:
    key = b.slot("key", layout.U32)
    b.store(key, b.const(1))
    b.update(COUNTS, key, b.slot("value", layout.U64))


def undefined_padding_in_an_event(b: Build) -> None:
    record = reserved(b)
    b.store(b.member(record, 0, layout.U8), b.const(1))
    b.store(b.member(record, 4, layout.U32), b.const(1))
    b(ops.RingSubmit(record, b.span))


def undefined_bytes_compared(b: Build) -> None:
    text = b.slot("text", layout.Text(8))
    b(ops.StoreBytes(text, b"ab", b.span))
    b(ops.EqualBytes(text, b"abc", BOOL, b.span))


def undefined_bytes_copied_on(b: Build) -> None:
    one, other = b.slot("one", layout.U64), b.slot("other", layout.U64)
    b(ops.Copy(other, one, 8, b.span))
    b.load(other)


def undefined_bytes_for_a_helper(b: Build) -> None:
    target = b.slot("target", layout.U32)
    b.call("probe_read_kernel", target, b.const(4), b.slot("source", layout.U32))


def index_beyond(b: Build) -> None:
    cells = b.slot("cells", CELLS)
    b(ops.Zero(cells, ((0, 16),), b.span))
    index = b.binary("+", b.const(8), b.const(0), IntType(0, 2**32))
    element = PointerType(layout.U32, Region.STACK)
    b.load(b(ops.ElementAddress(cells, index, 4, element, b.span)))


def member_beyond(b: Build) -> None:
    slot = b.slot("slot", layout.U32)
    b.store(b.member(slot, 2, layout.U32), b.const(1))


def packet_beyond(b: Build) -> None:
    start = b(ops.PacketData(PointerType(layout.U8, Region.PACKET), b.span))
    b.load(b.member(start, 6, layout.U32))


def null_followed(b: Build) -> None:
    key = b.slot("key", layout.U32)
    b.store(key, b.const(1))
    b.load(b.not_null(b.lookup(COUNTS, key)))


def division_by_zero(b: Build) -> None:
    b.binary("//", b.const(7), b.binary("-", b.const(1), b.const(1), I64), I64)


def negative_shift(b: Build) -> None:
    b.binary("<<", b.const(7), b.binary("-", b.const(1), b.const(2), I64), I64)


def number_outside_its_type(b: Build) -> None:
    b.binary("+", b.const(200), b.const(100), IntType(0, 255))


def number_too_wide_for_its_place(b: Build) -> None:
    b.store(b.slot("byte", layout.U8), b.const(256))


def record_left_open(b: Build) -> None:
    reserved(b)


def record_used_after_it_was_sent(b: Build) -> None:
    record = reserved(b)
    b(ops.Zero(record, ((0, 8),), b.span))
    b(ops.RingSubmit(record, b.span))
    b.load(b.member(record, 0, layout.U8))


def record_left_open_by_a_fault(b: Build) -> None:
    reserved(b)
    b.check(b(ops.Const(0, BOOL, b.span)), ir.Fault.ASSERTION)


def lock_kept(b: Build) -> None:
    key, value = b.slot("key", layout.U32), b.slot("value", layout.U64)
    b.store(key, b.const(1))
    b.store(value, b.const(1))
    b.update(COUNTS, key, value)
    b.call("spin_lock", b.not_null(b.lookup(COUNTS, key)))


def loop_beyond_its_bound(b: Build) -> None:
    label, i = ops.Label("loop"), ops.Local("i", I64, b.span)

    def body() -> None:
        turn = b(ops.LocalGet(i, I64, b.span))
        b.if_(b.compare(">=", turn, b.const(6)), lambda: b(ops.Break(label, b.span)))

    def step() -> None:
        b(ops.LocalSet(i, b.binary("+", b(ops.LocalGet(i, I64, b.span)), b.const(1), I64), b.span))

    b(ops.Loop(label, b.inner(body), b.inner(step), None, 4, True, b.span))


def reserved(b: Build) -> ops.Value:
    record = b(ops.RingReserve(RING, PointerType(EVENT, Region.RING, nullable=True), b.span))
    return b.not_null(record)  # type: ignore[no-any-return]


BROKEN = {
    undefined_key: "uses byte 0 of key, which was never written",
    undefined_value: "uses byte 0 of value",
    undefined_padding_in_an_event: "uses byte 1 of a record of ring",
    undefined_bytes_compared: "uses byte 2 of text",
    undefined_bytes_copied_on: "uses byte 0 of other",
    undefined_bytes_for_a_helper: "uses byte 0 of source",
    index_beyond: "uses index 8 of 4 elements",
    member_beyond: "writes 4 bytes at 2 of slot, which has 4 bytes",
    packet_beyond: "reads 4 bytes at 6 of the packet, which has 8 bytes",
    null_followed: "NotNull is null",
    division_by_zero: "divides by zero",
    negative_shift: "shifts by -1",
    number_outside_its_type: r"Binary is 300, which is no int\[0…255\]",
    number_too_wide_for_its_place: "stores 256 as u8",
    record_left_open: "neither submits nor gives back",
    record_used_after_it_was_sent: "after it was given back",
    record_left_open_by_a_fault: "a fault leaves a ring record",
    lock_kept: "a lock that it doesn't give back",
    loop_beyond_its_bound: "starts 6 times, though its bound is 4",
}


@pytest.mark.parametrize("lower", BROKEN, ids=lambda lower: lower.__name__)
def test_broken(lower: Callable[[Build], object]) -> None:
    with pytest.raises(InternalError, match=rf"probe\.py:\d+: .*{BROKEN[lower]}"):
        run(lower)


def test_every_function_of_the_language_has_its_helper() -> None:
    assert {half.helper for half in HALVES.values()} | {helper for helper, _ in PLAIN.values()} <= HELPERS.keys()
