"""Loads, stores, copies: typed memory as instructions.

Every access has the natural alignment of its width in LLVM's eyes, even where a packed struct or a packet
gives less: LLVM would otherwise read byte by byte, while the kernel allows unaligned access to everything but the stack
on all machines with fast unaligned access. On the stack the widths follow what is known of the offset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pyebpf import layout
from pyebpf.codegen.text import Code, Operand, literal, low_bits
from pyebpf.diagnostics.base import InternalError
from pyebpf.ir import ops
from pyebpf.ir.types import BoolType, IntType, PointerType, Region, ValueType

UNROLLED: Final = 256
"""Bytes up to which copying and clearing is a row of instructions; beyond it is a loop."""


def scalar(type: layout.Type) -> layout.Integer | layout.Boolean:
    """The scalar that `type` is stored as."""
    match type:
        case layout.Enumeration():
            return type.base
        case layout.Integer() | layout.Boolean():
            return type
        case _:
            raise InternalError(f"{type} is not a scalar")


def alignment(address: ops.Value, locals: Mapping[ops.Local, int]) -> int:
    """What `address` is surely a multiple of, on the stack; 8 elsewhere, where it need not be.

    `locals`: the same of those that hold addresses, as `local_alignments` finds it.
    """
    type = address.type
    if not (isinstance(type, PointerType) and type.region is Region.STACK):
        return 8
    match address:
        case ops.SlotAddress():
            return slot_align(address.slot)
        case ops.MemberAddress():
            return _common(alignment(address.base, locals), address.offset)
        case ops.ElementAddress():
            return _common(alignment(address.base, locals), type.target.size)
        case ops.NotNull():
            return alignment(address.pointer, locals)
        case ops.Prove():
            return alignment(address.value, locals)
        case ops.LocalGet():
            return locals.get(address.local, 1)
        case ops.Null():
            return 8
        case _:
            return type.target.align


def alignments(*bodies: ops.Block) -> Callable[[ops.Value], int]:
    """`alignment` for the addresses of a program and its functions."""
    found = local_alignments(*bodies)
    return lambda address: alignment(address, found)


def local_alignments(*bodies: ops.Block) -> dict[ops.Local, int]:
    """What the addresses in each local are multiples of: a field of a packed struct may have any."""
    sets = [
        op
        for body in bodies
        for op in ops.walk(body)
        if isinstance(op, ops.LocalSet) and isinstance(op.local.type, PointerType)
    ]
    found = {op.local: 8 for op in sets}
    changed = True
    while changed:
        changed = False
        for op in sets:
            align = min(found[op.local], alignment(op.value, found))
            changed = changed or align != found[op.local]
            found[op.local] = align
    return found


def slot_align(slot: ops.Slot) -> int:
    """Slots of 8 bytes and more lie at multiples of 8, smaller ones at their own size."""
    size = slot.type.size
    return 8 if size > 4 else 4 if size > 2 else max(size, 1)


def _common(align: int, offset: int) -> int:
    return min(align, offset & -offset) if offset else align


def swaps(type: layout.Type, big_endian: bool) -> bool:
    """Whether memory holds the bytes the other way round than a register."""
    return isinstance(type, layout.Integer) and type.big_endian and type.size > 1 and not big_endian


def extend(code: Code, text: str, bits: int, signed: bool, stored: tuple[str, int] | None = None) -> Operand:
    """An integer of `bits` bits as a full register."""
    if bits == 64:
        return Operand(text, "i64", None, stored)
    wide = code.value(f"{'sext' if signed else 'zext'} i{bits} {text} to i64")
    return Operand(wide, "i64", (text, bits), stored)


def load(
    code: Code, address: str, type: layout.Type, result: ValueType, big_endian: bool, align: int = 8, own: bool = False
) -> Operand:
    """Read a scalar. `align`: what its address is surely a multiple of, where that matters.

    `own`: the verifier takes constant offsets only, so the instruction must be its own: of two loads that are chosen
    between LLVM would make one, from a chosen address.
    """
    stored = scalar(type)
    bits = stored.size * 8
    word = "load volatile" if own else "load"
    raw = code.value(f"{word} i{bits}, ptr {address}, align {min(stored.size, align)}")
    if isinstance(stored, layout.Boolean) or isinstance(result, BoolType):
        return Operand(code.value(f"icmp ne i{bits} {raw}, 0"), "i1")
    if not isinstance(result, IntType):  # an address that was read into memory
        return Operand(code.value(f"inttoptr i{bits} {raw} to ptr"), "ptr")
    if swaps(stored, big_endian):
        swapped = code.value(f"call i{bits} @llvm.bswap.i{bits}(i{bits} {raw})")
        return extend(code, swapped, bits, stored.signed, (raw, bits))
    return extend(code, raw, bits, stored.signed)


def load_bits(
    code: Code,
    address: str,
    type: layout.Type,
    count: int,
    shift: int,
    big_endian: bool,
    align: int = 8,
    own: bool = False,
) -> Operand:
    """Read a bit field: `count` bits from bit `shift` up, of the number in host order."""
    unit = bits_unit(type)
    whole = load(code, address, unit, IntType(0, 0), big_endian, align, own).text
    if unit.signed:
        if count + shift < 64:
            whole = code.value(f"shl i64 {whole}, {64 - count - shift}")
        return Operand(code.value(f"ashr i64 {whole}, {64 - count}") if count < 64 else whole, "i64")
    if shift:
        whole = code.value(f"lshr i64 {whole}, {shift}")
    if count + shift < unit.size * 8:
        whole = code.value(f"and i64 {whole}, {literal((1 << count) - 1, 64)}")
    if isinstance(type, layout.Boolean):
        return Operand(code.value(f"icmp ne i64 {whole}, 0"), "i1")
    return Operand(whole, "i64")


def bits_unit(type: layout.Type) -> layout.Integer:
    """The number that bit fields of `type` are cut from."""
    stored = scalar(type)
    return layout.U8 if isinstance(stored, layout.Boolean) else stored


def store(
    code: Code, address: str, type: layout.Type, value: Operand, big_endian: bool, align: int = 8, own: bool = False
) -> None:
    """Write a scalar; `own` as for `load`."""
    stored = scalar(type)
    bits = stored.size * 8
    if swaps(stored, big_endian):
        if value.stored and value.stored[1] == bits:
            raw = value.stored[0]
        else:
            raw = low_bits(code, value, bits)
            raw = swap_constant(raw, bits) or code.value(f"call i{bits} @llvm.bswap.i{bits}(i{bits} {raw})")
    else:
        raw = low_bits(code, value, bits)
    word = "store volatile" if own else "store"
    code.do(f"{word} i{bits} {raw}, ptr {address}, align {min(stored.size, align)}")


def store_bits(
    code: Code,
    address: str,
    type: layout.Type,
    value: Operand,
    count: int,
    shift: int,
    big_endian: bool,
    align: int = 8,
    own: bool = False,
) -> None:
    """Write a bit field, keeping the bits around it."""
    mask, unit = ((1 << count) - 1) << shift, bits_unit(type)
    whole = load(code, address, unit, IntType(0, 0), big_endian, align, own).text
    kept = code.value(f"and i64 {whole}, {literal(~mask, 64)}")
    part = code.value(f"and i64 {low_bits(code, value, 64)}, {literal((1 << count) - 1, 64)}")
    moved = code.value(f"shl i64 {part}, {shift}") if shift else part
    store(code, address, unit, Operand(code.value(f"or i64 {kept}, {moved}"), "i64"), big_endian, align, own)


def swap_constant(text: str, bits: int) -> str:
    """The constant `text` with its bytes swapped, or "" if it isn't a constant."""
    if not text.lstrip("-").isdigit():
        return ""
    data = (int(text) & ((1 << bits) - 1)).to_bytes(bits // 8, "little")
    return literal(int.from_bytes(data, "big"), bits)


def pieces(offset: int, size: int, align: int) -> list[tuple[int, int]]:
    """`(offset, size)` of the widest aligned accesses that cover the bytes; `align` is that of offset 0."""
    found = []
    while size:
        width = min(8, align if not offset else _common(align, offset))
        while width > size:
            width //= 2
        found.append((offset, width))
        offset, size = offset + width, size - width
    return found


def at(code: Code, address: str, offset: int) -> str:
    """`address` plus a constant."""
    return code.value(f"getelementptr i8, ptr {address}, i64 {offset}") if offset else address


def scaled(code: Code, index: str, size: int, *, hidden: bool) -> str:
    """The offset of an element. `hidden`: LLVM shall not see that its low bits are zero, so that it won't add a
    field's offset to it by `or`, which the verifier forbids for pointers."""
    if size == 1:
        return index
    power = size & (size - 1) == 0
    offset = code.value(f"shl i64 {index}, {size.bit_length() - 1}" if power else f"mul i64 {index}, {size}")
    return code.hidden(offset) if hidden else offset


def zero(code: Code, address: str, offset: int, size: int, align: int) -> None:
    """Clear bytes."""
    if size > UNROLLED:
        whole = size // 8 * 8
        _each_word(code, whole, lambda at: code.do(f"store i64 0, ptr {_indexed(code, address, offset, at)}, align 8"))
        offset, size = offset + whole, size - whole
    for where, width in pieces(offset, size, align):
        code.do(f"store i{width * 8} 0, ptr {at(code, address, where)}, align {width}")


def store_bytes(code: Code, address: str, data: bytes, align: int, big_endian: bool) -> None:
    """Write constant bytes."""
    for where, width in pieces(0, len(data), align):
        value = int.from_bytes(data[where : where + width], "big" if big_endian else "little")
        code.do(f"store i{width * 8} {literal(value, width * 8)}, ptr {at(code, address, where)}, align {width}")


def copy(code: Code, target: str, source: str, size: int, align: int) -> None:
    """Copy bytes between places that don't overlap."""
    offset = 0
    if size > UNROLLED:
        offset = size // 8 * 8

        def word(index: str) -> None:
            value = code.value(f"load i64, ptr {_indexed(code, source, 0, index)}, align 8")
            code.do(f"store i64 {value}, ptr {_indexed(code, target, 0, index)}, align 8")

        _each_word(code, offset, word)
    for where, width in pieces(offset, size - offset, align):
        value = code.value(f"load i{width * 8}, ptr {at(code, source, where)}, align {width}")
        code.do(f"store i{width * 8} {value}, ptr {at(code, target, where)}, align {width}")


def equal(code: Code, address: str, data: bytes, align: int, big_endian: bool) -> str:
    """Whether memory starts with `data`: the differences of all words, collected."""
    if not data:
        return "true"
    differences = []
    parts = pieces(0, len(data), align)
    for where, width in parts:
        bits = width * 8
        expected = literal(int.from_bytes(data[where : where + width], "big" if big_endian else "little"), bits)
        word = code.value(f"load i{bits}, ptr {at(code, address, where)}, align {width}")
        if len(parts) == 1:
            return code.value(f"icmp eq i{bits} {word}, {expected}")
        different = code.value(f"xor i{bits} {word}, {expected}")
        differences.append(extend(code, different, bits, False).text)
    total = differences[0]
    for different in differences[1:]:
        total = code.value(f"or i64 {total}, {different}")
    return code.value(f"icmp eq i64 {total}, 0")


def _indexed(code: Code, address: str, offset: int, index: str) -> str:
    return code.value(f"getelementptr i8, ptr {at(code, address, offset)}, i64 {index}")


def _each_word(code: Code, size: int, action: Callable[[str], None]) -> None:
    """Run `action` for every multiple of eight below `size`, in a loop that the verifier can count."""
    before, label, after = code.block, code.name("words"), code.name("done")
    index, following = f"%{code.name('at')}", f"%{code.name('next')}"
    code.jump(label)
    code.start(label)
    code.do(f"{index} = phi i64 [ 0, %{before} ], [ {following}, %{label} ]")
    action(index)
    code.do(f"{following} = add i64 {index}, 8")
    code.branch(code.value(f"icmp ult i64 {following}, {size}"), label, after)
    code.start(after)
