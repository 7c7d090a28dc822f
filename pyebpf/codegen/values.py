"""Values as LLVM has them: numbers and addresses that ops compute, the locals and the memory that they are in."""

from __future__ import annotations

from typing import final

from pyebpf.codegen import arithmetic, kfuncs, ksyms, memory, packets
from pyebpf.codegen.debuginfo import DebugInfo
from pyebpf.codegen.ends import Ends
from pyebpf.codegen.forgetting import ZERO, is_forgetting, load_zero
from pyebpf.codegen.frames import Frames
from pyebpf.codegen.kept import kept_slot
from pyebpf.codegen.kernel_structs import KernelTypes
from pyebpf.codegen.registers import Label, indexes, parameters, register
from pyebpf.codegen.scratch import ScratchMemory
from pyebpf.codegen.sections import ARENA_START, Sections
from pyebpf.codegen.text import Code, Operand, as_integer, as_pointer, constant, symbol
from pyebpf.diagnostics.base import InternalError, unreachable
from pyebpf.ir import ops
from pyebpf.ir.module import Function, KfuncType, Program, StructPointer
from pyebpf.ir.types import BoolType, IntType, PointerType, Region, ValueType
from pyebpf.kernel.contexts import context_of
from pyebpf.kernel.helpers import helper_by_name
from pyebpf.layout import Boolean, Integer, Type
from pyebpf.records import dataclass
from pyebpf.source import Span

CONTEXT = "ctx"
"""The name of what a program gets that names none of it: the kernel takes no nameless parameter."""


@final
@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a program needs to know of its module."""

    sections: Sections
    debug: DebugInfo
    kernel: KernelTypes
    big_endian: bool
    in_order: bool
    """Whether a local's number is computed where it is set (see `order`)."""


class Values:
    """One function while it is written: what its ops have computed so far."""

    def __init__(self, program: Program, around: Surroundings, function: Function | None = None) -> None:
        self.program = program
        self.home = function or program
        """What is written: one of the program's functions, or the program itself."""
        self.inside_only = function is not None or program.callback is not None
        """Whether it is a function of the object's own, and no program."""
        self.around = around
        self.code = Code()
        self.values: dict[ops.Value, Operand] = {}
        self.locals: dict[ops.Local, str] = {}
        self.slots: dict[ops.Slot, str] = {}
        self.kept = kept_slot(self.home.body)
        self.passed = ""
        """The register that has the address of `kept`."""
        self.labels: dict[ops.Label, Label] = {}
        self.zero = load_zero(self.code) if function and any(map(is_forgetting, ops.walk(function.body))) else ""
        self.indexes = frozenset(indexes(self.home.body))
        self.ways = Ends(self.code, self.home.body, self.result, program.default)
        around_it = self.home.around if isinstance(self.home, Function) else None
        self.frames = Frames(self.code, self.home.frame, around_it)
        self.scratch = ScratchMemory(self.code, program, self.frames)
        self.alignment = memory.alignments(program.body, *(each.body for each in program.functions))
        self.parameters = parameters(self.home)
        names = [name for _, name in self.parameters] if self.inside_only else [program.parameter or CONTEXT]
        typed = [(name, type) for name, (type, _) in zip(names, self.parameters, strict=True)]
        self.function_node, self.parameter_nodes = around.debug.function(
            self.home.name, typed, self.home.span, local=self.inside_only, context=self.context_struct
        )

    @property
    def context_struct(self) -> str:
        """The name of the struct that the program is given, where it is one of `kernel.contexts`."""
        found = context_of(self.program.hook) if not self.inside_only else None
        return found.name if found is not None and self.program.callback is None else ""

    @property
    def result(self) -> str:
        """The type of what it answers."""
        return "i64" if self.inside_only else "i32"

    def locate(self, span: Span) -> None:
        node = self.around.debug.location(span, self.function_node, self.home.span.source)
        self.code.location = f", !dbg {node}"

    # Operands

    def operand(self, value: ops.Value) -> Operand:
        if isinstance(value, ops.Const | ops.Null) and value not in self.values:
            self.values[value] = self.value(value)
        return self.values[value]

    def integer(self, value: ops.Value) -> str:
        return as_integer(self.code, self.operand(value))

    def address(self, value: ops.Value) -> str:
        return as_pointer(self.code, self.operand(value))

    def target(self, value: ops.Value) -> Type:
        if not isinstance(value.type, PointerType):
            raise InternalError(f"access through {value.type}")
        return value.type.target

    def local(self, local: ops.Local) -> str:
        if local not in self.locals and (place := self.frames.place(local)):
            self.locals[local] = place
        elif local not in self.locals:
            type = register(local.type)
            zero = {"i64": "0", "i1": "false", "ptr": "null"}[type]
            self.locals[local] = self.code.stack("local", type, 1 if type == "i1" else 8, zero)
        return self.locals[local]

    def slot(self, slot: ops.Slot) -> str:
        if self.scratch.has(slot):
            return self.scratch.place(slot)
        if slot not in self.slots:
            place = self.frames.place(slot)
            if not place:
                place = self.code.stack("slot", f"[{slot.type.size} x i8]", memory.slot_align(slot))
                if slot is self.kept:
                    self.passed = f"%{self.code.name('kept')}"
                    self.code.entry.append(f'  {self.passed} = call ptr asm "", "=r,0"(ptr {place})')
            self.slots[slot] = place
        return self.slots[slot]

    def given(self, value: ops.Value) -> str:
        """An address that is passed to a helper: from its register, if it stays in one."""
        address = self.address(value)
        stays = isinstance(value, ops.SlotAddress) and value.slot is self.kept
        return self.passed if stays and self.passed else address

    # Values

    def value(self, op: ops.Value) -> Operand:
        """The instructions that compute `op`."""
        code = self.code
        match op:
            case ops.Const():
                if isinstance(op.type, BoolType):
                    return Operand("true" if op.value else "false", "i1")
                return Operand(constant(op.value), "i64")
            case ops.LocalGet():
                type = register(op.type)
                align = 1 if type == "i1" else 8
                return Operand(code.value(f"load {type}, ptr {self.local(op.local)}, align {align}"), type)
            case ops.Load():
                return self.load(op)
            case ops.Binary():
                return arithmetic.binary(code, op, self.operand(op.left), self.operand(op.right))
            case ops.Compare():
                return arithmetic.compare(code, op, self.operand(op.left), self.operand(op.right))
            case ops.Not(value=ops.Present(pointer=pointer)):
                # A test of its own: LLVM puts those again where they are used, but keeps what is made of them, on the
                # stack if need be, where older verifiers forget it.
                return Operand(code.value(f"icmp eq ptr {self.address(pointer)}, null"), "i1")
            case ops.Not():
                return Operand(code.value(f"xor i1 {self.operand(op.value).text}, true"), "i1")
            case ops.Present():
                return Operand(code.value(f"icmp ne ptr {self.address(op.pointer)}, null"), "i1")
            case ops.Convert():
                return arithmetic.convert(code, self.operand(op.value), op.value.type, op.target)
            case ops.BitLength():
                return arithmetic.bit_length(code, self.operand(op.value), op.value.type)
            case ops.Prove():
                return self.operand(op.value)
            case ops.NotNull():
                return self.operand(op.pointer)
            case ops.EqualBytes():
                equal = memory.equal(
                    code,
                    self.address(op.address),
                    op.data,
                    self.alignment(op.address),
                    self.around.big_endian,
                )
                return Operand(equal, "i1")
            case ops.KfuncCall() | ops.KsymAddress():
                return self.kfunc(op) if isinstance(op, ops.KfuncCall) else ksyms.address(code, op)
            case ops.Null() | ops.SlotAddress() | ops.VariableAddress() | ops.MemberAddress() | ops.ElementAddress():
                return Operand(self.place(op), "ptr")
            case ops.MapAddress() | ops.ZeroAddress() | ops.CallbackAddress() | ops.EntryPart() | ops.CallbackPart():
                return Operand(self.named(op), "ptr")
            case ops.NextEntry():
                raise InternalError("a loop over a map's entries that isn't a function")
            case ops.MapLookup() | ops.MapUpdate() | ops.MapDelete() | ops.RingReserve() | ops.Call():
                return self.helper(op)
            case ops.ContextPointer() | ops.ContextLoad() | ops.KernelField() | ops.KernelAddress() | ops.KernelFact():
                return self.context(op)
            case ops.PacketData() | ops.PacketLength() | ops.PacketAdvance() | ops.PacketFits():
                return self.packet(op)
            case _:
                return unreachable(op)

    def load(self, op: ops.Load) -> Operand:
        address, type = self.address(op.address), self.target(op.address)
        big_endian, align = self.around.big_endian, self.alignment(op.address)
        own = self.is_own(op.address)
        if op.bits:
            return memory.load_bits(self.code, address, type, op.bits, op.bit_offset, big_endian, align, own)
        return memory.load(self.code, address, type, op.type, big_endian, align, own)

    @staticmethod
    def is_own(address: ops.Value) -> bool:
        """Whether each access there must stay an instruction of its own: see `memory.load`."""
        return isinstance(address.type, PointerType) and address.type.region in (Region.CONTEXT, Region.KERNEL)

    def place(
        self, op: ops.Null | ops.SlotAddress | ops.VariableAddress | ops.MemberAddress | ops.ElementAddress
    ) -> str:
        """An address."""
        code = self.code
        match op:
            case ops.Null():
                return "null"
            case ops.SlotAddress():
                return self.slot(op.slot)
            case ops.VariableAddress(variable=variable) if variable.kind == "Arena":
                start = code.value(f"addrspacecast ptr addrspace(1) @{ARENA_START} to ptr")
                return memory.at(code, start, self.around.sections.cell(variable.name).offset)
            case ops.VariableAddress():
                return symbol(op.variable.name)
            case ops.MemberAddress():
                return memory.at(code, self.address(op.base), op.offset)
            case ops.ElementAddress():
                size = op.type.target.size
                if isinstance(op.index, ops.Const):
                    return memory.at(code, self.address(op.base), op.index.value * size)
                offset = memory.scaled(code, self.integer(op.index), size, hidden=op.type.region is Region.STACK)
                return code.value(f"getelementptr i8, ptr {self.address(op.base)}, i64 {offset}")

    def named(
        self, op: ops.MapAddress | ops.ZeroAddress | ops.CallbackAddress | ops.EntryPart | ops.CallbackPart
    ) -> str:
        """An address that has a name: of the object's, or among what a function is given."""
        match op:
            case ops.MapAddress():
                return symbol(op.map.name)
            case ops.ZeroAddress():
                return symbol(ZERO)
            case ops.CallbackAddress():
                return symbol(op.callback)
            case ops.EntryPart() | ops.CallbackPart():
                return f"%{op.part}"

    def helper(self, op: ops.MapLookup | ops.MapUpdate | ops.MapDelete | ops.RingReserve | ops.Call) -> Operand:
        """A call into the kernel."""
        match op:
            case ops.MapLookup():
                arguments = [self.map(op), f"ptr {self.given(op.key)}"]
                return self.call("map_lookup_elem", arguments, op.type)
            case ops.MapUpdate():
                key, value = self.given(op.key), self.given(op.value)
                arguments = [self.map(op), f"ptr {key}", f"ptr {value}", f"i64 {op.flags}"]
                return self.call("map_update_elem", arguments, op.type)
            case ops.MapDelete():
                arguments = [self.map(op), f"ptr {self.given(op.key)}"]
                return self.call("map_delete_elem", arguments, op.type)
            case ops.RingReserve():
                arguments = [f"ptr {symbol(op.map.name)}", f"i64 {op.type.target.size}", "i64 0"]
                return self.call("ringbuf_reserve", arguments, op.type)
            case ops.Call():
                return self.call(op.helper, [self.argument(value) for value in op.arguments], op.type)

    def map(self, op: ops.MapLookup | ops.MapUpdate | ops.MapDelete) -> str:
        """The map as an argument: one of the module's, or one found in a map of maps."""
        return f"ptr {symbol(op.map.name) if op.through is None else self.address(op.through)}"

    def kfunc(self, op: ops.KfuncCall) -> Operand:
        """A call by name: the loader puts the function's number there."""
        given = zip(op.arguments, op.kfunc.parameters, strict=True)
        arguments = ", ".join(self.kfunc_argument(value, type) for value, type in given)
        kind = kfuncs.register(op.kfunc.result)
        callee = f"call {kind} {symbol(op.kfunc.name)}({arguments})"
        if kind == "void":
            self.code.do(callee)
            return Operand("0", "i64")
        text = self.code.value(callee)
        match op.kfunc.result:
            case Boolean():
                return Operand(self.code.value(f"icmp ne i8 {text}, 0"), "i1")
            case Integer() as type:
                return memory.extend(self.code, text, type.size * 8, type.signed)
            case _:
                return Operand(text, "ptr")

    def kfunc_argument(self, value: ops.Value, type: KfuncType) -> str:
        """As it is declared: an address may be known as a number only."""
        operand = self.operand(value)
        if isinstance(type, StructPointer) and operand.type == "i64":
            return f"ptr {as_pointer(self.code, operand)}"
        return self.argument(value)

    def argument(self, value: ops.Value) -> str:
        operand = self.operand(value)
        if operand.type == "i1":
            return f"i64 {as_integer(self.code, operand)}"
        return f"{operand.type} {self.given(value) if operand.type == 'ptr' else operand.text}"

    def call(self, helper: str, arguments: list[str], type: ValueType) -> Operand:
        row = helper_by_name(helper)
        if row is None:
            raise InternalError(f"no helper is named {helper}")
        callee = f"inttoptr (i64 {row.id} to ptr)({', '.join(arguments)})"
        kind = register(type)
        if kind == "i1":
            return Operand(self.code.value(f"icmp ne i64 {self.code.value(f'call i64 {callee}')}, 0"), "i1")
        return Operand(self.code.value(f"call {kind} {callee}"), kind)

    def context(
        self, op: ops.ContextPointer | ops.ContextLoad | ops.KernelField | ops.KernelAddress | ops.KernelFact
    ) -> Operand:
        """The context, and what the kernel's types describe."""
        code = self.code
        match op:
            case ops.ContextPointer():
                return Operand("%ctx", "ptr")
            case ops.ContextLoad():
                address = memory.at(code, "%ctx", op.offset)
                kind = "ptr" if op.size == 8 and register(op.type) == "ptr" else f"i{op.size * 8}"
                text = code.value(f"load volatile {kind}, ptr {address}, align {op.size}")  # see memory.load
                if kind == "ptr":
                    return Operand(text, "ptr")
                value = memory.extend(code, text, op.size * 8, isinstance(op.type, IntType) and op.type.signed)
                return Operand(as_pointer(code, value), "ptr") if register(op.type) == "ptr" else value
            case ops.KernelField():
                return Operand(self.around.kernel.field(self.code, op.struct, op.path, self.address(op.base)), "ptr")
            case ops.KernelAddress(offset=ops.Const(value=0)):
                return Operand(self.address(op.base), "ptr")
            case ops.KernelAddress():
                base, offset = self.address(op.base), self.integer(op.offset)
                return Operand(self.code.value(f"getelementptr i8, ptr {base}, i64 {offset}"), "ptr")
            case ops.KernelFact():
                return Operand(self.around.kernel.fact(self.code, op), "i64")

    def packet(self, op: ops.PacketData | ops.PacketLength | ops.PacketAdvance | ops.PacketFits) -> Operand:
        """The packet, between `data` and `data_end`."""
        kind = self.program.hook.context
        match op:
            case ops.PacketData():
                return packets.data(self.code, kind)
            case ops.PacketLength():
                return packets.length(self.code, kind)
            case ops.PacketAdvance():
                amount = str(op.amount.value) if isinstance(op.amount, ops.Const) else self.integer(op.amount)
                return packets.advance(self.code, self.address(op.pointer), amount, op.amount.type)
            case ops.PacketFits():
                return packets.fits(self.code, kind, self.address(op.pointer), op.size)
