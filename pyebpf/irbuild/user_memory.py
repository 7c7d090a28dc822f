"""`user_read(address, T)`: a number, a struct or an array of the process at hand, as it is now.
`kernel_read(address, T)`: the same of the kernel.

What can't be read is a fault, as with a null pointer in the kernel; programs that may sleep wait for memory that isn't
there yet. Text in it may have anything behind its end, which
is cleared, so that the same text is the same key.
"""

from __future__ import annotations

from typing import Final, Literal

from pyebpf import layout
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import AddressType, IntType, KernelType, PointerType, is_scalar
from pyebpf.irbuild import kernel_structs, memory, text_scan, texts, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Static, describe
from pyebpf.lang.types import layout_or_none
from pyebpf.source import Span

STATUS = IntType(-4095, 0)
SPACES: Final[dict[str, Literal["user", "kernel"]]] = {"user_read": "user", "kernel_read": "kernel"}


def read(b: Builder, name: str, arguments: list[tuple[Operand, Span]], span: Span) -> Operand:
    """The value at an address."""
    if len(arguments) != 2:
        b.error(errors.WrongArguments(span, name, "an address and a type", f"{len(arguments)} arguments"))
    space = SPACES[name]
    known = AddressType | IntType | KernelType if space == "kernel" else AddressType | IntType
    other = "user" if space == "kernel" else "kernel"
    expected = f"an address in {space} memory"
    (given, where), (wanted, type_span) = arguments
    address = values.plain(b, given, where)
    if not (ops.is_value(address) and isinstance(address.type, known)):
        b.error(type_errors.WrongType(where, expected, describe(address), ""))
    if isinstance(address.type, AddressType) and address.type.space == other:
        b.error(type_errors.WrongType(where, expected, describe(address), ""))
    type = layout_or_none(wanted.value) if isinstance(wanted, Static) else None
    if type is not None and (layout.locks(type) or layout.renewed(type)):
        b.error(type_errors.WrongType(type_span, "a type without locks and timers", str(type), ""))
    if type is None:
        b.error(type_errors.WrongType(type_span, "a type", describe(wanted), f"{name}({where.text}, u64)"))
    if is_scalar(type) or isinstance(type, layout.Text):
        place = b.scratch("read", type, span)
    else:
        place = b.slot(str(type).partition("[")[0].lower(), type, span)
        b.zero(place, type.size, span)  # an object of its own in every round of a loop
    if space == "kernel":
        kernel_structs.refuse_null(b, address, span)
    reader = "copy_from_user" if b.may_sleep and space == "user" else f"probe_read_{space}"
    status = b.call(reader, (place, b.const(type.size, span), address), STATUS, span, writes=type.size)
    b.check(b.compare("==", status, b.const(0, span), span), Fault.NULL_POINTER, span)
    if isinstance(type, layout.Text):
        return text_scan.whole(place, span)
    _tidy(b, place, type, span)
    return memory.load(b, place, type, span)


def _tidy(b: Builder, address: ops.Value, type: layout.Type, span: Span) -> None:
    """Clear what lies behind the ends of all texts in a `type`; those of unions are cleared when they are looked at."""
    match type:
        case layout.Text():
            texts.tidy(b, address, type.length, span)
        case layout.Struct(is_union=False):
            for field in type.fields:
                if _has_text(field.type):
                    _tidy(b, b.member(address, field.offset, field.type, span), field.type, span)
        case layout.Array() if _has_text(type.element):
            assert isinstance(address.type, PointerType)
            pointer, array = PointerType(type.element, address.type.region), type

            def each(index: ops.Value, _: ops.Label) -> None:
                element = b.emit(ops.ElementAddress(address, index, array.length, pointer, span))
                _tidy(b, element, array.element, span)

            texts.counted(b, type.length, each, span)


def _has_text(type: layout.Type) -> bool:
    match type:
        case layout.Text():
            return True
        case layout.Struct(is_union=False):
            return any(_has_text(field.type) for field in type.fields)
        case layout.Array():
            return _has_text(type.element)
        case _:
            return False
