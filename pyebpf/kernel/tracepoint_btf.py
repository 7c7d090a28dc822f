"""Tracepoints as BTF has them.

A tracepoint `NAME` has a typedef `btf_trace_NAME` of a function pointer. Tracepoints that share their layout share a
class, whose context is the struct `trace_event_raw_CLASS`; a class of one tracepoint has its name. Which class
others belong to is not in the BTF, but the class's function `__bpf_trace_CLASS` has the tracepoint's parameters.
"""

from __future__ import annotations

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.tracepoint_fields import TracepointField

_TYPEDEF = "btf_trace_"
_STRUCT = "trace_event_raw_"
_FUNCTION = "__bpf_trace_"
_DATA_LOC = "__data_loc_"
_CLASS_ENDS = ("_template", "_class", "_event")
"""A class is often named for its first tracepoint: sched_wakeup is of class sched_wakeup_template."""


def names(btf: Btf) -> tuple[str, ...]:
    """The names of all tracepoints, sorted."""
    return tuple(sorted({name[len(_TYPEDEF) :] for name, _ in btf.names(Kind.TYPEDEF, _TYPEDEF)}))


def exists(btf: Btf, name: str) -> bool:
    """Whether the kernel has a tracepoint of that name, in whatever category."""
    return btf.find(_TYPEDEF + name, Kind.TYPEDEF) is not None


def event_struct(btf: Btf, name: str) -> int | None:
    """The struct of the tracepoint's context; None if its class can't be told."""
    found = candidates(btf, name)
    if len(found) == 1:
        return found[0]
    layouts = {fields_of_struct(btf, struct) for struct in found}
    return found[0] if len(layouts) == 1 else None


def candidates(btf: Btf, name: str) -> tuple[int, ...]:
    """Structs of classes that the tracepoint may belong to: of its own name, or else with its parameters."""
    if not exists(btf, name):
        return ()
    own = btf.find(_STRUCT + name, Kind.STRUCT)
    if own is not None:
        return (own,)
    wanted = _tracepoint_parameters(btf, name)
    if wanted is None:
        return ()
    found = []
    for function, type_id in btf.names(Kind.FUNC, _FUNCTION):
        if _parameters(btf, btf.type(type_id)) == wanted:
            struct = btf.find(_STRUCT + function[len(_FUNCTION) :], Kind.STRUCT)
            if struct is not None:
                found.append(struct)
    named = [struct for struct in found if btf.name(struct) in {f"{_STRUCT}{name}{end}" for end in _CLASS_ENDS}]
    return tuple(dict.fromkeys(named or found))


def _tracepoint_parameters(btf: Btf, name: str) -> tuple[int, ...] | None:
    """The types of the parameters of `btf_trace_NAME`, which is a pointer to a function."""
    typedef = btf.find(_TYPEDEF + name, Kind.TYPEDEF)
    pointer = btf.type(btf.resolve(typedef)) if typedef is not None else None
    if not isinstance(pointer, types.Pointer):
        return None
    prototype = btf.type(pointer.type_id)
    if not isinstance(prototype, types.FunctionPrototype):
        return None
    return tuple(parameter.type_id for parameter in prototype.parameters)


def _parameters(btf: Btf, function: types.BtfType) -> tuple[int, ...] | None:
    prototype = btf.type(function.type_id) if isinstance(function, types.Function) else None
    if not isinstance(prototype, types.FunctionPrototype):
        return None
    return tuple(parameter.type_id for parameter in prototype.parameters)


def fields_of_struct(btf: Btf, struct_id: int) -> tuple[TracepointField, ...]:
    """The fields of a `trace_event_raw_*` struct, without the common header and the dynamic data at the end."""
    struct = btf.type(struct_id)
    if not isinstance(struct, types.Struct):
        return ()
    fields = []
    for member in struct.members:
        if member.name and member.name not in ("ent", "__data") and not member.bit_size and member.bit_offset % 8 == 0:
            field = _field(btf, member.name, member.type_id, member.bit_offset // 8)
            if field is not None:
                fields.append(field)
    return tuple(fields)


def _field(btf: Btf, name: str, type_id: int, offset: int) -> TracepointField | None:
    target = btf.type(btf.resolve(type_id))
    match target:
        case types.Int() if name.startswith(_DATA_LOC):
            # The element's type isn't in the BTF; nearly all of them are text.
            return TracepointField(name[len(_DATA_LOC) :], offset, 4, False, "data_loc", 1, 1)
        case types.Int() | types.Enum() if target.size in (1, 2, 4, 8):
            signed = target.signed and not (isinstance(target, types.Int) and target.boolean)
            return TracepointField(name, offset, target.size, signed, "integer", 1)
        case types.Pointer():
            user = isinstance(tag := btf.type(target.type_id), types.Modifier) and tag.name == "user"
            return TracepointField(name, offset, 8, False, "user_pointer" if user else "kernel_pointer", 1)
        case types.Array():
            return _array(btf, name, target, offset)
        case types.Struct():
            return TracepointField(name, offset, 1, False, "array", target.size)
    return None


def _array(btf: Btf, name: str, array: types.Array, offset: int) -> TracepointField:
    element = btf.type(btf.resolve(array.type_id))
    size = btf.size_of(array.type_id)
    if isinstance(element, types.Int) and _is_char(btf, array.type_id):
        return TracepointField(name, offset, 1, False, "text", array.length)
    if isinstance(element, types.Int | types.Enum) and size in (1, 2, 4, 8):
        return TracepointField(name, offset, size, element.signed, "array", array.length)
    if isinstance(element, types.Pointer):
        return TracepointField(name, offset, 8, False, "array", array.length)
    return TracepointField(name, offset, 1, False, "array", size * array.length)


def _is_char(btf: Btf, type_id: int) -> bool:
    """Whether it is plain `char`, which text is made of; `u8` and `unsigned char` are numbers."""
    return btf.name(btf.resolve(type_id)) == "char"
