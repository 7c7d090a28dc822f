"""Types as C writes them, for people: `struct file *file`, `int (*actor)(struct ctx *)`."""

from __future__ import annotations

from typing import Final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf

_DEEPEST: Final = 32
"""Levels of pointers, arrays and functions in one type; what lies below is left out."""
_WITH_PARAMETERS: Final = 4
"""Levels down to which functions have their parameters: those that take functions that take functions would not end."""
_PARAMETERS: Final = 32
"""How many are shown. The kernel's own functions have up to about twenty."""


def declaration(btf: Btf, type_id: int, name: str = "", depth: int = 0) -> str:
    """`name` declared as of type `type_id`."""
    found = btf.type(type_id)
    if depth > _DEEPEST:
        return f"… {name}".rstrip()
    match found:
        case types.Pointer():
            inner = f"*{name}"
            target = btf.type(found.type_id)
            if isinstance(target, types.FunctionPrototype | types.Array):
                inner = f"({inner})"
            return declaration(btf, found.type_id, inner, depth + 1)
        case types.Array():
            return declaration(btf, found.type_id, f"{name}[{found.length or ''}]", depth + 1)
        case types.FunctionPrototype():
            return declaration(btf, found.return_type_id, f"{name}({_parameters(btf, found, depth)})", depth + 1)
        case types.Modifier(word="type_tag"):
            tag = f"__{found.name} "
            return declaration(btf, found.type_id, f"{tag}{name}".rstrip(), depth + 1)
        case types.Modifier():
            if isinstance(btf.type(found.type_id), types.Pointer):
                return declaration(btf, found.type_id, f"{found.word} {name}".rstrip(), depth + 1)
            return f"{found.word} {declaration(btf, found.type_id, name, depth + 1)}"
        case _:
            return _joined(_word(found), name)


def prototype(btf: Btf, found: types.FunctionPrototype, name: str, skipped: int = 0) -> str:
    """A function's, without the first `skipped` parameters: `long do_sys_openat2(int dfd, const char *filename)`."""
    shown = types.FunctionPrototype(found.return_type_id, found.parameters[skipped:])
    return declaration(btf, found.return_type_id, f"{name}({_parameters(btf, shown, 0)})")


def _parameters(btf: Btf, found: types.FunctionPrototype, depth: int) -> str:
    if depth > _WITH_PARAMETERS:
        return "…"
    shown = [
        declaration(btf, each.type_id, each.name, depth + 1) if each.type_id or each.name else "..."
        for each in found.parameters[:_PARAMETERS]
    ]
    if len(found.parameters) > _PARAMETERS:
        shown.append("…")
    return ", ".join(shown) or "void"


def _word(found: types.BtfType) -> str:
    match found:
        case types.Struct() | types.Forward():
            return f"{'union' if found.is_union else 'struct'} {found.name or '{…}'}"
        case types.Enum():
            return f"enum {found.name or '{…}'}"
        case _:
            return found.name


def _joined(word: str, name: str) -> str:
    return f"{word} {name}".rstrip()
