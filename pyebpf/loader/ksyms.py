"""Finds the symbols of the kernel that an object names: functions and variables by its BTF, or mere addresses.

What the object takes a symbol for must agree with what the kernel has, in kind, pointer by pointer and parameter by
parameter, as libbpf wants it: else a program would be loaded that takes the one for the other.
Source: libbpf's conventions for `__ksym`; what is looked for first in the kernel itself, then in its modules.
"""

from __future__ import annotations

from typing import Final, TypeAlias, final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, BtfError, Kind
from pyebpf.kernel.btf_names import essential
from pyebpf.kernel.c_text import declaration, prototype
from pyebpf.loader.core import own_types
from pyebpf.loader.core_relations import CoreError, types_agree
from pyebpf.loader.errors import LoadError
from pyebpf.loader.externs import Option
from pyebpf.loader.kallsyms import NO_VARIABLES, addresses, has_variables
from pyebpf.loader.modules import ModuleDescriptors
from pyebpf.object.specs import ExternSpec, Object
from pyebpf.records import dataclass

SECTION: Final = ".ksyms"


@final
@dataclass(frozen=True, slots=True)
class Named:
    """A function or variable by its number in BTF: the kernel's, or that of a module."""

    id: int
    fd: int
    """Of the module's BTF; 0 for the kernel itself."""
    slot: int
    """Of functions: the same, among the descriptors that the program is loaded with."""


@final
@dataclass(frozen=True, slots=True)
class Address:
    """An address in the kernel, 0 for what is weak and isn't there."""

    value: int


@final
@dataclass(frozen=True, slots=True)
class Missing:
    """A weak function that isn't there."""


Found: TypeAlias = Named | Address | Missing | Option


def symbols(obj: Object, target: Btf | None, modules: ModuleDescriptors) -> dict[str, Found]:
    """What the object names. Raises LoadError, BtfError."""
    wanted = [extern for extern in obj.externs if extern.section == SECTION]
    if not wanted:
        return {}
    names = {extern.name for extern in wanted if extern.kind == "address"}
    known = addresses(names) if names else {}
    local = own_types(obj)
    found: dict[str, Found] = {}
    for extern in wanted:
        if extern.kind == "address":
            found[extern.name] = _address(extern, known)
        else:
            found[extern.name] = _typed(extern, local, target, modules)
    return found


def _address(extern: ExternSpec, known: dict[str, int]) -> Address:
    if extern.name in known or extern.weak:
        return Address(known.get(extern.name, 0))
    why = "" if has_variables() else f"; {NO_VARIABLES}"
    raise LoadError(f"this kernel has no {extern.name} that programs could name{why}", "kernel")


def _typed(extern: ExternSpec, local: Btf, target: Btf | None, modules: ModuleDescriptors) -> Found:
    """A function or variable. Names with a flavour behind them (`___v2`) are that of the function."""
    function = extern.kind == "function"
    kind = Kind.FUNC if function else Kind.VAR
    name = essential(extern.name) if function else extern.name
    there = target.search(name, kind) if target is not None else None
    if there is not None:
        module, btf, number = there
        if _agree(extern, local, kind, btf, number):
            return Named(number, modules.fd(module), modules.slot(module) if function else 0)
        if not (extern.weak and function):
            raise LoadError(_disagreement(extern, local, kind, btf, number), "object")
    if not extern.weak:
        what = f"no function {name}" if function else f"no variable {name}"
        raise LoadError(f"this kernel has {what} in its BTF, nor has any of its modules", "kernel")
    return Missing() if function else Address(0)


def _agree(extern: ExternSpec, local: Btf, kind: Kind, btf: Btf, number: int) -> bool:
    own = local.find(extern.name, kind)
    if own is None:
        return True  # which was without a type in the object already
    try:
        return types_agree(local, _inner(local, own), btf, _inner(btf, number))
    except (BtfError, CoreError):
        return False


def _inner(btf: Btf, number: int) -> int:
    """The type of a variable, the prototype of a function."""
    found = btf.type(number)
    assert isinstance(found, types.Variable | types.Function)
    return btf.resolve(found.type_id)


def _disagreement(extern: ExternSpec, local: Btf, kind: Kind, btf: Btf, number: int) -> str:
    own = local.find(extern.name, kind)
    here = "" if own is None else _shown(local, own, extern.name)
    there = _shown(btf, number, btf.name(number))
    return f"the object takes {extern.name} for `{here}`, and this kernel has `{there}`"


def _shown(btf: Btf, number: int, name: str) -> str:
    """As C has it."""
    found = btf.type(_inner(btf, number))
    if isinstance(found, types.FunctionPrototype):
        return prototype(btf, found, name, 0)
    return declaration(btf, _inner(btf, number), name)
