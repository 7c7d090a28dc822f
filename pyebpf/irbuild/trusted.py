"""Kernel structs that the verifier trusts: the current task, and what a `with` block holds."""

from __future__ import annotations

from typing import Final, TypeGuard

from pyebpf.diagnostics import kfuncs as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import KernelType
from pyebpf.irbuild.assigned import assigned_once
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, describe
from pyebpf.kernel.helpers import helper_by_name
from pyebpf.kernel.kfuncs import STAYING, TAKE_UNDER_RCU, TRUSTED_ARGUMENTS, short_name
from pyebpf.source import Span

CURRENT: Final = ("get_current_task", "get_current_task_btf")
HOLDERS: Final = {"task_struct": "bpf_task_acquire", "cgroup": "bpf_cgroup_acquire"}
"""Kfuncs that keep a struct of which RCU alone knows."""
FOUND: Final = {
    "task_struct": "with bpf_task_from_pid(pid()) as task:",
    "cgroup": "with bpf_cgroup_from_id(cgroup_id()) as group:",
}
"""How programs come by a struct that they hold."""


def current_task(b: Builder, span: Span) -> ops.Value:
    """The running task: where every kernel that shall load the program has it as a struct that the verifier knows, it
    is that, so that its members are loaded directly; else its address alone."""
    plain, known = CURRENT
    helper = helper_by_name(known)
    assert helper is not None
    since = helper.allowed_since(b.hook.program_type, b.hook.attach_type)
    if since is not None and b.module.kernel is not None and since <= b.module.kernel:
        return b.call(known, (), KernelType("task_struct", direct=True), span)
    return b.call(plain, (), KernelType("task_struct"), span)


def is_current(value: Operand) -> bool:
    """Whether it is the running task, as a struct that the verifier knows."""
    return isinstance(value, ops.Call) and value.helper == CURRENT[1]


def note(b: Builder, name: str, local: ops.Local, value: ops.Value) -> None:
    """Remember what `name` is given, if one place assigns it: the kernel takes the name as it takes that value."""
    given, source = b.given[local], _named(b, value)
    new = given.first is value or (given.only is not None and _alike(b, given.only, source))
    given.only = source if new and assigned_once(b.frame.function, name) else None
    given.blocks = list(b.unwinding)


def _named(b: Builder, operand: ops.Value) -> ops.Value:
    """What the name that `operand` was read from was given, if that is known and the blocks are open still that were
    then."""
    given = b.given.get(operand.local) if isinstance(operand, ops.LocalGet) else None
    if given is None or given.only is None or len(given.blocks) > len(b.unwinding):
        return operand
    still = all(one is other for one, other in zip(given.blocks, b.unwinding, strict=False))
    return given.only if still else operand


def _alike(b: Builder, one: ops.Value, other: ops.Value) -> bool:
    """Whether the kernel takes both for the same reason, as it does of a line in a loop that is written out."""
    both = (one, other)
    return one is other or all(map(_is_running, both)) or all(each in b.under_rcu for each in both)


def _is_running(value: ops.Value) -> bool:
    """Whether it is the running task, in either form."""
    return isinstance(value, ops.Call) and value.helper in CURRENT


def as_address(b: Builder, value: ops.Value) -> ops.Value:
    """The running task as an address alone, where it was asked for as more than that. Others stay what they are."""
    if not is_current(value):
        return value
    b.take_back(value)
    return b.call(CURRENT[0], (), KernelType("task_struct"), value.span)


def trusted(b: Builder, structs: tuple[str, ...], operand: Operand, span: Span, *, kfunc: str = "") -> ops.Value:
    """`operand`, a kernel struct of one of the names, in a form that the kernel takes back.

    `kfunc`: who takes it, if that is one. It must surely be in use then; what an argument points to needn't be.
    """
    if not (ops.is_value(operand) and isinstance(operand.type, KernelType) and operand.type.struct in structs):
        b.error(type_errors.WrongType(span, f"struct {structs[0]}", describe(operand), ""))
    source = _named(b, operand)
    owner = _named(b, _owner(operand))
    if owner in b.trusted or (is_current(owner) and operand.type.direct):
        return operand
    if _is_running(source):
        b.take_back(operand)
        return b.call(CURRENT[1], (), operand.type, span)
    if owner in b.under_rcu:
        if kfunc and kfunc not in TAKE_UNDER_RCU:
            holder = HOLDERS.get(structs[0], "")
            cure = f"with {holder}({span.text}) as held:" if holder else ""
            b.error(errors.OnlyUnderRcu(span, span.text, short_name(kfunc) or kfunc, cure))
        if operand.type.mixed:
            b.check(b.present(operand, span), Fault.NULL_POINTER, span)
        return operand
    stays = b.kept_awake or not b.hook.sleepable  # where a program may sleep, what pointers lead to may be gone
    if operand.type.direct and (_lasts(b, source) or (not kfunc and (stays or _given(source)))):
        b.check(b.present(operand, span), Fault.NULL_POINTER, span)
        return operand
    if not kfunc and _is_part(operand) and (stays or _given(operand.base)):
        return operand
    kept = isinstance(source, ops.Load) and isinstance(source.type, KernelType) and source.type.mixed
    b.error(errors.NotHeld(span, span.text, "with rcu:" if kept and b.may_sleep else FOUND.get(structs[0], "")))


def _is_part(operand: ops.Value) -> TypeGuard[ops.KernelField]:
    """Whether it is a struct inside of one that the verifier knows: it looks up there what lies at the offset."""
    return (
        isinstance(operand, ops.KernelField) and isinstance(operand.base.type, KernelType) and operand.base.type.direct
    )


def _given(operand: ops.Value) -> bool:
    """Whether it is an argument of the program, or a member of one that stays for as long."""
    if isinstance(operand, ops.Load) and isinstance(operand.address, ops.KernelField):
        member = operand.address
        return len(member.path) == 1 and (member.struct, member.path[0]) in STAYING and _given(member.base)
    return isinstance(operand, ops.ContextLoad)


def _owner(operand: ops.Value) -> ops.Value:
    """The struct that `operand` lies in, if it is a part of another: it lasts as long."""
    while isinstance(operand, ops.KernelField) and isinstance(operand.type, KernelType) and operand.type.direct:
        operand = operand.base
    return operand


def _lasts(b: Builder, operand: ops.Value) -> bool:
    """Whether it is an argument that the verifier trusts to stay as long as the program runs."""
    return isinstance(operand, ops.ContextLoad) and b.hook.attach_type in TRUSTED_ARGUMENTS
