"""Contexts with fields by table (`kernel.contexts`): made of what the test gives, and read when the run is over."""

from __future__ import annotations

from collections.abc import Mapping
from sys import byteorder
from typing import Any, Final

from pyebpf import layout
from pyebpf.decode import decoder
from pyebpf.encode import encode
from pyebpf.ir.module import Program
from pyebpf.kernel.contexts import ContextField, ContextStruct, context_of
from pyebpf.kernel.hooks import ContextKind
from pyebpf.simulator.errors import SimulationError, nearest
from pyebpf.simulator.flows import keys_after
from pyebpf.simulator.memory import DEFINED, Memory
from pyebpf.simulator.record import Record

BIG: Final = byteorder == "big"


def fields_memory(program: Program, given: Any) -> Record:
    """The context: `ctx={"mark": 3}`. Fields that aren't given are undefined."""
    struct = context_of(program.hook)
    known = {field.name: field for field in struct.readable(program.hook)} if struct is not None else {}
    values = {} if given is None else given
    if not isinstance(values, Mapping):
        raise SimulationError(f"the context of {program.hook.name} is a dict of its fields, not {values!r}")
    places = {name: (field.offset, field.size) for name, field in known.items()}
    record = Record(program.hook.name, struct.size if struct is not None else 0, places)
    for name, value in values.items():
        if name not in known:
            raise SimulationError(f"{program.hook.name} has no field {name!r}; {nearest(str(name), known)}")
        _set(record, known[name], value)
    record.writable = True
    return record


def _set(record: Record, field: ContextField, value: Any) -> None:
    what = f"ctx.{field.name}"
    type, bits, bit_offset = field.unit(BIG)
    try:
        if bits:
            encode(layout.Integer(str(field.type), bits // 8), value, what)  # raises if it doesn't fit
            before = int.from_bytes(record.data[field.offset : field.offset + type.size], _order(type))
            value = before | value << bit_offset
        if isinstance(type, layout.Array):
            data = b"".join(encode(type.element, item, what) for item in value)
        else:
            data = encode(type, value, what)
    except (TypeError, ValueError, OverflowError) as error:
        raise SimulationError(str(error)) from None
    if len(data) > type.size:
        raise SimulationError(f"{what} has up to {field.type} numbers, not {value!r}")
    record.set(field.offset, data)


def _order(type: layout.Type) -> Any:
    return "big" if isinstance(type, layout.Integer) and type.big_endian else byteorder


def fields_after(program: Program, context: Memory) -> dict[str, Any]:
    """The fields that have a value, as the program left them."""
    if program.hook.context is ContextKind.FLOW_PACKET:
        return keys_after(context)
    struct = context_of(program.hook)
    if struct is None:
        return {}
    return {field.name: _value(context, field) for field in _defined(program, struct, context)}


def _defined(program: Program, struct: ContextStruct, context: Memory) -> list[ContextField]:
    found = []
    for field in struct.readable(program.hook):
        defined = context.defined[field.offset : field.offset + field.size] if context.defined is not None else b""
        if defined == DEFINED * field.size:
            found.append(field)
    return found


def _value(context: Memory, field: ContextField) -> Any:
    type, bits, bit_offset = field.unit(BIG)
    value = decoder(type)(bytes(context.data), field.offset)
    return value >> bit_offset & (1 << bits) - 1 if bits else value
