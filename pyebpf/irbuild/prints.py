"""`print(f"…")`: a structured record in a ring, formatted by user space with Python's own rules."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from pyebpf import layout
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import types as errors
from pyebpf.ir import ops
from pyebpf.ir.types import I64_MAX, BoolType, IntType, KernelType, PointerType
from pyebpf.irbuild import memory, reserving, values
from pyebpf.irbuild.builder import Builder, is_address
from pyebpf.irbuild.operands import Operand, PendingText, Place, Static, describe
from pyebpf.metadata import PrintPart, PrintSite
from pyebpf.records import dataclass
from pyebpf.source import Span

UNSIZED_TEXT = 128
"""Bytes that a printed `user_str(p)` may have."""
LARGEST_RECORD = 4096


@dataclass(frozen=True)
class Piece:
    """A piece of the line: constant text, or a value with its conversion and format."""

    operand: Operand
    span: Span
    conversion: str = ""
    spec: str = ""


def lower(b: Builder, pieces: list[Piece], span: Span) -> None:
    """Write one record with the values of `pieces`; when the ring is full it is counted as dropped."""
    parts: list[PrintPart] = []
    members: list[tuple[str, layout.Type]] = [("site", layout.U32)]
    stores: list[tuple[str, Operand, Span]] = []
    for piece in pieces:
        if (
            isinstance(piece.operand, Static)
            and isinstance(piece.operand.value, str)
            and not piece.spec
            and not piece.conversion
        ):
            parts.append(PrintPart(text=piece.operand.value))
            continue
        operand = values.plain(b, piece.operand, piece.span)
        type = _record_type(b, operand, piece)
        _check_format(b, type, piece, operand)
        name = f"f{len(members)}"
        members.append((name, type))
        stores.append((name, operand, piece.span))
        parts.append(PrintPart(field=name, conversion=piece.conversion, spec=piece.spec))
    record = layout.struct_of("printed", tuple(members))
    if record.size > LARGEST_RECORD:
        b.error(name_errors.WrongArguments(span, "print", f"at most {LARGEST_RECORD} bytes", f"{record.size}"))
    b.module.prints.append(PrintSite(span.source.path, span.line, record, tuple(parts)))
    _emit(b, record, len(b.module.prints) - 1, stores, span)


def _emit(b: Builder, record: layout.Struct, site: int, stores: list[tuple[str, Operand, Span]], span: Span) -> None:

    def fill(base: ops.Value) -> None:
        for name, operand, where in [("site", b.const(site, span), span), *stores]:
            field = record.field(name)
            assert field is not None
            place = memory.field_place(b, base, field, name, where)
            if ops.is_value(operand) and is_address(operand.type):
                b.emit(ops.Store(place.address, operand, where))
            else:
                memory.store(b, Place(place.address, field.type, name, where), operand, where)

    reserving.reserve(b, b.module.print_ring(), record, span, fill, b.assigned)


def _record_type(b: Builder, operand: Operand, piece: Piece) -> layout.Type:
    """How the value lies in the record."""
    if isinstance(operand, PendingText):
        return layout.Text(operand.length or UNSIZED_TEXT)
    if isinstance(operand, Static) and isinstance(operand.value, str):
        return layout.Text(max(len(operand.value.encode()), 1))
    if ops.is_value(operand):
        match operand.type:
            case BoolType():
                return layout.BOOL
            case IntType(shown_as=None):
                return layout.U64 if operand.type.high > I64_MAX else layout.I64
            case IntType():
                assert operand.type.shown_as is not None
                return operand.type.shown_as
            case KernelType():
                return layout.U64
            case PointerType(target=layout.Text() | layout.Address()):
                return operand.type.target
            case _ if is_address(operand.type):
                return layout.U64
    hint = ""
    if (
        ops.is_value(operand)
        and isinstance(operand.type, PointerType)
        and isinstance(operand.type.target, layout.Struct)
    ):
        hint = f"print its fields: {piece.span.text}.{operand.type.target.fields[0].name}"
    b.error(errors.CannotPrint(piece.span, describe(operand), hint))


def _check_format(b: Builder, type: layout.Type, piece: Piece, operand: Operand) -> None:
    """Try the format, on a value of the type, by Python itself."""
    if not piece.spec:
        return
    sample = _sample(type)
    if piece.conversion:
        sample = ""
    try:
        format(sample, piece.spec)
    except (ValueError, TypeError) as error:
        b.error(errors.BadFormat(piece.span, piece.spec, describe(operand), str(error)))


def _sample(type: layout.Type) -> object:
    match type:
        case layout.Boolean():
            return True
        case layout.Integer(view="ipv4"):
            return IPv4Address(0)
        case layout.Address(view="ipv6"):
            return IPv6Address(0)
        case layout.Text() | layout.Address():
            return ""
        case _:
            return 1
