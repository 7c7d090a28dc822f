"""Calls of the language's functions: `pid()`, `comm()`, `user_str(p)`, and of Python's `min`, `max`, `abs`, `len`."""

from __future__ import annotations

from collections.abc import Callable
from enum import EnumMeta
from typing import Final, Literal

from pyebpf import layout
from pyebpf.diagnostics import hooks as hook_errors
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import text as text_errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.base import article
from pyebpf.ir import ops
from pyebpf.ir.types import I64, I64_MAX, U64, AddressType, IntType, KernelType, PointerType, Region, ValueType
from pyebpf.irbuild import (
    arithmetic,
    integers,
    kernel_arrays,
    kernel_facts,
    kernel_structs,
    storage,
    text_methods,
    text_scan,
    texts,
    trusted,
    user_memory,
    values,
)
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import (
    KernelArray,
    KernelInteger,
    Operand,
    PendingText,
    Static,
    describe,
    is_text,
    reference,
)
from pyebpf.kernel.hooks import ContextKind
from pyebpf.kernel.packets import is_packet
from pyebpf.lang.maps import Map
from pyebpf.records import dataclass
from pyebpf.source import Span

U32 = IntType(0, 2**32 - 1)
COMM_BYTES = 16
"""TASK_COMM_LEN."""
Argument = tuple[Operand, Span]


@dataclass(frozen=True)
class HalfOf:
    """A function that returns one half of a helper's 64-bit result."""

    helper: str
    high: bool


HALVES: Final = {
    "pid": HalfOf("get_current_pid_tgid", True),
    "tid": HalfOf("get_current_pid_tgid", False),
    "gid": HalfOf("get_current_uid_gid", True),
    "uid": HalfOf("get_current_uid_gid", False),
}
PLAIN: Final[dict[str, tuple[str, ValueType]]] = {
    "cpu": ("get_smp_processor_id", U32),
    "ktime_ns": ("ktime_get_ns", U64),
    "boot_ns": ("ktime_get_boot_ns", U64),
    "random_u32": ("get_prandom_u32", U32),
}


def builtin(b: Builder, name: str, arguments: list[Argument], span: Span) -> Operand:
    """A function of `lang.functions`."""
    if name in kernel_facts.EXAMPLES:
        return kernel_facts.function(b, name, arguments, span)
    if name in user_memory.SPACES:
        return user_memory.read(b, name, arguments, span)
    takes = 1 if name in ("user_str", "kernel_str") else 0
    if len(arguments) != takes:
        expected = "one address" if takes else "no arguments"
        b.error(errors.WrongArguments(span, name, expected, f"{len(arguments)}"))
    if name in HALVES:
        return _half(b, HALVES[name], span)
    if name in PLAIN:
        helper, type = PLAIN[name]
        return b.call(helper, (), type, span)
    if name == "current_task":
        return trusted.current_task(b, span)
    if name == "cgroup_id":
        return _cgroup_id(b, span)
    if name == "current_cgroup":
        return storage.current_cgroup(b, span)
    if name == "comm":
        return PendingText(_write_comm(span), COMM_BYTES, span.text)
    return _text_at(b, name, arguments[0], span)


def _half(b: Builder, half: HalfOf, span: Span) -> ops.Value:
    both = b.call(half.helper, (), U64, span)
    if half.high:
        return b.emit(ops.Binary(">>", both, b.const(32, span), U32, span))
    return b.emit(ops.Convert(both, layout.U32, U32, span))


def _cgroup_id(b: Builder, span: Span) -> ops.Value:
    if b.hook.context in (ContextKind.XDP_PACKET, ContextKind.XDP_PIECES):
        b.error(
            hook_errors.NotHere(
                span, "cgroup_id", article(b.hook.name), "a packet in the driver has no process and no socket yet"
            )
        )
    if is_packet(b.hook.context):
        context = b.emit(ops.ContextPointer(PointerType(layout.U8, Region.CONTEXT, writable=False), span))
        return b.call("skb_cgroup_id", (context,), U64, span)
    return b.call("get_current_cgroup_id", (), U64, span)


def _write_comm(span: Span) -> Callable[[Builder, ops.Value, int], None]:
    def write(b: Builder, destination: ops.Value, size: int) -> None:
        b.call("get_current_comm", (destination, b.const(size, span)), I64, span, writes=size)

    return write


def _text_at(b: Builder, name: str, argument: Argument, span: Span) -> Operand:
    """`user_str(p)` and `kernel_str(p)`: at most as much text as its place holds, always ended by a NUL."""
    operand, where = argument
    operand = values.plain(b, operand, where)
    space: Literal["user", "kernel"] = "user" if name == "user_str" else "kernel"
    if not ops.is_value(operand) or not isinstance(operand.type, AddressType | IntType | KernelType):
        b.error(type_errors.WrongType(where, f"an address in {space} memory", describe(operand), ""))
    if isinstance(operand.type, AddressType) and operand.type.space not in (space, "any"):
        hint = f"{operand.type.space}_str({where.text})"
        b.error(type_errors.WrongType(where, f"an address in {space} memory", describe(operand), hint))
    address = operand

    def write(b: Builder, destination: ops.Value, size: int) -> None:
        def copy() -> None:
            b.read_text(space, destination, size, address, span)

        if space == "kernel" and b.module.reads_null:
            there = kernel_structs.is_set(b, address, span)
            b.if_(there, copy, lambda: b.zero(destination, size, span), span)
        else:
            copy()

    return PendingText(write, 0, span.text)


def python_builtin(b: Builder, name: str, arguments: list[Argument], span: Span) -> Operand:
    """`min`, `max`, `abs`, `len`, `bool`, `int` with Python's meaning."""
    match name:
        case "min" | "max":
            return _extreme(b, name, arguments, span)
        case "abs" if len(arguments) == 1:
            return _absolute(b, arguments[0], span)
        case "len" if len(arguments) == 1:
            return _length(b, arguments[0], span)
        case "bool" if len(arguments) == 1:
            return values.truth(b, *arguments[0])
        case "getattr":
            return _attribute(b, arguments, span)
        case "hasattr":
            return kernel_facts.function(b, name, arguments, span)
        case "divmod" | "pow" | "hex" | "oct" | "bin" | "chr":
            return integers.function(b, name, arguments, span)
        case "str":
            return text_methods.to_text(b, arguments, span)
        case "ord" if len(arguments) == 1:
            if not is_text(arguments[0][0]):
                b.error(type_errors.WrongType(arguments[0][1], "one character", describe(arguments[0][0]), ""))
            return text_scan.ordinal(b, values.plain(b, *arguments[0]), arguments[0][1])
        case "int" if len(arguments) == 1 and is_text(arguments[0][0]):
            b.error(text_errors.NotParsed(span, ""))
        case "int" if len(arguments) == 1:
            return values.number(b, *arguments[0])
        case _:
            b.error(errors.WrongArguments(span, name, "one value", f"{len(arguments)}"))


def _extreme(b: Builder, name: str, arguments: list[Argument], span: Span) -> ops.Value:
    if len(arguments) < 2:
        b.error(errors.WrongArguments(span, name, "two or more integers", f"{len(arguments)}"))
    best = values.number(b, *arguments[0])
    for operand, where in arguments[1:]:
        other = values.number(b, operand, where)
        best = _better(b, name, best, other, span)
    return best


def _better(b: Builder, name: str, x: ops.Value, y: ops.Value, span: Span) -> ops.Value:
    assert isinstance(x.type, IntType) and isinstance(y.type, IntType)
    pick = min if name == "min" else max
    low, high = pick(x.type.low, y.type.low), pick(x.type.high, y.type.high)
    if low < 0 and high > I64_MAX:
        x, y = b.unsigned(x, span), b.unsigned(y, span)
        return _better(b, name, x, y, span)
    if isinstance(x, ops.Const) and isinstance(y, ops.Const):
        return b.const(pick(x.value, y.value), span)
    smaller = b.compare("<", y, x, span) if name == "min" else b.compare(">", y, x, span)
    return b.choose(smaller, IntType(low, high), y, x, span)


def _absolute(b: Builder, argument: Argument, span: Span) -> ops.Value:
    value = values.number(b, *argument)
    if isinstance(value, ops.Const):
        return b.const(abs(value.value), span)
    assert isinstance(value.type, IntType)
    if value.type.low >= 0:
        return value
    opposite = arithmetic.negative(b, value, span, argument[1])
    high = max(-value.type.low, value.type.high)
    negative = b.compare("<", value, b.const(0, span), span)
    return b.choose(negative, IntType(0, high), opposite, value, span)


def _attribute(b: Builder, arguments: list[Argument], span: Span) -> Operand:
    """`getattr(device, "class")`: for names that Python has other uses for."""
    from pyebpf.irbuild import attributes

    match arguments:
        case [(base, where), (Static(value=str() as name), word)]:
            found = attributes.read(b, base, name, span, word, where)
            assert not isinstance(found, KernelInteger)
            return found
        case _:
            b.error(errors.WrongArguments(span, "getattr", "something with attributes, and a name", span.text))


def _length(b: Builder, argument: Argument, span: Span) -> Operand:
    """`len(packet)`, `len(array)`; text has a length only up to its end."""
    from pyebpf.irbuild import dynptrs, entries, iteration, kfuncs, maps, packets
    from pyebpf.irbuild.operands import Dynptr, OptionalValues, Packet, Range, Values

    operand, where = argument
    if isinstance(operand, OptionalValues):
        operand = values.plain(b, operand, where)
    match operand:
        case Packet():
            return packets.length(b, span)
        case Dynptr():
            return kfuncs.size(b, dynptrs.argument(b, operand, where), span)
        case Values():
            return b.const(len(operand.items), span)
        case KernelArray():
            return kernel_arrays.length(b, operand, where)
        case Range():
            return iteration.length_of(b, operand, span)
        case Static(value=EnumMeta() as enumeration):
            return b.const(len(enumeration), span)
        case _ if is_text(operand):
            return text_scan.length(b, texts.text_of(b, values.plain(b, operand, where), where), span)
        case Static(value=Map()):
            map = maps.ref(b, operand)
            if map.kind in ("Array", "PerCpuArray"):
                return b.const(map.max_entries, span)
    found = entries.of(b, operand)
    if found is not None and not found.counted:
        return entries.count(b, found, span)
    pointer = reference(operand)
    if pointer is not None and isinstance(pointer.target, layout.Array):
        return b.const(pointer.target.length, span)
    b.error(type_errors.WrongType(where, "text, an array, a hash map or the packet", entries.described(b, operand), ""))


def convert(b: Builder, type: layout.Type, arguments: list[Argument], span: Span) -> ops.Value:
    """`u32(x)`: the low 32 bits of x, a number or an address."""
    if len(arguments) != 1:
        b.error(errors.WrongArguments(span, str(type), "one integer", f"{len(arguments)}"))
    if isinstance(type, layout.Boolean):
        return values.truth(b, *arguments[0])
    base = type.base if isinstance(type, layout.Enumeration) else type
    assert isinstance(base, layout.Integer)
    operand = arguments[0][0]
    if ops.is_value(operand) and isinstance(operand.type, KernelType | AddressType):
        value: ops.Value = kernel_structs.address_number(b, operand, span)
    else:
        value = values.number(b, *arguments[0])
    if isinstance(type, layout.Enumeration):
        integers.member(b, type, value, span)
    shown = type if isinstance(type, layout.Enumeration) or type == layout.IPV4 else None
    target = IntType(base.minimum, base.maximum, shown)
    if isinstance(value, ops.Const):
        number = value.value & ((1 << base.size * 8) - 1)
        number -= (1 << base.size * 8) if number > base.maximum else 0
        return b.emit(ops.Const(number, IntType(number, number, shown), span))
    plain = layout.Integer(base.name, base.size, base.signed)
    return b.emit(ops.Convert(value, plain, target, span))
