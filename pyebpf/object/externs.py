"""What an object leaves to its loader: symbols of the kernel (`.ksyms`), and its configuration (`.kconfig`).

Source: libbpf's conventions (`__ksym` and `__kconfig` in bpf_helpers.h, the documentation of its externs): the type of
an extern says what it is to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.btf_types import Kind
from pyebpf.object.elf import WEAK, Elf
from pyebpf.object.errors import ObjectError
from pyebpf.object.specs import ExternKind, ExternSpec

SECTIONS: Final = (".ksyms", ".kconfig")
TRISTATE: Final = "libbpf_tristate"
_LARGEST_TEXT: Final = 4096


def externs_of(elf: Elf, btf: Btf) -> tuple[ExternSpec, ...]:
    """Those that the BTF, not completed yet, describes. Raises ObjectError, BtfError."""
    weak = {symbol.name for symbol in elf.symbols if symbol.section == 0 and symbol.binding == WEAK}
    found: dict[str, ExternSpec] = {}
    for section in SECTIONS:
        for name, type_id, function in _entries(btf, section):
            if function:
                found[name] = ExternSpec(name, section, "function", 0, False, name in weak)
            else:
                found[name] = ExternSpec(name, section, *_kind(btf, section, name, type_id), name in weak)
    return tuple(found.values())


def _entries(btf: Btf, section: str) -> Iterator[tuple[str, int, bool]]:
    """Name, type, and whether it is a function."""
    number = btf.find(section, Kind.DATASEC)
    described = btf.type(number) if number is not None else None
    for entry in described.entries if isinstance(described, types.DataSection) else ():
        extern = btf.type(entry.type_id)
        if not isinstance(extern, types.Variable | types.Function) or not extern.name:
            raise ObjectError(f"section {section} contains something that is neither a variable nor a function")
        yield extern.name, extern.type_id, isinstance(extern, types.Function)


def _kind(btf: Btf, section: str, name: str, type_id: int) -> tuple[ExternKind, int, bool]:
    target = btf.resolve(type_id) if type_id else 0
    found = btf.type(target) if target else None
    if section == ".ksyms":
        return ("address", 0, False) if found is None or isinstance(found, types.Void) else ("variable", 0, False)
    match found:
        case types.Int(boolean=True, size=1):
            return "bool", 1, False
        case types.Int(size=1):
            return "char", 1, found.signed
        case types.Int(size=2 | 4 | 8):
            return "integer", found.size, found.signed
        case types.Enum(size=4) if found.name == TRISTATE:
            return "tristate", 4, False
        case types.Array() if 0 < found.length <= _LARGEST_TEXT and btf.size_of(found.type_id) == 1:
            return "text", found.length, False
    raise ObjectError(f"{name} in .kconfig is neither bool, {TRISTATE}, a number nor text")
