"""Contexts of hooks whose probes have their target's arguments: a word for each, as the kernel lays them out."""

from __future__ import annotations

from collections.abc import Mapping
from sys import byteorder
from typing import Any, Final

from pyebpf import layout
from pyebpf.encode import encode
from pyebpf.ir.module import Program
from pyebpf.kernel.arguments import RESULT, WORD, Argument, Signature
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.hooks import ContextKind
from pyebpf.kernel.registers import Registers, registers_of
from pyebpf.simulator.addresses import Addresses
from pyebpf.simulator.errors import SimulationError, nearest
from pyebpf.simulator.record import Record

WORDS: Final = 40
"""More than any target has arguments and results, and than there are registers."""


def arguments_memory(program: Program, given: Any, addresses: Addresses, btf: Btf | None) -> Record:
    """`ctx={"file": {"f_mode": 1}, "count": 3, "ret": -1}`: all that the function has as parameters."""
    signature = program.signature
    assert signature is not None
    values = {} if given is None else given
    if not isinstance(values, Mapping):
        raise SimulationError(f"the context of {program.argument} is a dict of its arguments, not {values!r}")
    known = _given_by_name(program, signature)
    for word in values:
        if word not in known:
            raise SimulationError(f"{program.argument} has no argument {word!r}; {nearest(str(word), known)}")
    places = _places(program, signature, btf)
    words = {name: (offset, WORD) for name, offset in places.items() if name in known}
    record = Record(program.argument, WORDS * WORD, words)
    for name, value in values.items():
        if name in places:
            record.set(places[name], word_of(known[name], value, addresses))
    if program.hook.context is ContextKind.USER_REGISTERS and program.hook.arguments:
        _place_on_stack(record, signature, values, addresses, _registers(btf))
    if program.hook.context is not ContextKind.SYSCALL or not program.hook.arguments:
        return record
    # The arguments are in the registers of the process, whose address is the function's one argument.
    registers = _registers(btf)
    outer = Record(program.argument, WORDS * WORD, {})
    at = addresses.place("kernel", record)
    outer.set(registers.arguments[0], _number(layout.U64, at, "ctx"))
    return outer


def _place_on_stack(
    record: Record, signature: Signature, values: Mapping[str, Any], addresses: Addresses, registers: Registers
) -> None:
    """Arguments of a program's function that have no registers."""
    rest = signature.arguments[len(registers.arguments) :]
    if rest:
        words = [word_of(each, values.get(each.name, 0), addresses) for each in rest]
        at = addresses.place("user", b"".join(words))
        record.set(registers.stack, _number(layout.U64, at - registers.on_stack, "the stack"))


def _given_by_name(program: Program, signature: Signature) -> dict[str, Argument]:
    """What the program's hook gives."""
    found = {each.name: each for each in signature.arguments if each.name and program.hook.arguments}
    if program.hook.gives and signature.result is not None:
        found[RESULT] = signature.result
    return found


def _places(program: Program, signature: Signature, btf: Btf | None) -> dict[str, int]:
    """Where each argument and the result lie, in bytes from the start of the context."""
    if program.hook.context in (ContextKind.ARGUMENTS, ContextKind.USDT):
        words = [*signature.arguments, *([signature.result] if signature.result is not None else [])]
        return {each.name: each.place * WORD for each in words}
    registers = _registers(btf)
    row = registers.syscall_arguments if program.hook.context is ContextKind.SYSCALL else registers.arguments
    names = [each.name for each in signature.arguments] if program.hook.arguments else []
    return dict(zip(names, row, strict=False)) | ({RESULT: registers.result} if program.hook.gives else {})


def _registers(btf: Btf | None) -> Registers:
    found = registers_of(btf)
    assert found is not None  # it was compiled for them
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
        case "integer" if isinstance(value, str | bytes) and argument.size == WORD:
            return _number(layout.U64, _address(argument, value, addresses), what)
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
