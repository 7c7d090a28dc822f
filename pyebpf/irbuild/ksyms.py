"""Symbols of the kernel by name: `this_cpu_ptr(runqueues).nr_running`, `kernel_read(jiffies, u64)`.

A per-CPU variable that the kernel's types describe is what its type says, once a CPU is chosen: a struct is a
reference, which the verifier knows, and a number a value. Everything else is an address, a u64, which the loader looks
up.
"""

from __future__ import annotations

from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import ksyms as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import BarePointer, BitField, Embedded, Fault, MemberArray, MemberType, StructPointer
from pyebpf.ir.types import BOOL, U64, AddressType, KernelType, PointerType, Region, ValueType, loaded
from pyebpf.irbuild import kernel_structs, kernel_types
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import KernelInteger, KernelPlace, Operand, Optional, Static, describe
from pyebpf.kernel import btf_types
from pyebpf.kernel.per_cpu import per_cpu_variable
from pyebpf.lang.ksyms import Ksym
from pyebpf.source import Span

KERNEL: Final = AddressType("kernel")
MODULE: Final = "pyebpf.ksyms"
MAY_BE_NULL: Final = "per_cpu_ptr"


def read(b: Builder, ksym: Ksym, name: str, span: Span) -> Operand:
    """What the name of a symbol means in a probe: a per-CPU variable waits for its CPU."""
    if _type_id(b, ksym.name) is not None:
        return Static(ksym, name)
    b.module.ksym(ksym.name, None)
    return b.emit(ops.KsymAddress(ksym.name, U64, span))


def _type_id(b: Builder, name: str) -> int | None:
    btf = b.module.btf_or_none()
    return per_cpu_variable(btf, name) if btf is not None else None


def exists(b: Builder, name: str, span: Span) -> ops.Value:
    """`hasattr(ksyms, "runqueues")`: whether the kernel that the program is loaded on has it."""
    type = _type(b, name, span) if _type_id(b, name) is not None else None
    b.module.ksym(name, type, weak=True)
    found = b.present(b.emit(ops.KsymAddress(name, KERNEL, span)), span)
    if type is not None:
        b.answers[found] = True
    return found


def _type(b: Builder, name: str, span: Span) -> MemberType:
    """Of a per-CPU variable; a diagnostic where the language has no words for it."""
    btf, type_id = b.module.btf(b, span), _type_id(b, name)
    assert type_id is not None
    found = kernel_types.classify(b, btf, type_id, f"{name}.")
    if isinstance(found, kernel_types.Reason):
        b.error(errors.KsymType(span, name, found.what))
    if isinstance(found, Embedded) and "." in found.struct:
        b.error(errors.KsymType(span, name, "a struct without a name"))
    _describe(b, name, found, type_id, span)
    return found


def _describe(b: Builder, name: str, type: MemberType, type_id: int, span: Span) -> None:
    """What pointers point to must be described whole: libbpf compares it."""
    btf = b.module.btf(b, span)
    while isinstance(type, MemberArray):
        array = btf.type(btf.resolve(type_id))
        assert isinstance(array, btf_types.Array)
        type, type_id = type.element, array.type_id
    pointer = btf.type(btf.resolve(type_id))
    if not isinstance(pointer, btf_types.Pointer):
        return
    struct = type.struct if isinstance(type, StructPointer) else ""
    if struct:
        kernel_types.note_struct(b, btf, struct, kernel_types.struct_id(b, btf, struct, name, span))
    elif isinstance(type, BarePointer) and type.type.target is None and btf.resolve(pointer.type_id):
        b.error(errors.KsymType(span, name, "a pointer to what the language has no type for"))


def variable(b: Builder, operand: Operand, span: Span) -> ops.Value:
    """The first argument of `this_cpu_ptr` and `per_cpu_ptr`."""
    if isinstance(operand, ops.KsymAddress):
        b.error(errors.NotPerCpu(span, operand.name))
    if not (isinstance(operand, Static) and isinstance(operand.value, Ksym)):
        expected = "a per-CPU variable of the kernel"
        b.error(type_errors.WrongType(span, expected, describe(operand), "from pyebpf.ksyms import runqueues"))
    name = operand.value.name
    b.module.ksym(name, _type(b, name, span))
    return b.emit(ops.KsymAddress(name, KERNEL, span))


def of_cpu(b: Builder, helper: str, arguments: tuple[ops.Value, ...], span: Span) -> Operand:
    """What a CPU's own is: a reference to a struct, an array, or the value of a number or pointer."""
    symbol = arguments[0]
    assert isinstance(symbol, ops.KsymAddress)
    type = b.module.ksyms[symbol.name].type
    match type:
        case Embedded():
            found = b.call(helper, arguments, KernelType(type.struct, direct=True), span)
            if helper != MAY_BE_NULL:
                b.surely_there.add(found)
            return found
        case MemberArray():
            at = b.call(helper, arguments, KERNEL, span)
            if helper == MAY_BE_NULL:
                b.check(b.present(at, span), Fault.NULL_POINTER, span)
            array = kernel_structs.read(b, KernelPlace(at, "", (), type, False, span))
            assert not isinstance(array, KernelInteger)
            return array
        case StructPointer():
            return _value(b, helper, arguments, layout.U64, KernelType(type.struct), span)
        case BarePointer():
            return _value(b, helper, arguments, layout.U64, type.type, span)
        case None | BitField():
            raise AssertionError(f"{symbol.name} has no type")
        case _:
            number = type.base if isinstance(type, layout.Enumeration) else type
            return _value(b, helper, arguments, number, loaded(number), span)


def _value(
    b: Builder,
    helper: str,
    arguments: tuple[ops.Value, ...],
    type: layout.Integer | layout.Boolean,
    register: ValueType,
    span: Span,
) -> Operand:
    """A value of up to eight bytes, by a direct load; without the CPU None, of pointers null."""
    assert not isinstance(register, PointerType)
    pointer = PointerType(type, Region.KERNEL, nullable=helper == MAY_BE_NULL, writable=False)
    at = b.call(helper, arguments, pointer, span)
    if helper != MAY_BE_NULL:
        return b.emit(ops.Load(at, register, span))
    held = b.local("variable", register, span)
    if isinstance(register, KernelType):
        b.set(held, b.emit(ops.Null(register, span)), span)
    present = b.local("present", BOOL, span)
    b.set(present, b.truth(False, span), span)

    def there() -> None:
        b.set(held, b.emit(ops.Load(b.not_null(at, span), register, span)), span)
        b.set(present, b.truth(True, span), span)

    b.if_(b.present(at, span), there, None, span)
    value = b.get(held, span)
    return value if isinstance(register, KernelType) else Optional(b.get(present, span), value)
