"""Completes an object's BTF: clang leaves sizes and offsets of data sections, and what is hidden, to the loader."""

from __future__ import annotations

from pyebpf.kernel.btf_types import Kind
from pyebpf.object.btf_raw import RawBtf, Record
from pyebpf.object.elf import OBJECT, Elf

_KIND_STRUCT_INFO = Kind.STRUCT << 24


def complete(btf: RawBtf, elf: Elf) -> None:
    """Fill in `btf` in place, from the ELF symbols."""
    values = {symbol.name: symbol.value for symbol in elf.symbols if symbol.type == OBJECT}
    sizes = {section.name: section.size for section in elf.sections}
    hidden = {symbol.name for symbol in elf.symbols if symbol.hidden}
    for record in btf.records:
        if record.kind is Kind.DATASEC:
            if record.name in (".ksyms", ".kconfig"):
                _define(btf, record)
                _neutralise(btf, record)
            elif record.name in sizes:
                _complete_section(btf, record, sizes[record.name], values)
        elif record.kind is Kind.FUNC and (record.count == 2 or (record.count == 1 and record.name in hidden)):
            # Externs are called through their number; hidden functions are verified with their callers.
            if record.count == 2:
                _name_parameters(btf, record)
            btf.set_word(record.at + 4, Kind.FUNC << 24 | (1 if record.count == 2 else 0))


def _name_parameters(btf: RawBtf, function: Record) -> None:
    """Compilers leave the parameters of externs without names, which the kernel wants: they get the function's."""
    number = btf.word(function.at + 8)
    prototype = btf.records[number - 1] if 0 < number <= len(btf.records) else None
    if prototype is None or prototype.kind is not Kind.FUNC_PROTO:
        return
    for index in range(prototype.count):
        at = prototype.at + 12 + 8 * index
        if btf.word(at) == 0 and btf.word(at + 4) != 0:
            btf.set_word(at, btf.word(function.at))


def _complete_section(btf: RawBtf, record: Record, size: int, values: dict[str, int]) -> None:
    btf.set_word(record.at + 8, size)
    entries = []
    for number in range(record.count):
        at = record.at + 12 + 12 * number
        type_id, offset, length = btf.word(at), btf.word(at + 4), btf.word(at + 8)
        variable = btf.records[type_id - 1] if 0 < type_id <= len(btf.records) else None
        if variable is not None and variable.kind is Kind.VAR and btf.word(variable.at + 12) != 0:
            offset = values.get(variable.name, offset)
        entries.append((offset, type_id, length))
    for number, (offset, type_id, length) in enumerate(sorted(entries)):  # the kernel wants them in order
        at = record.at + 12 + 12 * number
        btf.set_word(at, type_id)
        btf.set_word(at + 4, offset)
        btf.set_word(at + 8, length)


def _define(btf: RawBtf, record: Record) -> None:
    """The kernel takes no variables that are only declared, nor any of no type: they become defined ones, of an int."""
    integer = next((other.id for other in btf.records if other.kind is Kind.INT), None)
    for number in range(record.count):
        type_id = btf.word(record.at + 12 + 12 * number)
        variable = btf.records[type_id - 1] if 0 < type_id <= len(btf.records) else None
        if variable is None or variable.kind is not Kind.VAR:
            continue
        btf.set_word(variable.at + 12, 1)
        if integer is not None and _is_void(btf, btf.word(variable.at + 8)):
            btf.set_word(variable.at + 8, integer)


def _is_void(btf: RawBtf, type_id: int) -> bool:
    """`const void`: what stands for a mere address."""
    for _ in range(len(btf.records)):
        if not 0 < type_id <= len(btf.records):
            break
        record = btf.records[type_id - 1]
        if record.kind not in (Kind.CONST, Kind.VOLATILE, Kind.TYPEDEF):
            return False
        type_id = btf.word(record.at + 8)
    return type_id == 0


def _neutralise(btf: RawBtf, record: Record) -> None:
    """The kernel takes no data section of externs: make it a nameless struct of the same length."""
    integer = next((other for other in btf.records if other.kind is Kind.INT and other.size <= 4), None)
    if integer is None:
        return
    btf.set_word(record.at, 0)
    btf.set_word(record.at + 4, _KIND_STRUCT_INFO | record.count)
    btf.set_word(record.at + 8, 16)
    for number in range(record.count):
        at = record.at + 12 + 12 * number
        btf.set_word(at, 0)
        btf.set_word(at + 4, integer.id)
        btf.set_word(at + 8, 0)
