"""One program: its structured blocks and typed ops as an LLVM function.

Every local becomes a place on the stack first; LLVM turns those whose address stays here into registers.
"""

from __future__ import annotations

from typing import final

from pyebpf.codegen import arithmetic, kfuncs, ksyms, memory, packets
from pyebpf.codegen.debuginfo import DebugInfo
from pyebpf.codegen.ends import Ends, discard, is_counting
from pyebpf.codegen.forgetting import ZERO, forget_bytes, forget_local, is_forgetting, load_zero
from pyebpf.codegen.frames import Frames
from pyebpf.codegen.kept import kept_slot
from pyebpf.codegen.kernel_structs import KernelTypes
from pyebpf.codegen.order import computed_here
from pyebpf.codegen.registers import Label, indexes, parameters, register, section
from pyebpf.codegen.scratch import ScratchMemory
from pyebpf.codegen.sections import DROPPED, Sections
from pyebpf.codegen.text import Code, Operand, as_integer, as_pointer, constant, low_bits, quote, symbol
from pyebpf.diagnostics.base import InternalError, unreachable
from pyebpf.ir import ops
from pyebpf.ir.module import Function, KfuncType, Program, StructPointer
from pyebpf.ir.types import BoolType, IntType, NoneType, PointerType, Region, ValueType
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


def emit_program(program: Program, around: Surroundings) -> list[str]:
    """The functions of `program`, in LLVM's words."""
    lines = _Emitter(program, around).function()
    for function in program.functions:
        lines += _Emitter(program, around, function).function()
    return lines


@final
class _Emitter:
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
            self.home.name, typed, self.home.span, local=self.inside_only
        )

    def function(self) -> list[str]:
        """The whole function: body, the blocks of faults, the one way out."""
        home, code = self.home, self.code
        self.locate(home.span)
        start = code.location
        for (type, name), node in zip(self.parameters, self.parameter_nodes, strict=True):
            place = start.removeprefix(", !dbg ")  # a record has its location inside
            code.lines.append(f"  #dbg_value({type} %{name}, {node}, !DIExpression(), {place})")
        self.scratch.claim(self.home, self.around.sections)
        self.emit_block(home.body, isinstance(home, Program))
        self.locate(home.span)
        if code.open:
            self.ways.leave(str(self.program.default))
        self.ways.finish(self.address, self.scratch.give_back)
        return [f"{self.head()} !dbg {self.function_node} {{", *code.body(), "}"]

    @property
    def result(self) -> str:
        """The type of what it answers."""
        return "i64" if self.inside_only else "i32"

    def head(self) -> str:
        if isinstance(self.home, Program) and not self.inside_only:
            name, place = symbol(self.home.name), quote(section(self.home))
            return f"define dso_local i32 {name}(ptr noundef %ctx) #0 section {place}"
        given = ", ".join(f"{type} %{name}" for type, name in self.parameters)
        return f"define internal i64 {symbol(self.home.name)}({given}) #1"

    def locate(self, span: Span) -> None:
        node = self.around.debug.location(span, self.function_node, self.home.span.source)
        self.code.location = f", !dbg {node}"

    def emit_block(self, block: ops.Block, last: bool) -> None:
        """The ops of `block`. `last`: nothing but the program's end, with its default, comes after it."""
        for index, op in enumerate(block.ops):
            if not self.code.open:
                raise InternalError(f"{type(op).__name__} after the end of a block")
            self.locate(op.span)
            if ops.is_value(op):
                self.values[op] = self.anchored(op, self.value(op))
                continue
            ends = self.ends(block.ops[index + 1 :], last)
            if ends and isinstance(op, ops.CountDropped | ops.AtomicAdd) and self.count_last(op):
                return
            if isinstance(op, ops.Control):
                self.control(op, ends)
            elif isinstance(op, ops.Effect):
                self.effect(op)

    def anchored(self, op: ops.Value, operand: Operand) -> Operand:
        """`operand`, and for the index of an element a register of its own, whose origin LLVM can't see.

        LLVM would check one copy of the index and use another, narrower or shifted one; or add it to an aligned
        address by `or`, which the verifier forbids for pointers.
        """
        if op not in self.indexes or isinstance(op, ops.Const):
            return operand
        return Operand(self.code.hidden(as_integer(self.code, operand)), "i64")

    def ends(self, rest: tuple[ops.Op, ...], last: bool) -> bool:
        """Whether `rest` does nothing but end the program with its default."""
        if isinstance(self.home, Function):
            return False
        for op in rest:
            match op:
                case ops.Const():
                    continue
                case ops.Return():
                    return isinstance(op.value, ops.Const) and op.value.value == self.program.default
                case ops.Break():
                    return self.labels[op.label].last
                case _:
                    return False
        return last

    def count_last(self, op: ops.CountDropped | ops.AtomicAdd) -> bool:
        """Let the shared tail count, if that is all that is left to do."""
        if isinstance(op, ops.CountDropped):
            cell = symbol(DROPPED + op.map.name)
        elif is_counting(op):
            cell = self.address(op.address)
        else:
            return False
        self.ways.count(cell)
        return True

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

    # Effects

    def effect(self, op: ops.Effect) -> None:
        """What changes memory."""
        code = self.code
        match op:
            case ops.Store():
                self.store(op)
            case ops.StoreBytes():
                align = self.alignment(op.address)
                memory.store_bytes(code, self.address(op.address), op.data, align, self.around.big_endian)
            case ops.Zero():
                for offset, size in op.ranges:
                    memory.zero(code, self.address(op.address), offset, size, self.alignment(op.address))
            case ops.Copy():
                align = min(self.alignment(op.target), self.alignment(op.source))
                memory.copy(code, self.address(op.target), self.address(op.source), op.size, align)
            case ops.AtomicAdd():
                bits = self.target(op.address).size * 8
                value = self.ways.one if is_counting(op) else low_bits(code, self.operand(op.value), bits)
                code.do(f"atomicrmw add ptr {self.address(op.address)}, i{bits} {value} monotonic, align {bits // 8}")
            case ops.ContextStore():
                value = low_bits(code, self.operand(op.value), op.size * 8)
                place = memory.at(code, "%ctx", op.offset)
                code.do(f"store volatile i{op.size * 8} {value}, ptr {place}, align {op.size}")
            case ops.RingSubmit():
                self.call("ringbuf_submit", [f"ptr {self.address(op.record)}", "i64 0"], NoneType())
            case ops.RingDiscard():
                discard(code, self.address(op.record))
            case ops.LocalSet():
                self.set_local(op)
            case ops.Forget():
                for local in op.locals:
                    forget_local(code, self.local(local), register(local.type), self.zero)
            case ops.Check():
                self.check(op)
            case ops.ForgetBytes():
                forget_bytes(code, self.address(op.address), op.size, self.alignment(op.address), self.zero)
            case ops.Run():
                if op.call:
                    code.do(f"call i64 {symbol(op.function)}(ptr {self.frames.own})")
                    return
                over = f"i64 {op.rounds}" if op.entries is None else f"ptr {symbol(op.entries.map.name)}"
                arguments = [over, f"ptr {symbol(op.function)}", f"ptr {self.frames.own}", "i64 0"]
                self.call("loop" if op.entries is None else "for_each_map_elem", arguments, NoneType())
            case ops.Entries():
                pass  # begun by the call that goes through them
            case ops.CountDropped():
                code.do(f"atomicrmw add ptr {symbol(DROPPED + op.map.name)}, i64 {self.ways.one} monotonic, align 8")

    def store(self, op: ops.Store) -> None:
        address, type, value = self.address(op.address), self.target(op.address), self.operand(op.value)
        big_endian, align = self.around.big_endian, self.alignment(op.address)
        own = self.is_own(op.address)
        if op.bits:
            memory.store_bits(self.code, address, type, value, op.bits, op.bit_offset, big_endian, align, own)
        else:
            memory.store(self.code, address, type, value, big_endian, align, own)

    def set_local(self, op: ops.LocalSet) -> None:
        code, type, operand = self.code, register(op.local.type), self.operand(op.value)
        match type:
            case "i64":
                text = as_integer(code, operand)
                text = computed_here(code, text) if self.around.in_order else text
            case "ptr":
                text = as_pointer(code, operand)
            case _:
                text = operand.text
        code.do(f"store {type} {text}, ptr {self.local(op.local)}, align {1 if type == 'i1' else 8}")

    def check(self, op: ops.Check) -> None:
        code = self.code
        passes = code.name("passes")
        fails = code.name("fails")
        code.branch(self.operand(op.condition).text, passes, fails)
        code.start(fails)
        if op.failing is None:
            self.end_with_fault(op)
        else:
            self.emit_block(op.failing, False)
        code.start(passes)

    def end_with_fault(self, op: ops.Check | ops.Raise) -> None:
        self.ways.fault(self.around.sections.fault_offset(self.program, op), op.cleanup)

    # Control flow

    def control(self, op: ops.Control, last: bool) -> None:
        code = self.code
        match op:
            case ops.If():
                self.emit_if(op, last)
            case ops.Loop():
                self.emit_loop(op, last)
            case ops.Scope():
                after = code.name("after")
                self.labels[op.label] = Label(after, "", last)
                self.inside(op.body, after, last)
                code.start(after)
            case ops.Break():
                code.jump(self.labels[op.label].after)
            case ops.Continue():
                code.jump(self.labels[op.label].step)
            case ops.Return():
                self.ways.leave(low_bits(code, self.operand(op.value), int(self.result[1:])))
            case ops.Raise():
                self.end_with_fault(op)

    def inside(self, block: ops.Block, after: str, last: bool) -> None:
        """`block`, which goes on at `after` when it runs off its end."""
        self.emit_block(block, last)
        if self.code.open:
            self.code.jump(after)

    def emit_if(self, op: ops.If, last: bool) -> None:
        code = self.code
        then, orelse, after = code.name("then"), code.name("else"), code.name("after")
        code.branch(self.operand(op.condition).text, then, orelse if op.orelse.ops else after)
        code.start(then)
        self.inside(op.then, after, last)
        if op.orelse.ops:
            code.start(orelse)
            self.inside(op.orelse, after, last)
        code.start(after)

    def emit_loop(self, op: ops.Loop, last: bool) -> None:
        code = self.code
        body, step, after = code.name("body"), code.name("step"), code.name("after")
        self.labels[op.label] = Label(after, step, last)
        rounds = ""
        if op.guarded:
            if op.bound is None:
                raise InternalError("a guarded loop without a bound")
            rounds = code.stack("rounds", "i64", 8, "0")
            code.do(f"store i64 0, ptr {rounds}, align 8")  # a loop inside a loop starts anew
        code.jump(body)
        code.start(body)
        if rounds:
            count, inside = code.value(f"load i64, ptr {rounds}, align 8"), code.name("inside")
            # One more than the bound: the last time, the loop's own test fails, and its `else` runs.
            code.branch(code.value(f"icmp ule i64 {count}, {op.bound}"), inside, after)
            code.start(inside)
            code.do(f"store i64 {code.value(f'add i64 {count}, 1')}, ptr {rounds}, align 8")
        self.inside(op.body, step, False)
        code.start(step)
        self.inside(op.step, body, False)
        code.start(after)
