"""Whether typed IR is well-formed: what codegen, and LLVM behind it, take for granted.

Whatever is wrong here is a fault of pyebpf, not of the probe: InternalError.
"""

from __future__ import annotations

from typing import Final, NoReturn, final

from pyebpf import layout
from pyebpf.diagnostics.base import InternalError, unreachable
from pyebpf.ir import ops
from pyebpf.ir.module import Embedded, MemberArray, Module, Program
from pyebpf.ir.types import (
    I64_MAX,
    I64_MIN,
    U64_MAX,
    AddressType,
    BoolType,
    IntType,
    KernelType,
    NoneType,
    PointerType,
    Region,
    ValueType,
    is_scalar,
)

_LARGEST_ZERO: Final = 16 * 1024
_MAX_ARGUMENTS: Final = 5
"""Registers r1 to r5."""
_MAX_ROUNDS: Final = 1 << 23
"""`BPF_MAX_LOOPS`."""


def validate(module: Module) -> None:
    """Raise InternalError, naming the op and its place, for IR that isn't well-formed."""
    names: set[str] = set()
    functions = [function for program in module.programs for function in program.functions]
    groups = (module.maps, module.variables, module.programs, functions)
    for name in [item.name for group in groups for item in group]:
        if name in names:
            raise InternalError(f"two things of the object are named {name}")
        names.add(name)
    for program in module.programs:
        validator = _Validator(module, program)
        for block in (program.body, *(function.body for function in program.functions)):
            validator.block(block, frozenset())


@final
class _Validator:
    def __init__(self, module: Module, program: Program) -> None:
        self.module = module
        self.program = program
        self.known: set[ops.Value] = set()
        self.order: list[ops.Value] = []
        """The known ones, as they came. A constant may come again."""
        self.done: set[ops.Op] = set()
        self.maps = set(module.maps)
        self.variables = set(module.variables)
        self.structs = {struct.name: struct for struct in module.kernel_structs}
        self.enums = {enum.name: enum for enum in module.kernel_enums}

    def fail(self, op: ops.Op, what: str) -> NoReturn:
        raise InternalError(f"{op.span}: malformed IR in {self.program.name}: {type(op).__name__}: {what}")

    def block(self, block: ops.Block, labels: frozenset[ops.Label]) -> None:
        """The ops in order; what a nested block defines is known in it alone."""
        outside = len(self.order)
        ended = False
        for op in block.ops:
            if ended:
                self.fail(op, "stands behind the end of its block")
            self.op(op, labels)
            ended = isinstance(op, ops.ENDS)
        self.known.difference_update(self.order[outside:])
        del self.order[outside:]

    def op(self, op: ops.Op, labels: frozenset[ops.Label]) -> None:
        constant = isinstance(op, ops.Const | ops.Null)
        if op in self.done and not constant:
            self.fail(op, "stands in two places")
        self.done.add(op)
        for value in ops.operands(op):
            if value not in self.known and not isinstance(value, ops.Const | ops.Null):
                self.fail(op, f"uses a {type(value).__name__} that isn't computed before it")
        if ops.is_value(op):
            self.value(op)
            self.known.add(op)
            self.order.append(op)
        elif isinstance(op, ops.Effect):
            self.effect(op)
            for block in ops.blocks(op):
                self.block(block, labels)
        elif isinstance(op, ops.Control):
            self.control(op, labels)

    # Kinds of operands

    def integer(self, op: ops.Op, value: ops.Value) -> IntType:
        if not isinstance(value.type, IntType):
            self.fail(op, f"needs an integer, not {value.type}")
        return value.type

    def truth(self, op: ops.Op, value: ops.Value) -> None:
        if not isinstance(value.type, BoolType):
            self.fail(op, f"needs a truth value, not {value.type}")

    def pointer(self, op: ops.Op, value: ops.Value, *, writable: bool = False) -> PointerType:
        """A pointer that can be followed."""
        type = value.type
        if not isinstance(type, PointerType):
            self.fail(op, f"needs a pointer, not {type}")
        if type.nullable:
            self.fail(op, f"follows {type}, which may be null")
        if writable and not type.writable:
            self.fail(op, f"writes through {type}, which is read-only")
        return type

    def range(self, op: ops.Op, type: ValueType) -> None:
        if not isinstance(type, IntType):
            return
        fits = (type.low >= 0 and type.high <= U64_MAX) or (type.low >= I64_MIN and type.high <= I64_MAX)
        if not fits or type.low > type.high:
            self.fail(op, f"no 64 bits hold {type.low} to {type.high}")

    def scalar_at(self, op: ops.Load | ops.Store) -> None:
        """Loads and stores: what lies there, and which bits of it."""
        target = self.pointer(op, op.address, writable=isinstance(op, ops.Store)).target
        if not is_scalar(target):
            self.fail(op, f"{target} doesn't fit a register")
        if op.bits and op.bits + op.bit_offset > target.size * 8:
            self.fail(op, f"{op.bits} bits at bit {op.bit_offset} aren't in {target}")

    # Ops

    def value(self, op: ops.Value) -> None:
        """Ops that compute something."""
        self.range(op, op.type)
        match op:
            case ops.Const():
                if isinstance(op.type, IntType) and not op.type.low <= op.value <= op.type.high:
                    self.fail(op, f"{op.value} isn't in {op.type}")
            case ops.Load():
                self.scalar_at(op)
            case ops.Binary():
                self.binary(op)
            case ops.Compare():
                if isinstance(op.left.type, BoolType) != isinstance(op.right.type, BoolType):
                    self.fail(op, f"compares {op.left.type} with {op.right.type}")
                if not isinstance(op.left.type, BoolType):
                    self.integer(op, op.left)
                    self.integer(op, op.right)
            case ops.Not():
                self.truth(op, op.value)
            case ops.BitLength():
                if self.integer(op, op.value).low < 0:
                    self.fail(op, "of a number that may be negative")
            case ops.Convert():
                if not isinstance(op.value.type, IntType | BoolType | KernelType | AddressType):
                    self.fail(op, f"needs a number or an address in the kernel, not {op.value.type}")
            case ops.LocalGet():
                self.same_kind(op, op.type, op.local.type)
            case ops.Prove():
                self.same_kind(op, op.type, op.value.type)
            case ops.Present():
                if not isinstance(op.pointer.type, PointerType | KernelType | AddressType):
                    self.fail(op, f"needs an address, not {op.pointer.type}")
            case ops.ZeroAddress():
                if op.type.target.size > _LARGEST_ZERO or op.type.writable:
                    self.fail(op, f"{op.type} isn't at most {_LARGEST_ZERO} bytes to be read")
            case ops.Null() | ops.SlotAddress() | ops.VariableAddress() | ops.MemberAddress() | ops.ElementAddress():
                self.address(op)
            case ops.NextEntry() | ops.EntryPart():
                self.map(op, op.entries.map)
            case ops.MapLookup() | ops.MapUpdate() | ops.MapDelete() | ops.RingReserve() | ops.Call():
                self.helper(op)
            case ops.KfuncCall() | ops.KsymAddress() | ops.MapAddress() | ops.CallbackAddress() | ops.CallbackPart():
                self.named(op)
            case ops.EqualBytes():
                self.pointer(op, op.address)
            case ops.ContextPointer() | ops.ContextLoad():
                self.context(op)
            case ops.KernelField() | ops.KernelAddress() | ops.KernelFact():
                self.kernel(op)
            case ops.PacketData() | ops.PacketLength():
                pass
            case ops.PacketAdvance() | ops.PacketFits():
                self.packet_pointer(op, op.pointer)
            case ops.NotNull():
                if not isinstance(op.pointer.type, PointerType):
                    self.fail(op, f"needs a pointer, not {op.pointer.type}")
            case _:
                unreachable(op)

    def named(
        self, op: ops.KfuncCall | ops.KsymAddress | ops.MapAddress | ops.CallbackAddress | ops.CallbackPart
    ) -> None:
        """What the object names."""
        if isinstance(op, ops.MapAddress):
            self.map(op, op.map)
        elif isinstance(op, ops.KsymAddress):
            if op.name not in [each.name for each in self.module.ksyms]:
                self.fail(op, f"{op.name} isn't the module's")
        elif isinstance(op, ops.CallbackPart):
            self.map(op, op.map)
            if self.program.callback is None or self.program.callback.map is not op.map:
                self.fail(op, f"stands outside of a callback of {op.map.name}")
        elif isinstance(op, ops.CallbackAddress):
            if op.callback not in [each.name for each in self.module.programs if each.callback is not None]:
                self.fail(op, f"names {op.callback}, which is no callback of the module")
        elif op.kfunc not in self.module.kfuncs or len(op.arguments) > _MAX_ARGUMENTS:
            self.fail(op, f"calls {op.kfunc.name}")

    def same_kind(self, op: ops.Op, one: ValueType, other: ValueType) -> None:
        kinds = KernelType | AddressType | PointerType
        if type(one) is not type(other) and not (isinstance(one, kinds) and isinstance(other, kinds)):
            self.fail(op, f"is {one} here and {other} there")

    def binary(self, op: ops.Binary) -> None:
        left, right = self.integer(op, op.left), self.integer(op, op.right)
        if op.operator in ("//", "%"):
            if isinstance(op.right, ops.Const) and op.right.value == 0:
                self.fail(op, "divides by the constant zero")
            if (left.signed and right.high > I64_MAX) or (right.signed and left.high > I64_MAX):
                self.fail(op, f"divides {left} by {right}: no 64 bits hold both")
        if op.operator in ("<<", ">>") and isinstance(op.right, ops.Const) and op.right.value < 0:
            self.fail(op, "shifts by a negative count")

    def address(
        self, op: ops.Null | ops.SlotAddress | ops.VariableAddress | ops.MemberAddress | ops.ElementAddress
    ) -> None:
        match op:
            case ops.MemberAddress():
                self.pointer(op, op.base)
                if op.offset < 0:
                    self.fail(op, f"has the negative offset {op.offset}")
            case ops.ElementAddress():
                self.pointer(op, op.base)
                self.integer(op, op.index)
            case ops.VariableAddress():
                if op.variable not in self.variables:
                    self.fail(op, f"{op.variable.name} isn't the module's")
            case ops.Null() | ops.SlotAddress():
                pass

    def helper(self, op: ops.MapLookup | ops.MapUpdate | ops.MapDelete | ops.RingReserve | ops.Call) -> None:
        if isinstance(op, ops.Call):
            if len(op.arguments) > _MAX_ARGUMENTS:
                self.fail(op, f"{op.helper} with {len(op.arguments)} arguments")
            for argument in op.arguments:
                if isinstance(argument.type, NoneType):
                    self.fail(op, f"{op.helper} with None")
            return
        if isinstance(op, ops.RingReserve) or op.through is None:
            self.map(op, op.map)
        if not isinstance(op, ops.RingReserve):
            self.pointer(op, op.key)
        if isinstance(op, ops.MapUpdate):
            self.pointer(op, op.value)

    def map(self, op: ops.Op, map: object) -> None:
        if map not in self.maps:
            self.fail(op, "uses a map that isn't the module's")

    def context(self, op: ops.ContextPointer | ops.ContextLoad | ops.ContextStore) -> None:
        if self.program.callback is not None:
            self.fail(op, "a callback has no context")
        if not isinstance(op, ops.ContextPointer) and (op.size not in (1, 2, 4, 8) or op.offset < 0):
            self.fail(op, f"goes to {op.size} bytes at {op.offset}")

    def kernel(self, op: ops.KernelField | ops.KernelAddress | ops.KernelFact) -> None:
        """The kernel's structs and enums."""
        match op:
            case ops.KernelAddress():
                self.integer(op, op.offset)
                if isinstance(op.base.type, BoolType | NoneType | PointerType):
                    self.fail(op, f"goes on from {op.base.type}")
                if isinstance(op.type, PointerType) and not isinstance(op.offset, ops.Const):
                    self.fail(op, "goes to a field of a socket that isn't always the same")
            case ops.KernelField():
                self.path(op, op.struct, op.path)
                if isinstance(op.base.type, IntType | BoolType | NoneType):
                    self.fail(op, f"follows {op.base.type}")
            case ops.KernelFact(question="enumerator exists" | "enumerator value"):
                enum = self.enums.get(op.name)
                if enum is None or op.path[:1] not in [(name,) for name, _ in enum.members]:
                    self.fail(op, f"enum {op.name} has no {op.path} in this module")
            case ops.KernelFact(question="type exists" | "type size"):
                if op.name not in self.structs:
                    self.fail(op, f"struct {op.name} isn't in this module")
            case ops.KernelFact():
                self.path(op, op.name, op.path)

    def path(self, op: ops.Op, name: str, path: tuple[str | int, ...]) -> None:
        """A member, by way of others."""
        type: object = Embedded(name)
        for step in path:
            struct = self.structs.get(type.struct) if isinstance(type, Embedded) else None
            found = struct.member(step) if struct is not None and isinstance(step, str) else None
            if isinstance(step, int) and isinstance(type, MemberArray) and step >= 0:
                type = type.element
            elif found is not None:
                type = found.type
            else:
                self.fail(op, f"struct {name} has no member {path} in this module")
        if not path:
            self.fail(op, f"names no member of struct {name}")

    def packet_pointer(self, op: ops.PacketAdvance | ops.PacketFits, value: ops.Value) -> None:
        if isinstance(op, ops.PacketAdvance):
            self.integer(op, op.amount)
        if self.pointer(op, value).region is not Region.PACKET:
            self.fail(op, f"needs a pointer into the packet, not {value.type}")

    def effect(self, op: ops.Effect) -> None:
        """Ops that change something."""
        match op:
            case ops.Forget():
                if not op.locals or not all(isinstance(local.type, IntType | BoolType) for local in op.locals):
                    self.fail(op, "forgets nothing, or what isn't a number")
            case ops.LocalSet():
                self.same_kind(op, op.value.type, op.local.type)
            case ops.Store():
                self.scalar_at(op)
                if not isinstance(op.value.type, IntType | BoolType | KernelType | AddressType):
                    self.fail(op, f"stores {op.value.type}")
            case ops.StoreBytes():
                self.pointer(op, op.address, writable=True)
            case ops.Zero():
                self.pointer(op, op.address, writable=True)
                if any(offset < 0 or size < 0 for offset, size in op.ranges):
                    self.fail(op, f"has the ranges {op.ranges}")
            case ops.Copy():
                self.pointer(op, op.target, writable=True)
                self.pointer(op, op.source)
            case ops.AtomicAdd():
                target = self.pointer(op, op.address, writable=True).target
                if not (isinstance(target, layout.Integer) and target.size in (4, 8) and not target.big_endian):
                    self.fail(op, f"adds to {target}")
                self.integer(op, op.value)
            case ops.ContextStore():
                self.context(op)
                self.integer(op, op.value)
            case ops.RingSubmit() | ops.RingDiscard():
                self.pointer(op, op.record)
            case ops.CountDropped():
                self.map(op, op.map)
                if op.amount is not None:
                    self.integer(op, op.amount)
            case ops.Entries():
                self.map(op, op.map)
            case ops.ForgetBytes():
                self.pointer(op, op.address, writable=True)
            case ops.Run():
                if op.function not in [function.name for function in self.program.functions]:
                    self.fail(op, f"runs {op.function}, which the program doesn't have")
                if not 0 < op.rounds <= _MAX_ROUNDS:
                    self.fail(op, f"runs {op.rounds} times")
            case ops.Check():
                self.truth(op, op.condition)
                ends = ops.Break | ops.Return | ops.Raise
                if op.failing is not None and not (op.failing.ops and isinstance(op.failing.ops[-1], ends)):
                    self.fail(op, "fails without going anywhere")
            case _:
                unreachable(op)

    def control(self, op: ops.Control, labels: frozenset[ops.Label]) -> None:
        """Ops that decide what comes next."""
        match op:
            case ops.If():
                self.truth(op, op.condition)
                self.block(op.then, labels)
                self.block(op.orelse, labels)
            case ops.Loop():
                if op.guarded and op.bound is None:
                    self.fail(op, "guards a bound that it doesn't have")
                self.block(op.body, labels | {op.label})
                self.block(op.step, labels | {op.label})
            case ops.Scope():
                self.block(op.body, labels | {op.label})
            case ops.Break() | ops.Continue():
                if op.label not in labels:
                    self.fail(op, f"leaves {op.label.name}, which isn't around it")
            case ops.Return():
                self.integer(op, op.value)
            case ops.Raise():
                pass
