"""Storage of tasks: `states[current_task()]` is a value that hangs on the task, and is gone with it."""

from __future__ import annotations

from pyebpf.diagnostics import maps as errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, MapRef
from pyebpf.ir.types import I64, KernelType, PointerType, Region
from pyebpf.irbuild import memory, queues
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Place, describe
from pyebpf.source import Span

CREATE = 1
"""BPF_LOCAL_STORAGE_GET_F_CREATE."""


def task(b: Builder, map: MapRef, key: Operand, span: Span) -> ops.Value:
    """`current_task()` as the kernel trusts it: the same task, by another helper (5.11)."""
    if not (ops.is_value(key) and key.type == KernelType("task_struct")):
        b.error(errors.KeyType(span, map.name, "a task", describe(key), f"{map.name}[current_task()]"))
    if key in b.trusted:
        return key
    if not (isinstance(key, ops.Call) and key.helper == "get_current_task"):
        b.error(errors.NotTrusted(span, map.name))
    b.take_back(key)
    return b.call("get_current_task_btf", (), KernelType("task_struct"), span)


def find(b: Builder, map: MapRef, key: Operand, span: Span) -> ops.Value:
    """The address of the task's value, or null."""
    return _get(b, map, task(b, map, key, span), b.const(0, span), 0, span)


def _get(b: Builder, map: MapRef, owner: ops.Value, first: ops.Value, flags: int, span: Span) -> ops.Value:
    assert map.value is not None
    type = PointerType(map.value, Region.MAP, nullable=True)
    return b.call("task_storage_get", (queues.address(b, map, span), owner, first, b.const(flags, span)), type, span)


def made(b: Builder, map: MapRef, key: Operand, first: ops.Value | None, span: Span) -> ops.Value:
    """The address of the task's value, which is made of `first` (zeros if None) if there was none."""
    owner = task(b, map, key, span)
    found = _get(b, map, owner, b.const(0, span) if first is None else first, CREATE, span)
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
    arguments = (queues.address(b, map, span), task(b, map, key, key_span))
    result = b.call("task_storage_delete", arguments, I64, span)
    b.check(b.compare("==", result, b.const(0, span), span), Fault.KEY, span)


def setdefault(
    b: Builder, map: MapRef, key: tuple[Operand, Span], value: tuple[Operand, Span], span: Span
) -> ops.Value:
    """`states.setdefault(current_task(), State())`: the task's value, which is the given one if it had none."""
    assert map.value is not None
    data = memory.materialize(b, "value", map.value, *value)
    return memory.load(b, made(b, map, key[0], data, key[1]), map.value, span)
