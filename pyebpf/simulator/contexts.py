"""Contexts: a hook's record as bytes, from the fields that the test gives by name; and packets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from sys import byteorder
from typing import Any, Final

from pyebpf import layout
from pyebpf.encode import encode
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.hooks import ContextKind
from pyebpf.kernel.packets import access_of, is_packet
from pyebpf.kernel.tracepoints import TracepointField, tracepoint_fields
from pyebpf.simulator.addresses import Addresses
from pyebpf.simulator.arguments import arguments_memory
from pyebpf.simulator.errors import SimulationError, nearest
from pyebpf.simulator.fields import fields_memory
from pyebpf.simulator.flows import flow_memory
from pyebpf.simulator.memory import Memory
from pyebpf.simulator.record import Record

RAW_ARGUMENTS: Final = 12
"""MAX_BPF_FUNC_ARGS: no raw tracepoint has more."""
MOST_BYTES: Final = 0xFFFF


def packet_memory(program: Program, packet: bytes | bytearray | None) -> Memory | None:
    """The packet of this run; None for hooks without one."""
    takes = is_packet(program.hook.context)
    if takes and packet is None:
        raise SimulationError(f"{program.name} reads a packet: simulate({program.name}, packet=…)")
    if not takes and packet is not None:
        raise SimulationError(f"{program.name} is {program.hook.name}, which has no packet: give it a ctx={{…}}")
    if packet is None:
        return None
    data = memoryview(packet).tobytes()
    if len(data) > MOST_BYTES:
        raise SimulationError(f"a packet has at most {MOST_BYTES} bytes, not {len(data)}")
    return Memory("the packet", data, writable=access_of(program.hook.context).writable)


def context_memory(
    program: Program, given: Any, packet: Memory | None, addresses: Addresses, btf: Btf | None
) -> Memory:
    """The context of this run."""
    match program.hook.context:
        case ContextKind.TRACEPOINT:
            return _tracepoint(program, given, addresses, btf)
        case ContextKind.RAW_ARGS:
            return _raw(program, given, addresses)
        case ContextKind.STRUCT:
            return _struct(program, given)
        case (
            ContextKind.ARGUMENTS
            | ContextKind.REGISTERS
            | ContextKind.SYSCALL
            | ContextKind.USER_REGISTERS
            | ContextKind.USDT
        ):
            return arguments_memory(program, given, addresses, btf)
        case ContextKind.FLOW_PACKET:
            return flow_memory(given, packet)
        case _:
            return _fields(program, given, packet)


def _struct(program: Program, given: Any) -> Memory:
    """`ctx=Arguments(…)`, or its bytes."""
    type = getattr(given, "__layout__", None)
    data = encode(type, given, "ctx") if type is not None else memoryview(given or b"").tobytes()
    needed = max((op.offset + op.size for op in ops.walk(program.body) if isinstance(op, ops.ContextLoad)), default=0)
    if len(data) < needed:
        raise SimulationError(f"{program.name} takes a struct of {needed} bytes (ctx=…), not one of {len(data)}")
    return Memory("the struct", data)


def _fields(program: Program, given: Any, packet: Memory | None) -> Memory:
    """Fields by name. How long a packet is goes without saying."""
    record = fields_memory(program, given)
    if packet is not None and "len" in record.fields:
        record.write(0, len(packet.data).to_bytes(4, byteorder))
    return record


def _raw(program: Program, given: Any, addresses: Addresses) -> Memory:
    """`ctx={"args": (1, 2)}`, or the arguments themselves; text and bytes are addresses of kernel memory."""
    if isinstance(given, Mapping):
        if set(given) - {"args"}:
            raise SimulationError(f'a raw tracepoint has nothing but args: ctx={{"args": (…)}}, not {given!r}')
        given = given.get("args", ())
    arguments = () if given is None else given
    if not isinstance(arguments, Sequence) or isinstance(arguments, str | bytes) or len(arguments) > RAW_ARGUMENTS:
        raise SimulationError(f'a raw tracepoint has up to 12 arguments: ctx={{"args": (1, 2)}}, not {arguments!r}')
    fields = {f"args[{number}]": (8 * number, 8) for number in range(RAW_ARGUMENTS)}
    record = Record(program.argument, 8 * RAW_ARGUMENTS, fields)
    for number, argument in enumerate(arguments):
        value = addresses.place("kernel", argument) if isinstance(argument, str | bytes) else argument
        record.set(8 * number, _number(layout.U64, value, f"ctx.args[{number}]"))
    return record


def _tracepoint(program: Program, given: Any, addresses: Addresses, btf: Btf | None) -> Memory:
    category, _, name = program.argument.partition(":")
    point = tracepoint_fields(category, name, btf=btf)
    known = {field.name: field for field in point.fields} if point is not None else {}
    values = {} if given is None else given
    if not isinstance(values, Mapping):
        raise SimulationError(f"the context of {program.argument} is a dict of its fields, not {values!r}")
    for word in values:
        if word not in known:
            raise SimulationError(f"{program.argument} has no field {word!r}; {nearest(str(word), known)}")
    size = max((field.offset + field.size * max(field.count, 1) for field in known.values()), default=0)
    record = Record(program.argument, size, {n: (f.offset, f.size * max(f.count, 1)) for n, f in known.items()})
    for word, value in values.items():
        _set_field(record, known[word], value, addresses, f"ctx.{word}")
    return record


def _set_field(record: Record, field: TracepointField, value: Any, addresses: Addresses, what: str) -> None:
    match field.kind:
        case "integer":
            record.set(field.offset, _number(_integer(field), value, what))
        case "user_pointer" | "kernel_pointer":
            space = "user" if field.kind == "user_pointer" else "kernel"
            if isinstance(value, str | bytes):
                value = addresses.place("user" if space == "user" else "kernel", value)
            record.set(field.offset, _number(layout.U64, value, what))
        case "text":
            record.set(field.offset, _encoded(layout.Text(field.size * max(field.count, 1)), value, what))
        case "array":
            _set_elements(record, field, value, what)
        case "data_loc":
            data = value.encode() + b"\0" if isinstance(value, str) else bytes(value)
            start = len(record.data)
            record.data += data
            assert record.defined is not None
            record.defined += b"\1" * len(data)
            record.set(field.offset, (start | len(data) << 16).to_bytes(4, byteorder))


def _set_elements(record: Record, field: TracepointField, value: Any, what: str) -> None:
    """The first elements of an array, or all of them."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > field.count:
        raise SimulationError(f"{what} has up to {field.count} numbers, not {value!r}")
    for number, item in enumerate(value):
        record.set(field.offset + number * field.size, _number(_integer(field), item, f"{what}[{number}]"))


def _integer(field: TracepointField) -> layout.Integer:
    return layout.Integer(f"{'i' if field.signed else 'u'}{field.size * 8}", field.size, field.signed)


def _number(type: layout.Integer, value: Any, what: str) -> bytes:
    """An integer; a negative one where the kernel has an unsigned type is what C makes of it."""
    if isinstance(value, int) and not type.signed and -(1 << type.size * 8 - 1) <= value < 0:
        value += 1 << type.size * 8
    return _encoded(type, value, what)


def _encoded(type: layout.Type, value: object, what: str) -> bytes:
    try:
        return encode(type, value, what)
    except (TypeError, ValueError, OverflowError) as error:
        raise SimulationError(str(error)) from None
