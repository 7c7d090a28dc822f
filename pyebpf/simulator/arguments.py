"""Contexts of hooks whose probes have their target's arguments: a word for each, as the kernel lays them out."""

from __future__ import annotations

from collections.abc import Mapping
from sys import byteorder
from typing import Any, Final

from pyebpf import layout
from pyebpf.encode import encode
from pyebpf.ir.module import Program
from pyebpf.kernel.arguments import RESULT, WORD, Argument, Signature, signature_of
from pyebpf.kernel.btf import Btf
from pyebpf.simulator.addresses import Addresses
from pyebpf.simulator.errors import SimulationError, nearest
from pyebpf.simulator.record import Record

WORDS: Final = 16
"""More than any target has arguments and results."""


def arguments_memory(program: Program, given: Any, addresses: Addresses, btf: Btf | None) -> Record:
    """`ctx={"file": {"f_mode": 1}, "count": 3, "ret": -1}`: all that the function has as parameters."""
    known = given_by_name(program, btf)
    values = {} if given is None else given
    if not isinstance(values, Mapping):
        raise SimulationError(f"the context of {program.argument} is a dict of its arguments, not {values!r}")
    for word in values:
        if word not in known:
            raise SimulationError(f"{program.argument} has no argument {word!r}; {nearest(str(word), known)}")
    record = Record(program.argument, WORDS * WORD, {name: (WORD * each.place, WORD) for name, each in known.items()})
    for name, value in values.items():
        record.set(WORD * known[name].place, word_of(known[name], value, addresses))
    return record


def given_by_name(program: Program, btf: Btf | None) -> dict[str, Argument]:
    """What the program's hook gives."""
    signature = _signature(program, btf)
    found = {each.name: each for each in signature.arguments if each.name and program.hook.arguments}
    if program.hook.gives and signature.result is not None:
        found[RESULT] = signature.result
    return found


def _signature(program: Program, btf: Btf | None) -> Signature:
    target = program.hook.target
    assert target is not None
    found = signature_of(btf or Btf.running(), target, program.argument)
    if found is None:
        raise SimulationError(f"the kernel types have no {target.what} {program.argument}")
    return found


def word_of(argument: Argument, value: Any, addresses: Addresses) -> bytes:
    """The eight bytes of one argument."""
    what = f"ctx.{argument.name}"
    match argument.kind:
        case "struct":
            return _number(layout.U64, addresses.kernel_object(argument.struct, value, what), what)
        case "address":
            return _number(layout.U64, _address(argument, value, addresses), what)
        case "boolean":
            return _number(layout.U64, int(bool(value)), what)
        case _:
            size, signed = argument.size, argument.signed
            return _number(layout.Integer(f"{'i' if signed else 'u'}{size * 8}", size, signed), value, what)


def _address(argument: Argument, value: Any, addresses: Addresses) -> Any:
    """What is placed in memory goes to both kinds of it, where the kernel's types don't tell them apart."""
    if value is None:
        return 0
    if not isinstance(value, str | bytes):
        return value
    if argument.space == "kernel":
        return addresses.place("kernel", value)
    at = addresses.place("user", value)
    return at if argument.space == "user" else addresses.place("kernel", value, at)


def _number(type: layout.Integer, value: object, what: str) -> bytes:
    """An integer of `type`, extended to a word."""
    try:
        data = encode(type, value, what)
    except (TypeError, ValueError, OverflowError) as error:
        raise SimulationError(str(error)) from None
    return int.from_bytes(data, byteorder, signed=type.signed).to_bytes(WORD, byteorder, signed=type.signed)
