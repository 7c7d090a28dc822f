"""Storage on the kernel's objects: `states[current_task()]` is a value that hangs on the task, and is gone with it."""

from __future__ import annotations

from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import maps as errors
from pyebpf.diagnostics import timers
from pyebpf.diagnostics.base import article
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, MapRef, StructPointer
from pyebpf.ir.types import I64, KernelType, PointerType, Region
from pyebpf.irbuild import kernel_types, memory, queues
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Place, describe
from pyebpf.kernel.contexts import socket_of
from pyebpf.kernel.hooks import decorators
from pyebpf.kernel.sockets import SOCKET
from pyebpf.kernel.storage import STORAGES, StorageKind, storage_by_name
from pyebpf.source import Span

CREATE: Final = 1
"""BPF_LOCAL_STORAGE_GET_F_CREATE."""
KINDS: Final = tuple(kind.name for kind in STORAGES)


def kind_of(map: MapRef) -> StorageKind:
    kind = storage_by_name(map.kind)
    assert kind is not None
    return kind


def owner(b: Builder, map: MapRef, key: Operand, span: Span) -> ops.Value:
    """What the value hangs on, as a pointer that the kernel trusts."""
    kind = kind_of(map)
    if not kind.get.allows(b.hook.program_type, b.hook.attach_type):
        _not_here(b, map, kind, span)
    if not (ops.is_value(key) and isinstance(key.type, KernelType) and key.type.struct == kind.struct):
        b.error(errors.KeyType(span, map.name, article(kind.what), describe(key), f"{map.name}[{kind.key}]"))
    if key in b.trusted or key.type.direct:  # the helpers take null for nothing
        return key
    if not (isinstance(key, ops.Call) and key.helper == "get_current_task"):
        b.error(errors.NotTrusted(span, map.name, kind.what, kind.key))
    b.take_back(key)  # the same task by another helper (5.11), which the kernel trusts
    return b.call("get_current_task_btf", (), KernelType("task_struct"), span)


def _not_here(b: Builder, map: MapRef, kind: StorageKind, span: Span) -> None:
    hooks = decorators(kind.hooks())
    hint = f"{' or '.join(hooks)} can"
    b.error(timers.NoStorageHere(span, b.hook.name, f"the {kind.name} `{map.name}`", kind.elsewhere, hint))


def current_cgroup(b: Builder, span: Span) -> ops.Value:
    """The task's cgroup of version 2, by way of members that the verifier lets programs read directly (6.2)."""
    task = b.call("get_current_task_btf", (), KernelType("task_struct"), span)
    group = _member(b, _member(b, task, "task_struct", "cgroups", span), "css_set", "dfl_cgrp", span)
    b.trusted.add(group)
    b.surely_there.add(group)
    return group


def _member(b: Builder, base: ops.Value, struct: str, name: str, span: Span) -> ops.Value:
    """A pointer in a kernel struct that the verifier knows."""
    type = kernel_types.member(b, struct, name, span)
    assert isinstance(type, StructPointer)
    place = PointerType(layout.U64, Region.CONTEXT, writable=False)
    return b.emit(ops.Load(b.emit(ops.KernelField(base, struct, (name,), place, span)), KernelType(type.struct), span))


def socket(b: Builder, span: Span, name_span: Span) -> ops.Value:
    """`packet.socket`, `ctx.socket`: the whole socket (5.1), not one that is still being made; NullPointerError if
    there is none."""
    kind = storage_by_name("SkStorage")
    assert kind is not None
    place = socket_of(b.hook)
    if place is None:
        hooks = decorators(hook for hook in kind.hooks() if socket_of(hook) is not None)
        b.error(timers.NoSocket(name_span, b.hook.name, kind.elsewhere, f"{' or '.join(hooks)} can ask for it"))
    found: ops.Value = b.emit(ops.ContextLoad(place.offset, 8, KernelType(SOCKET), span))
    if place.may_be_null:
        b.check(b.present(found, span), Fault.NULL_POINTER, span)
    if place.ask:
        found = b.call("sk_fullsock", (found,), KernelType(SOCKET), span)
        b.check(b.present(found, span), Fault.NULL_POINTER, span)
    b.trusted.add(found)
    if not place.may_be_null:
        b.surely_there.add(found)
    return found


def find(b: Builder, map: MapRef, key: Operand, span: Span) -> ops.Value:
    """The address of the object's value, or null."""
    return _get(b, map, owner(b, map, key, span), b.const(0, span), 0, span)


def _get(b: Builder, map: MapRef, owner: ops.Value, first: ops.Value, flags: int, span: Span) -> ops.Value:
    assert map.value is not None
    type = PointerType(map.value, Region.MAP, nullable=True)
    arguments = (queues.address(b, map, span), owner, first, b.const(flags, span))
    return b.call(kind_of(map).get.name, arguments, type, span)


def made(b: Builder, map: MapRef, key: Operand, first: ops.Value | None, span: Span) -> ops.Value:
    """The address of the object's value, which is made of `first` (zeros if None) if there was none."""
    on = owner(b, map, key, span)
    found = _get(b, map, on, b.const(0, span) if first is None else first, CREATE, span)
    b.check(b.present(found, span), Fault.MEMORY, span)
    return b.not_null(found, span)


def assign(b: Builder, map: MapRef, key: Operand, value: Operand, spans: tuple[Span, Span, Span]) -> None:
    """`states[current_task()] = value`."""
    span, key_span, value_span = spans
    assert map.value is not None
    data = memory.materialize(b, "value", map.value, value, value_span)
    address = made(b, map, key, data, key_span)
    stored = memory.load(b, data, map.value, span)
    memory.store(b, Place(address, map.value, span.text, span), stored, value_span)


def delete(b: Builder, map: MapRef, key: Operand, span: Span, key_span: Span) -> None:
    """`del states[current_task()]`: KeyError when there is none."""
    arguments = (queues.address(b, map, span), owner(b, map, key, key_span))
    result = b.call(kind_of(map).delete.name, arguments, I64, span)
    b.check(b.compare("==", result, b.const(0, span), span), Fault.KEY, span)


def setdefault(
    b: Builder, map: MapRef, key: tuple[Operand, Span], value: tuple[Operand, Span], span: Span
) -> ops.Value:
    """`states.setdefault(current_task(), State())`: the object's value, which is the given one if it had none."""
    assert map.value is not None
    data = memory.materialize(b, "value", map.value, *value)
    return memory.load(b, made(b, map, key[0], data, key[1]), map.value, span)


def created(b: Builder, map: MapRef, key: tuple[Operand, Span], span: Span) -> ops.Value:
    """`states.get(current_task(), create=True)`: the object's value, which is zeros if it had none; MemoryError when
    the kernel has no memory for it."""
    assert map.value is not None
    return memory.load(b, made(b, map, key[0], None, key[1]), map.value, span)
