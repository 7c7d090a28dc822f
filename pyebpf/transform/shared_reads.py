"""Reads of kernel pointers that chains have in common: each is read once.

    before                                          after
    %2 = field task_struct.mm of task               %2 = field task_struct.mm of task
    call probe_read_kernel(&read, 8, %2)            call probe_read_kernel(&read, 8, %2)
    %3 = load &read                                 %3 = load &read
    … field mm_struct.start_code of %3              … field mm_struct.start_code of %3
    %9 = field task_struct.mm of task               … field mm_struct.start_brk of %3
    call probe_read_kernel(&read, 8, %9)
    %10 = load &read
    … field mm_struct.start_brk of %10

The kernel may change its memory at any time, so two reads that nothing separates may as well happen at once. What
separates them: calls that may change what is read, the rounds of a loop (a program may wait for a change), and the
bounds of a function's copy, which may become a call.

Comes in: a program at any time before its loops become functions. Goes out: the same with fewer reads. Reads whose own
failure is checked stay: only those are left out from which a chain goes on.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import Final, final

from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.rewrite import rewrite
from pyebpf.ir.types import AddressType, KernelType, PointerType, Region
from pyebpf.kernel.never_null import CURRENT

READ: Final = "probe_read_kernel"
HARMLESS: Final = frozenset(
    (
        *(READ, "probe_read_kernel_str", "probe_read_user", "probe_read_user_str"),
        *("get_current_pid_tgid", "get_current_uid_gid", "get_current_comm"),
        *("get_smp_processor_id", "ktime_get_ns", "ktime_get_boot_ns", "get_current_cgroup_id", "get_prandom_u32"),
    )
)
"""Helpers that change nothing that a chain could read."""
Key = tuple[object, ...]


def share_reads(program: Program) -> Program:
    """`program`, in which chains with the same beginning read it once."""
    if not any(isinstance(op, ops.KernelField) for op in ops.walk(program.body)):
        return program
    found = _Sharing(Counter(operand for op in ops.walk(program.body) for operand in ops.operands(op)))
    found.block(program.body, {})
    if not found.instead:
        return program

    def change(op: ops.Op) -> ops.Op | ops.Alias | None:
        if isinstance(op, ops.Load) and op in found.instead:
            return ops.Alias(found.instead[op])
        return None if op in found.needless else op

    return rewrite(program, change)


@final
@dataclass
class _Sharing:
    uses: Counter[ops.Value]
    instead: dict[ops.Load, ops.Load] = field(default_factory=dict)
    """Loads of what was read before, and where."""
    needless: set[ops.Op] = field(default_factory=set)
    keys: dict[ops.Value, Key] = field(default_factory=dict)
    """What a value is: equal for two that are the same."""
    versions: dict[ops.Local, int] = field(default_factory=dict)
    reads: dict[ops.Value, ops.Call] = field(default_factory=dict)
    """By the address that is read to."""
    fresh: count[int] = field(default_factory=count)
    stretch: int = 0
    """Changes wherever reads must not be shared across."""

    def block(self, block: ops.Block, known: dict[Key, ops.Load]) -> None:
        """`known`: the pointers that were read on the way here."""
        for op in block.ops:
            self.op(op, known)

    def op(self, op: ops.Op, known: dict[Key, ops.Load]) -> None:
        match op:
            case ops.LocalSet():
                self.versions[op.local] = next(self.fresh)
            case ops.LocalGet():
                self.keys[op] = ("local", op.local, self.versions.get(op.local, -1))
            case ops.KernelField():
                self.keys[op] = ("field", self.key(op.base), op.struct, op.path)
            case ops.Call(helper=helper, arguments=(place, ops.Const(), _)) if helper == READ:
                self.reads[place] = op
            case ops.Call(helper=helper) if helper in CURRENT:
                self.keys[op] = ("current task",)
            case ops.Call(helper=helper) if helper in HARMLESS:
                pass
            case ops.Load():
                self.load(op, known)
            case ops.Check(failing=ops.Block() as failing):
                stretch = self.stretch
                self.block(failing, dict(known))
                self.stretch = stretch  # nothing comes back from there
            case ops.If():
                self.block(op.then, dict(known))
                self.block(op.orelse, dict(known))
            case ops.Loop() | ops.Scope():
                self.inside(op)
            case ops.Call() | ops.KfuncCall() | ops.Run():
                self.separate()
            case _:
                pass

    def inside(self, op: ops.Op) -> None:
        """What stands in a loop or in a function's copy, which begin with nothing known."""
        self.separate()
        for block in ops.blocks(op):
            for inner in ops.walk(block):
                if isinstance(inner, ops.LocalSet):
                    self.versions[inner.local] = next(self.fresh)
            self.block(block, {})
        self.separate()

    def separate(self) -> None:
        self.stretch = next(self.fresh) + 1

    def key(self, value: ops.Value) -> Key:
        if isinstance(value, ops.Load) and value in self.instead:
            value = self.instead[value]
        return self.keys.get(value, ("value", value))

    def load(self, op: ops.Load, known: dict[Key, ops.Load]) -> None:
        if not isinstance(op.type, KernelType | AddressType):
            return
        call = self.reads.pop(op.address, None)
        direct = isinstance(op.address.type, PointerType) and op.address.type.region is Region.KERNEL
        if call is None and not direct:
            return
        read = self.key(call.arguments[2] if call is not None else op.address)
        key = (read, op.type, self.stretch)
        before = known.setdefault(key, op)
        if before is op:
            return
        if call is not None and (self.uses[call] or self.uses[op.address] != 2):
            return  # somebody asks whether it has failed, or looks at the memory itself
        self.instead[op] = before
        if call is not None:
            self.needless.add(call)
