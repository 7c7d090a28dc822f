"""The arguments of a marker (USDT), read as the record says that the loader has put into the map of specs."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef
from pyebpf.ir.types import I64, U64, IntType, PointerType, Region
from pyebpf.irbuild import packets
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.registers import registers_here
from pyebpf.kernel.usdt import (
    ARGUMENT,
    HAS_COOKIES,
    INDEX,
    INDEX_BIT,
    INDEX_MASK,
    IP,
    IPS,
    MOST_IPS,
    MOST_SPECS,
    NUMBER,
    SCALE_BIT,
    SCALE_MASK,
    SPEC,
    SPECS,
    Where,
)
from pyebpf.lang.kconfig import Kconfig
from pyebpf.source import Span

STATUS = IntType(-4095, 0)
WORD = 8
_BITS = 63
_BYTE = 0xFF


def word(b: Builder, number: int, span: Span) -> ops.Value:
    """Argument `number`, extended to eight bytes as the marker's author declared it; 0 for one that can't be read."""
    if b.marker is None:
        b.marker = _record(b, b.probe.span), set()
    record, asked = b.marker
    asked.add(number)
    base = ARGUMENT.size * number
    part = {field.name: (field.offset, field.type) for field in ARGUMENT.fields}

    def field(name: str) -> ops.Value:
        offset, type = part[name]
        return _load(b, record, base + offset, type, span)

    place = b.slot("argument", layout.U64, span)
    kind, offset = field("arg_type"), field("val_off")
    b.emit(ops.Store(place, offset, span))
    where = _and(b, kind, _BYTE, span)

    def from_register() -> None:
        _read_register(b, place, field("reg_off"), span)
        b.if_(b.compare(">", where, b.const(Where.REGISTER, span), span), from_memory, None, span)

    def from_memory() -> None:
        start = _add(b, b.emit(ops.Load(place, U64, span)), offset, span)
        address = b.local("address", U64, span)
        b.set(address, start, span)
        indexed = b.compare("==", where, b.const(Where.INDEXED, span), span)
        b.if_(indexed, lambda: b.set(address, _indexed(b, place, kind, start, span), span), None, span)
        arguments = (place, b.const(WORD, span), b.get(address, span))
        b.call("probe_read_user", arguments, STATUS, span, writes=WORD)

    b.if_(b.compare("!=", where, b.const(Where.CONSTANT, span), span), from_register, None, span)
    return _extended(b, place, where, field("arg_bitshift"), field("arg_signed"), span)


def _record(b: Builder, span: Span) -> ops.Value:
    """The record for the place in the program at which the process is; without one there is nothing to do."""
    registers = registers_here(b, span)
    key, number = b.slot("spec", INDEX, span), b.local("spec", U64, span)

    def by_cookie() -> None:
        b.set(number, b.call("get_attach_cookie", (packets.context(b, span),), U64, span), span)

    def by_address() -> None:
        place = b.slot("ip", IP, span)
        at = b.emit(ops.ContextLoad(registers.instruction, WORD, U64, span))
        b.emit(ops.Store(b.member(place, 0, layout.U64, span), at, span))
        found = b.emit(ops.MapLookup(_ips(b), place, _entry(NUMBER, nullable=True), span))
        b.if_(b.negate(b.present(found, span), span), lambda: _leave(b, span), None, span)
        b.set(number, b.emit(ops.Load(b.not_null(found, span), IntType(0, NUMBER.maximum), span)), span)

    option = b.module.option(Kconfig(HAS_COOKIES))
    flag = b.emit(ops.VariableAddress(option, PointerType(layout.U8, Region.DATA, writable=False), span))
    has = b.emit(ops.Load(flag, IntType(0, _BYTE), span))
    b.if_(b.compare("!=", has, b.const(0, span), span), by_cookie, by_address, span)
    index = b.emit(ops.Convert(b.get(number, span), INDEX, IntType(INDEX.minimum, INDEX.maximum), span))
    b.emit(ops.Store(key, index, span))
    record = b.emit(ops.MapLookup(_specs(b), key, _entry(SPEC, nullable=True), span))
    b.if_(b.negate(b.present(record, span), span), lambda: _leave(b, span), None, span)
    return b.not_null(record, span)


def _leave(b: Builder, span: Span) -> None:
    b.emit(ops.Return(b.const(0, span), span))


def _specs(b: Builder) -> MapRef:
    return b.module.own_map(SPECS, "Array", INDEX, SPEC, MOST_SPECS)


def _ips(b: Builder) -> MapRef:
    return b.module.own_map(IPS, "Hash", IP, NUMBER, MOST_IPS)


def _entry(type: layout.Type, nullable: bool) -> PointerType:
    return PointerType(type, Region.MAP, nullable)


def _load(b: Builder, record: ops.Value, offset: int, type: layout.Type, span: Span) -> ops.Value:
    """A field of the record; all of them that have a sign are read without, and are never negative."""
    plain = layout.Integer(f"u{type.size * 8}", type.size)
    return b.emit(ops.Load(b.member(record, offset, plain, span), IntType(0, plain.maximum), span))


def _add(b: Builder, left: ops.Value, right: ops.Value, span: Span) -> ops.Value:
    return b.emit(ops.Binary("+", left, right, U64, span))


def _and(b: Builder, value: ops.Value, mask: int, span: Span) -> ops.Value:
    return b.emit(ops.Binary("&", value, b.const(mask, span), IntType(0, mask), span))


def _bits(b: Builder, value: ops.Value, shift: int, mask: int, span: Span) -> ops.Value:
    shifted = b.emit(ops.Binary(">>", value, b.const(shift, span), IntType(0, 0xFFFF_FFFF >> shift), span))
    return _and(b, shifted, mask, span)


def _read_register(b: Builder, place: ops.Value, offset: ops.Value, span: Span) -> None:
    """A register at an offset that only the loader knows, which a direct load can't have."""
    pointer = PointerType(layout.U8, Region.CONTEXT, writable=False)
    context = b.emit(ops.ContextPointer(pointer, span))
    address = b.emit(ops.ElementAddress(context, offset, layout.U16.maximum + 1, pointer, span))
    b.call("probe_read_kernel", (place, b.const(WORD, span), address), STATUS, span, writes=WORD)


def _indexed(b: Builder, place: ops.Value, kind: ops.Value, start: ops.Value, span: Span) -> ops.Value:
    _read_register(b, place, _bits(b, kind, INDEX_BIT, INDEX_MASK, span), span)
    index = b.emit(ops.Load(place, U64, span))
    scale = _bits(b, kind, SCALE_BIT, SCALE_MASK, span)
    return _add(b, start, b.emit(ops.Binary("<<", index, scale, U64, span)), span)


def _extended(
    b: Builder, place: ops.Value, where: ops.Value, shift: ops.Value, signed: ops.Value, span: Span
) -> ops.Value:
    """The lowest bytes of what was read, as a number of eight."""
    count = _and(b, shift, _BITS, span)
    raw: ops.Value = b.emit(ops.Load(place, U64, span))
    if b.module.big_endian:  # in memory the bytes come first that count, in registers last
        first = b.local("raw", U64, span)
        b.set(first, raw, span)
        in_memory = b.compare(">", where, b.const(Where.REGISTER, span), span)
        b.if_(
            in_memory,
            lambda: b.set(first, b.emit(ops.Binary(">>", raw, count, U64, span)), span),
            None,
            span,
        )
        raw = b.get(first, span)
    high = b.emit(ops.Binary("<<", raw, count, U64, span))
    result = b.local("argument", U64, span)

    def with_sign() -> None:
        number = b.emit(ops.Convert(high, layout.I64, I64, span))
        moved = b.emit(ops.Binary(">>", number, count, I64, span))
        b.set(result, b.emit(ops.Convert(moved, layout.U64, U64, span)), span)

    def without() -> None:
        b.set(result, b.emit(ops.Binary(">>", high, count, U64, span)), span)

    b.if_(b.compare("!=", signed, b.const(0, span), span), with_sign, without, span)
    return b.get(result, span)
