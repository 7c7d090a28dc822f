"""Packets: `parse` moves a cursor over headers, each checked to be there before it is touched.

Where the hook reads packets in place the cursor is a pointer and headers are references into the packet. A
socket filter may not do that: its headers are copied to the stack.
"""

from __future__ import annotations

from collections.abc import Callable

from pyebpf import layout
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.base import article
from pyebpf.diagnostics.hooks import NotHere
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import BOOL, IntType, PointerType, Region, is_scalar, loaded
from pyebpf.irbuild import memory, text_scan, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, describe
from pyebpf.kernel.flows import FLOW_KEYS, KEYS
from pyebpf.kernel.headers import Header
from pyebpf.kernel.hooks import ContextKind
from pyebpf.kernel.packets import access_of
from pyebpf.source import Span

LARGEST = 0xFFFF
"""No packet is longer, and the verifier forgets pointers that may reach beyond it."""
FARTHEST = 0xF000
"""Where a header in a loop may start at most: with all that follows it the verifier's limit isn't reached."""
OFFSET = IntType(0, LARGEST)
ALWAYS_THERE = 14
"""Bytes that are never in another piece than the first: the Ethernet header."""
SKB_LENGTH = (0, 4)
"""Offset and size of `len` in `struct __sk_buff`."""
REUSEPORT_LENGTH = (16, 4)
"""The same in `struct sk_reuseport_md`."""
COPIED = (ContextKind.SKB_COPY, ContextKind.FLOW_PACKET)
"""Where headers are copies."""
STATUS = IntType(-4095, 0)
BYTES = layout.U8


def begin(b: Builder, span: Span) -> None:
    """At the start of a program: the cursor stands on the packet's first byte."""
    b.offset = b.local("packet.offset", OFFSET, span)
    b.set(b.offset, _first_header(b, span), span)
    if b.hook.context not in COPIED:
        type = _pointer(b, BYTES)
        b.cursor = b.local("packet.cursor", type, span)
        b.set(b.cursor, b.emit(ops.PacketData(type, span)), span)


def _first_header(b: Builder, span: Span) -> ops.Value:
    """Where the first header is that `parse` finds: behind the Ethernet header where a flow is looked for."""
    if b.hook.context is not ContextKind.FLOW_PACKET:
        return b.const(0, span)
    place = flow_keys(b, span)
    field = FLOW_KEYS.field("nhoff")
    assert field is not None
    return memory.read(b, memory.field_place(b, place, field, field.name, span), span)


def flow_keys(b: Builder, span: Span) -> ops.Value:
    """`packet.flow_keys`: what is found out about the packet, to be written."""
    return b.emit(ops.ContextLoad(KEYS, 8, PointerType(FLOW_KEYS, Region.CONTEXT), span))


def gathered(b: Builder, body: list[ops.Op], span: Span) -> list[ops.Op]:
    """`body`, before which all headers that it parses are brought into the packet's first piece, where the packet has
    them at all: later, what was parsed before would be lost by that."""
    access = access_of(b.hook.context)
    need = _longest(b, ops.Block(tuple(body)))
    there_already = ALWAYS_THERE if b.hook.context is ContextKind.TC_PACKET else 0
    if not access.pull or need <= there_already:
        return body
    b.reachable = True  # the program's end isn't; its beginning is
    with b.block() as begun:
        wanted, there = b.const(need, span), b.emit(ops.PacketLength(OFFSET, span))

        def pull() -> None:
            whole = length(b, span)
            size = b.choose(b.compare("<", whole, wanted, span), IntType(0, need), whole, wanted, span)
            further = b.compare("<", there, size, span)
            b.if_(further, lambda: enlarge(size), None, span)

        def enlarge(size: ops.Value) -> None:
            b.call(access.pull, (context(b, span), size), STATUS, span)

        b.if_(b.compare("<", there, wanted, span), pull, None, span)
    return [*begun, *body]


def _longest(b: Builder, block: ops.Block) -> int:
    """Bytes of all headers that are parsed on one way through `block`, their fixed parts."""
    total = 0
    for op in block.ops:
        if isinstance(op, ops.PacketFits) and isinstance(op.pointer, ops.LocalGet) and op.pointer.local is b.cursor:
            total += op.size
        inner = [_longest(b, each) for each in ops.blocks(op)]
        total += max(inner, default=0) if isinstance(op, ops.If) else sum(inner)
    return total


def again(b: Builder, span: Span) -> None:
    """The packet may lie elsewhere now: the cursor stands on its first byte again."""
    if b.offset is not None:
        b.set(b.offset, b.const(0, span), span)
    if b.cursor is not None:
        b.set(b.cursor, b.emit(ops.PacketData(_pointer(b, BYTES), span)), span)


def renew(b: Builder, span: Span) -> None:
    """What lies in the packet may have moved: the cursor points to where it stood."""
    if b.cursor is not None:
        at = offset(b, span)
        b.check(b.compare("<=", at, b.const(FARTHEST, span), span), Fault.PACKET_TOO_SHORT, span)
        b.set(b.cursor, _there(b, at, span), span)


def _pointer(b: Builder, type: layout.Type) -> PointerType:
    return PointerType(type, Region.PACKET, writable=access_of(b.hook.context).writable)


def length(b: Builder, span: Span) -> ops.Value:
    """`len(packet)` in bytes, of all of the packet."""
    if not access_of(b.hook.context).measured:
        reason = "it isn't told how long the packet is: what is read beyond its end is a PacketTooShort"
        b.error(NotHere(span, "len", article(b.hook.name), reason))
    if b.hook.context is ContextKind.REUSEPORT_PACKET:
        return b.emit(ops.ContextLoad(*REUSEPORT_LENGTH, IntType(0, 2**32 - 1), span))
    if b.hook.context is ContextKind.XDP_PIECES:
        return b.call("xdp_get_buff_len", (context(b, span),), IntType(0, 2**32 - 1), span)
    if not access_of(b.hook.context).flags:
        return b.emit(ops.PacketLength(OFFSET, span))
    return b.emit(ops.ContextLoad(*SKB_LENGTH, IntType(0, 2**32 - 1), span))


def offset(b: Builder, span: Span) -> ops.Value:
    """`packet.offset`: where the cursor stands."""
    assert b.offset is not None
    return b.get(b.offset, span)


def parse(b: Builder, header: Header, span: Span) -> ops.Value:
    """`packet.parse(H)`: check, take a reference, move on by the header's real length."""
    if b.cursor is None:
        return _parse_copy(b, header, span)
    here = _here(b, b.cursor, span)
    b.check(b.emit(ops.PacketFits(here, header.struct.size, BOOL, span)), Fault.PACKET_TOO_SHORT, span)
    found = b.emit(ops.MemberAddress(here, 0, _pointer(b, header.struct), span))
    size = _real_length(b, header, found, span)
    b.set(b.cursor, b.emit(ops.PacketAdvance(here, size, _pointer(b, BYTES), span)), span)
    _move(b, size, span)
    return found


def _here(b: Builder, cursor: ops.Local, span: Span) -> ops.Value:
    """Where the cursor stands. From a loop on it is computed from the offset: a pointer that is carried through rounds
    is a different one to the verifier on each way there."""
    b.parsed_in_loop |= b.in_loop
    if not b.parsed_in_loop:
        return b.get(cursor, span)
    at = offset(b, span)
    b.check(b.compare("<=", at, b.const(FARTHEST, span), span), Fault.PACKET_TOO_SHORT, span)
    start = b.emit(ops.PacketData(_pointer(b, BYTES), span))
    return b.emit(ops.PacketAdvance(start, at, _pointer(b, BYTES), span))


def _real_length(b: Builder, header: Header, found: ops.Value, span: Span) -> ops.Value:
    """The header's length in bytes; one that claims less than its fixed part is malformed."""
    if header.length_field is None:
        return b.const(header.struct.size, span)
    field = header.struct.field(header.length_field)
    assert field is not None
    units = memory.read(b, memory.field_place(b, found, field, field.name, span), span)
    unit = header.length_unit
    assert isinstance(units.type, IntType)
    longest = IntType(0, units.type.high * unit)
    size = b.emit(ops.Binary("*", units, b.const(unit, span), longest, span))
    enough = b.compare(">=", size, b.const(header.struct.size, span), span)
    b.check(enough, Fault.PACKET_TOO_SHORT, span)
    return size


def _move(b: Builder, size: ops.Value, span: Span) -> None:
    assert b.offset is not None
    old = b.get(b.offset, span)
    b.set(b.offset, b.emit(ops.Binary("+", old, size, OFFSET, span)), span)


def _parse_copy(b: Builder, header: Header, span: Span) -> ops.Value:
    assert b.offset is not None
    here = b.get(b.offset, span)
    if access_of(b.hook.context).ends is None:
        found = _copy(b, header.struct, here, span)
    else:
        found = _copied_from_pieces(b, checked_offset(b, here, span, header.struct.size, span), header.struct, span)
    _move(b, _real_length(b, header, found, span), span)
    return found


def context(b: Builder, span: Span) -> ops.Value:
    """The packet, as helpers know it."""
    return b.emit(ops.ContextPointer(PointerType(BYTES, Region.CONTEXT, writable=False), span))


def _copy(b: Builder, type: layout.Type, at: ops.Value, span: Span, slot: ops.Value | None = None) -> ops.Value:
    """Copy `type` out of the packet by a helper; a fault if it isn't there whole."""
    place = b.slot(str(type).lower(), type, span) if slot is None else slot
    arguments = (context(b, span), at, place, b.const(type.size, span))
    status = b.call(access_of(b.hook.context).load, arguments, STATUS, span)
    b.check(b.compare("==", status, b.const(0, span), span), Fault.PACKET_TOO_SHORT, span)
    return place


def load(b: Builder, at: Operand, at_span: Span, type: layout.Type, span: Span) -> Operand:
    """`packet.load(offset, T)`: a T at an offset from the packet's start; the cursor stays."""
    where = checked_offset(b, values.number(b, at, at_span), at_span, type.size, span)
    if access_of(b.hook.context).ends is None:
        return _loaded(b, _copy(b, type, where, span), type, span)
    if not access_of(b.hook.context).pieces:
        return _loaded(b, place(b, where, type, span), type, span)
    return _load_from_pieces(b, where, type, span)


def checked_offset(b: Builder, where: ops.Value, at_span: Span, size: int, span: Span) -> ops.Value:
    """`where`, at which `size` bytes may start."""
    assert isinstance(where.type, IntType)
    last = LARGEST - size
    if isinstance(where, ops.Const):
        if not 0 <= where.value <= last:
            b.error(type_errors.OutOfRange(at_span, where.value, "an offset in a packet", 0, last))
    else:
        inside = b.compare("<=", where, b.const(last, span), span)
        if where.type.low < 0:
            b.check(b.compare(">=", where, b.const(0, span), span), Fault.PACKET_TOO_SHORT, span)
        b.check(inside, Fault.PACKET_TOO_SHORT, span)
    return where


def _there(b: Builder, where: ops.Value, span: Span) -> ops.Value:
    start = b.emit(ops.PacketData(_pointer(b, BYTES), span))
    return b.emit(ops.PacketAdvance(start, where, _pointer(b, BYTES), span))


def place(b: Builder, where: ops.Value, type: layout.Type, span: Span) -> ops.Value:
    """The address of a `type` in the packet's first piece; a fault if it isn't there whole."""
    there = _there(b, where, span)
    b.check(b.emit(ops.PacketFits(there, type.size, BOOL, span)), Fault.PACKET_TOO_SHORT, span)
    return b.emit(ops.MemberAddress(there, 0, _pointer(b, type), span))


def _load_from_pieces(b: Builder, where: ops.Value, type: layout.Type, span: Span) -> Operand:
    """In place where it lies in the packet's first piece; else copied out of the others."""
    if not is_scalar(type):
        return _loaded(b, _copied_from_pieces(b, where, type, span), type, span)
    result = b.local("loaded", loaded(type), span)

    def in_place(found: ops.Value) -> None:
        b.set(result, memory.load(b, found, type, span), span)

    def copied() -> None:
        b.set(result, memory.load(b, _copy(b, type, where, span), type, span), span)

    _in_place_or(b, where, type, in_place, copied, span)
    return b.get(result, span)


def _copied_from_pieces(b: Builder, where: ops.Value, type: layout.Type, span: Span) -> ops.Value:
    """A copy of a `type`."""
    slot = b.slot(str(type).lower(), type, span)
    from_pieces(b, where, slot, type, span)
    return b.emit(ops.MemberAddress(slot, 0, PointerType(type, Region.STACK, writable=False), span))


def from_pieces(b: Builder, where: ops.Value, target: ops.Value, type: layout.Type, span: Span) -> None:
    """A copy of a `type` at `target`, on the stack.

    It is cleared before the two ways part. Verifiers from 6.8 on may find that a number must be known precisely that
    one way has stored there, and look for it on the other way, where a helper has written it: they don't see that, go
    back to before there was any stack, and give up ("verifier bug: stack slot 2, total slots 0").
    """
    b.zero(target, type.size, span)
    _in_place_or(
        *(b, where, type),
        lambda found: b.emit(ops.Copy(target, found, type.size, span)),
        lambda: _copy(b, type, where, span, target),
        span,
    )


def _in_place_or(
    b: Builder,
    where: ops.Value,
    type: layout.Type,
    in_place: Callable[[ops.Value], object],
    copied: Callable[[], object],
    span: Span,
) -> None:
    """`in_place` with the address of a `type`, where it lies in the packet's first piece; else `copied`."""
    there = _there(b, where, span)
    fits = b.emit(ops.PacketFits(there, type.size, BOOL, span))

    def found() -> None:
        in_place(b.emit(ops.MemberAddress(there, 0, _pointer(b, type), span)))

    def missing() -> None:
        copied()

    b.if_(fits, found, missing, span)


def _loaded(b: Builder, address: ops.Value, type: layout.Type, span: Span) -> Operand:
    """A number, a reference, or text, behind whose end the packet may have anything."""
    if isinstance(type, layout.Text):
        return text_scan.whole(address, span)
    return memory.load(b, address, type, span)


def method(b: Builder, name: str, arguments: list[tuple[Operand, Span]], span: Span) -> Operand:
    """`packet.parse(H)` and `packet.load(offset, T)`."""
    from pyebpf.irbuild.operands import Static
    from pyebpf.lang.headers import HeaderType
    from pyebpf.lang.types import layout_or_none

    if name == "parse":
        if len(arguments) != 1:
            b.error(errors.WrongArguments(span, "packet.parse", "a header", f"{len(arguments)} arguments"))
        operand, where = arguments[0]
        if not (isinstance(operand, Static) and isinstance(operand.value, HeaderType)):
            hint = "packet.parse(Ethernet)"
            b.error(type_errors.WrongType(where, "a header, as Ethernet or IPv4", describe(operand), hint))
        return parse(b, operand.value.header, span)
    if len(arguments) != 2:
        b.error(errors.WrongArguments(span, "packet.load", "an offset and a type", f"{len(arguments)} arguments"))
    operand, where = arguments[1]
    type = layout_or_none(operand.value) if isinstance(operand, Static) else None
    if isinstance(operand, Static) and isinstance(operand.value, HeaderType):
        type = operand.value.header.struct
    if type is None:
        b.error(type_errors.WrongType(where, "a type", describe(operand), "packet.load(12, be16)"))
    return load(b, arguments[0][0], arguments[0][1], type, span)
