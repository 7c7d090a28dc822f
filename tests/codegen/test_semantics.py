"""What the kernel computes is what Python computes."""

from __future__ import annotations

import operator
import random
import struct
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from building import Build, module

from pyebpf import layout
from pyebpf.codegen import Worker, emit_module
from pyebpf.ir import module as ir
from pyebpf.ir import ops
from pyebpf.ir.types import BOOL, I64, I64_MAX, I64_MIN, U64, U64_MAX, BoolType, IntType, PointerType, Region
from pyebpf.kernel import hooks
from pyebpf.loader import sys
from pyebpf.loader.load import LoadedObject, load_object
from pyebpf.object.read import read_object

pytestmark = pytest.mark.kernel

SIZE = 512
RESULTS = 128
MASK = U64_MAX
UNSIGNED = (0, 1, 2, 3, 7, 8, 63, 64, 255, 256, 65535, 2**31, 2**32 - 1, 2**32, 2**32 + 1)
UNSIGNED += (2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1)
SIGNED = (0, 1, -1, 2, -2, 3, -3, 7, -7, 63, -64, 2**31, -(2**31), 2**32, -(2**32) - 1, I64_MAX, I64_MIN, I64_MIN + 1)


class Packet(Build):
    """An XDP program over a packet that holds operands, and results from `RESULTS` on."""

    def __init__(self) -> None:
        super().__init__()
        packet = PointerType(layout.U8, Region.PACKET)
        self.base = self(ops.PacketData(packet, self.span))
        fits = self(ops.PacketFits(self.base, SIZE, BOOL, self.span))
        self.check(fits, ir.Fault.PACKET_TOO_SHORT)
        self.results = 0

    def at(self, offset: int, type: layout.Type) -> Any:
        return self.member(self.base, offset, type)

    def operand(self, index: int, type: layout.Integer) -> Any:
        register = {"u64": U64, "i64": I64}.get(type.name) or IntType(type.minimum, type.maximum)
        return self.load(self.at(index * 8, type), register)

    def result(self, value: Any) -> None:
        """Write the next result, a number or a truth value, as 8 bytes."""
        if isinstance(value.type, BoolType):
            local = ops.Local("truth", I64, self.span)
            self(ops.LocalSet(local, self.const(0), self.span))
            self.if_(value, lambda: self(ops.LocalSet(local, self.const(1), self.span)))
            value = self(ops.LocalGet(local, I64, self.span))
        self.store(self.at(RESULTS + 8 * self.results, layout.U64), value)
        self.results += 1


def run(worker: Worker, lower: Callable[[Packet], None], inputs: Iterable[bytes]) -> list[tuple[int, ...]]:
    """The results of the program that `lower` writes, for each packet."""
    b = Packet()
    lower(b)
    b.ret(2)
    elf = worker.compile(emit_module(module(b.program("probe", hooks.XDP))).text)
    found = []
    with load_object(read_object(elf)) as loaded:
        for data in inputs:
            result, after, _ = sys.prog_test_run(loaded.programs["probe"].fd, data.ljust(SIZE, b"\0"), output_size=SIZE)
            assert result == 2
            found.append(struct.unpack_from(f"<{b.results}Q", after, RESULTS))
    return found


def pairs(left: tuple[int, ...], right: tuple[int, ...]) -> list[tuple[int, int]]:
    """Edge cases and random numbers."""
    chance = random.Random(7)
    found = [(x, y) for x in left for y in right]
    for _ in range(60):
        found.append((chance.choice(left) ^ chance.getrandbits(chance.randrange(1, 32)), chance.choice(right)))
    return [(x, y) for x, y in found if min(left) <= x <= max(left)]


def pack(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}Q", *(value & MASK for value in values))


ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
}


@pytest.mark.parametrize("signed", [False, True])
def test_arithmetic_wraps_and_floors(worker: Worker, signed: bool) -> None:
    type, register, samples = (layout.I64, I64, SIGNED) if signed else (layout.U64, U64, UNSIGNED)

    def lower(b: Packet) -> None:
        x, y = b.operand(0, type), b.operand(1, type)
        for name in ARITHMETIC:
            b.result(b.binary(name, x, y, register))

    cases = [(x, y) for x, y in pairs(samples, samples) if y]
    for (x, y), found in zip(cases, run(worker, lower, [pack(x, y) for x, y in cases]), strict=True):
        for (name, python), value in zip(ARITHMETIC.items(), found, strict=True):
            assert value == python(x, y) & MASK, f"{x} {name} {y}"


@pytest.mark.parametrize("constant", [1, 2, 3, 10, 4096, -1, -2, -7])
def test_division_of_signed_by_constant(worker: Worker, constant: int) -> None:
    def lower(b: Packet) -> None:
        x = b.operand(0, layout.I64)
        b.result(b.binary("//", x, b.const(constant), I64))
        b.result(b.binary("%", x, b.const(constant), I64))

    for x, found in zip(SIGNED, run(worker, lower, [pack(x) for x in SIGNED]), strict=True):
        assert found == (x // constant & MASK, x % constant & MASK), f"{x} by {constant}"


def test_division_of_signed_by_unsigned_narrow(worker: Worker) -> None:
    def lower(b: Packet) -> None:
        x, y = b.operand(0, layout.I64), b.operand(1, layout.U32)
        b.result(b.binary("//", x, y, I64))
        b.result(b.binary("%", x, y, I64))

    cases = pairs(SIGNED, (1, 2, 3, 1000, 2**32 - 1))
    for (x, y), found in zip(cases, run(worker, lower, [pack(x, y) for x, y in cases]), strict=True):
        assert found == (x // y & MASK, x % y & MASK), f"{x} by {y}"


def test_shifts_by_any_count(worker: Worker) -> None:
    counts = (0, 1, 31, 32, 33, 63, 64, 65, 127, 200)

    def lower(b: Packet) -> None:
        u, s, n = b.operand(0, layout.U64), b.operand(0, layout.I64), b.operand(1, layout.U8)
        for x, register in ((u, U64), (s, I64)):
            b.result(b.binary("<<", x, n, register))
            b.result(b.binary(">>", x, n, register))
            for count in (0, 5, 63, 64, 90):
                b.result(b.binary("<<", x, b.const(count), register))
                b.result(b.binary(">>", x, b.const(count), register))

    cases = pairs(UNSIGNED, counts)
    for (x, n), found in zip(cases, run(worker, lower, [pack(x, n) for x, n in cases]), strict=True):
        signed = x - (1 << 64) if x >> 63 else x
        expected = []
        for value in (x, signed):
            for count in (n, 0, 5, 63, 64, 90):
                expected += [(value << count) & MASK, (value >> count) & MASK]
        assert list(found) == expected, f"{x} by {n}"


COMPARISONS: dict[Any, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
SIGNS = [("u64", "u64"), ("i64", "i64"), ("u64", "i64"), ("i64", "u64"), ("u32", "i64")]


@pytest.mark.parametrize(("left", "right"), SIGNS)
def test_comparison_is_exact(worker: Worker, left: str, right: str) -> None:
    narrow = (0, 1, 7, 2**31, 2**32 - 1)
    kinds = {"u64": (layout.U64, UNSIGNED), "i64": (layout.I64, SIGNED), "u32": (layout.U32, narrow)}

    def lower(b: Packet) -> None:
        x, y = b.operand(0, kinds[left][0]), b.operand(1, kinds[right][0])
        for name in COMPARISONS:
            b.result(b.compare(name, x, y))
        for value in (-1, 5, 2**63):
            for name in COMPARISONS:
                b.result(b.compare(name, x, b.const(value)))

    cases = [(x, y) for x in kinds[left][1] for y in (*kinds[right][1], x) if y is not x or left == right]
    for (x, y), found in zip(cases, run(worker, lower, [pack(x, y) for x, y in cases]), strict=True):
        expected = [int(python(x, other)) for other in (y, -1, 5, 2**63) for python in COMPARISONS.values()]
        assert list(found) == expected, f"{x} and {y}"


def test_bit_length(worker: Worker) -> None:
    def lower(b: Packet) -> None:
        for type in (layout.U64, layout.U32, layout.U16, layout.U8):
            b.result(b(ops.BitLength(b.operand(0, type), IntType(0, 64), b.span)))

    cases = [0, *(1 << n for n in range(64)), *((1 << n) - 1 for n in range(1, 65))]
    for x, found in zip(cases, run(worker, lower, [pack(x) for x in cases]), strict=True):
        assert found == tuple((x & ((1 << bits) - 1)).bit_length() for bits in (64, 32, 16, 8)), x


INTEGERS = (layout.U8, layout.U16, layout.U32, layout.U64, layout.I8, layout.I16, layout.I32, layout.I64,
            layout.BE16, layout.BE32, layout.BE64)  # fmt: skip


def test_loads_stores_and_conversions(worker: Worker) -> None:
    def lower(b: Packet) -> None:
        whole = b.operand(0, layout.U64)
        for type in INTEGERS:
            value = b.load(b.at(3, type), {"u64": U64, "i64": I64}.get(type.name))
            b.result(value)  # as Python would read it
            if not type.big_endian:
                b.result(b(ops.Convert(whole, type, IntType(type.minimum, type.maximum), b.span)))
            place = b.at(RESULTS + 8 * b.results, type)
            b.store(place, whole)
            b.results += 1
            b.result(b.compare("==", value, b.const(0x0102)) if type.size > 1 else value)

    data = bytes([1, 0x80, 0xFF, 2, 1, 0, 0, 0x90, 0xA0, 0xB1, 0xC2])
    (found,) = run(worker, lower, [data])
    at = iter(found)
    whole = int.from_bytes(data[:8], "little")
    for type in INTEGERS:
        order = "big" if type.big_endian else "little"
        value = int.from_bytes(data[3 : 3 + type.size], order, signed=type.signed)
        assert next(at) == value & MASK, type
        if not type.big_endian:
            low = (whole & ((1 << type.size * 8) - 1)).to_bytes(type.size, "little")
            assert next(at) == int.from_bytes(low, "little", signed=type.signed) & MASK, type
        stored = next(at).to_bytes(8, "little")[: type.size]
        assert int.from_bytes(stored, order) == whole & ((1 << type.size * 8) - 1), type
        assert next(at) == (int(value == 0x0102) if type.size > 1 else value & MASK), type


def test_bit_fields(worker: Worker) -> None:
    fields = [(layout.U8, 4, 4), (layout.U8, 4, 0), (layout.BE16, 13, 0), (layout.BE16, 3, 13), (layout.U32, 7, 9)]

    def lower(b: Packet) -> None:
        for type, bits, offset in fields:
            b.result(b(ops.Load(b.at(0, type), IntType(0, (1 << bits) - 1), b.span, bits, offset)))
        value = b.operand(1, layout.U64)
        for type, bits, offset in fields:
            b.store(b.at(16, type), value, bits=bits, bit_offset=offset)
            b.result(b.load(b.at(16, type)))

    data = bytes([0x45, 0x9A, 0xBC, 0xDE, 0, 0, 0, 0]) + pack(0xABCD5)
    ((*loads, s0, s1, s2, s3, s4),) = run(worker, lower, [data + bytes([0xFF] * 4)])
    assert loads == [4, 5, 0x459A & 0x1FFF, 0x459A >> 13, (0xDEBC9A45 >> 9) & 0x7F]
    memory = bytearray([0xFF] * 4)
    for (type, bits, offset), seen in zip(fields, (s0, s1, s2, s3, s4), strict=True):
        order = "big" if type.big_endian else "little"
        mask = ((1 << bits) - 1) << offset
        number = int.from_bytes(memory[: type.size], order) & ~mask | (0xABCD5 << offset) & mask
        memory[: type.size] = number.to_bytes(type.size, order)
        assert seen == number, (type, bits, offset)


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 15, 16, 31, 40])
def test_memory_moves_through_the_stack(worker: Worker, size: int) -> None:
    text = layout.Text(48)

    def lower(b: Packet) -> None:
        slot = b.slot("slot", text)
        b(ops.Zero(slot, ((0, 48),), b.span))
        b(ops.StoreBytes(b.member(slot, 40, layout.Text(8)), b"end", b.span))
        b(ops.Copy(b.member(slot, 3, layout.Text(45)), b.base, size, b.span))
        b(ops.Zero(slot, ((0, 1),), b.span))
        b.result(b(ops.EqualBytes(b.base, bytes(range(1, size + 1)), BOOL, b.span)))
        b.result(b(ops.EqualBytes(b.base, bytes(range(1, size)) + b"\xff", BOOL, b.span)))
        b(ops.Copy(b.at(RESULTS + 16, text), slot, 48, b.span))
        b.results += 6

    data = bytes(range(1, 100))
    (found,) = run(worker, lower, [data])
    assert found[:2] == (1, 0)
    expected = bytearray(48)
    expected[40:43] = b"end"
    expected[3 : 3 + size] = data[:size]
    assert struct.pack("<6Q", *found[2:]) == expected


def test_guarded_loop_and_continue(worker: Worker) -> None:
    """sum of the odd numbers below n, at most 20 rounds."""

    def lower(b: Packet) -> None:
        n = b.operand(0, layout.U64)
        total, i = ops.Local("total", U64, b.span), ops.Local("i", U64, b.span)
        label = ops.Label("loop")

        def get(local: ops.Local) -> Any:
            return b(ops.LocalGet(local, U64, b.span))

        def body() -> None:
            b.if_(b.compare(">=", get(i), n), lambda: b(ops.Break(label, b.span)))
            even = b.compare("==", b.binary("%", get(i), b.const(2)), b.const(0))
            b.if_(even, lambda: b(ops.Continue(label, b.span)))
            b(ops.LocalSet(total, b.binary("+", get(total), get(i)), b.span))

        def step() -> None:
            b(ops.LocalSet(i, b.binary("+", get(i), b.const(1)), b.span))

        b(ops.Loop(label, b.inner(body), b.inner(step), None, 20, True, b.span))
        b.result(get(total))

    cases = [0, 1, 2, 7, 19, 20, 21, 1000]
    for n, found in zip(cases, run(worker, lower, [pack(n) for n in cases]), strict=True):
        assert found == (sum(range(1, min(n, 20), 2)),), n


def contents(loaded: LoadedObject) -> dict[str, bytes]:
    """The bytes of the data sections."""
    return {
        name: sys.map_lookup(map.fd, bytes(4), map.spec.value_size) or b"" for name, map in loaded.variables.items()
    }


def test_config_is_not_folded_and_faults_are_counted(worker: Worker) -> None:
    config = ir.VariableRef("limit", "Config", layout.U32, (5).to_bytes(4, "little"), None)
    total = ir.VariableRef("total", "Global", layout.U64, (100).to_bytes(8, "little"), None)
    empty = ir.VariableRef("empty", "Global", layout.U8, b"\0", None)
    b = Packet()
    limit = b.load(b(ops.VariableAddress(config, PointerType(layout.U32, Region.DATA), b.span)))
    b.check(b.compare("<", b.operand(0, layout.U64), limit), ir.Fault.INDEX)
    b(ops.AtomicAdd(b(ops.VariableAddress(total, PointerType(layout.U64, Region.DATA), b.span)), limit, b.span))
    b.store(b(ops.VariableAddress(empty, PointerType(layout.U8, Region.DATA), b.span)), b.const(9))
    b.ret(3)
    elf = worker.compile(emit_module(module(b.program("probe", hooks.XDP), variables=(config, total, empty))).text)
    obj = read_object(elf)
    assert obj.metadata is not None
    cells = {info.name: info.cell for info in obj.metadata.variables}
    assert obj.metadata.faults is not None
    with load_object(obj, config={"limit": 8}) as loaded:
        fd = loaded.programs["probe"].fd
        results = [sys.prog_test_run(fd, pack(x).ljust(SIZE, b"\0"))[0] for x in (0, 7, 8, 9)]
        too_short = sys.prog_test_run(fd, bytes(64))[0]
        values = contents(loaded)
    assert results == [3, 3, 2, 2] and too_short == 2
    assert struct.unpack_from("<Q", values[".data"], cells["total"].offset) == (116,)
    assert values[".bss"][cells["empty"].offset] == 9
    counts = struct.unpack_from("<2Q", values[".bss"], obj.metadata.faults.offset)
    kinds = [site.kind for site in obj.metadata.fault_sites]
    assert dict(zip(kinds, counts, strict=True)) == {"PacketTooShort": 1, "IndexError": 2}


def test_copies_and_zeros_of_any_size(worker: Worker) -> None:
    """More than a row of instructions: in loops."""
    big = layout.Array(layout.U8, 1003)
    store = ir.VariableRef("store", "Global", big, bytes([7] * 1003), None)
    other = ir.VariableRef("other", "Global", big, bytes(1003), None)
    b = Packet()
    source = b(ops.VariableAddress(store, PointerType(big, Region.DATA), b.span))
    target = b(ops.VariableAddress(other, PointerType(big, Region.DATA), b.span))
    b(ops.Copy(target, source, 1003, b.span))
    b(ops.Zero(source, ((1, 1001),), b.span))
    b.ret(2)
    elf = worker.compile(emit_module(module(b.program("probe", hooks.XDP), variables=(store, other))).text)
    obj = read_object(elf)
    assert obj.metadata is not None
    cells = {info.name: info.cell for info in obj.metadata.variables}
    with load_object(obj) as loaded:
        sys.prog_test_run(loaded.programs["probe"].fd, bytes(SIZE))
        read = contents(loaded)
    at = cells["other"].offset
    assert read[".bss"][at : at + 1003] == bytes([7] * 1003)
    at = cells["store"].offset
    assert read[".data"][at : at + 1003] == b"\x07" + bytes(1001) + b"\x07"
