"""One program: its structured blocks and typed ops as an LLVM function.

Every local becomes a place on the stack first; LLVM turns those whose address stays here into registers.
"""

from __future__ import annotations

from typing import final

from pyebpf.codegen import memory
from pyebpf.codegen.ends import discard, is_counting
from pyebpf.codegen.forgetting import forget_bytes, forget_local
from pyebpf.codegen.order import computed_here
from pyebpf.codegen.registers import Label, register, section
from pyebpf.codegen.sections import DROPPED
from pyebpf.codegen.text import Operand, as_integer, as_pointer, low_bits, quote, symbol
from pyebpf.codegen.values import Surroundings, Values
from pyebpf.diagnostics.base import InternalError
from pyebpf.ir import ops
from pyebpf.ir.module import Function, Program
from pyebpf.ir.types import NoneType
from pyebpf.kernel.maps import runner


def emit_program(program: Program, around: Surroundings) -> list[str]:
    """The functions of `program`, in LLVM's words."""
    lines = _Emitter(program, around).function()
    for function in program.functions:
        lines += _Emitter(program, around, function).function()
    return lines


@final
class _Emitter(Values):
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

    def head(self) -> str:
        if isinstance(self.home, Program) and not self.inside_only:
            name, place = symbol(self.home.name), quote(section(self.home))
            return f"define dso_local i32 {name}(ptr noundef %ctx) #0 section {place}"
        given = ", ".join(f"{type} %{name}" for type, name in self.parameters)
        return f"define internal i64 {symbol(self.home.name)}({given}) #1"

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
        if isinstance(op, ops.CountDropped) and op.amount is None:
            cell = symbol(DROPPED + op.map.name)
        elif isinstance(op, ops.AtomicAdd) and is_counting(op):
            cell = self.address(op.address)
        else:
            return False
        self.ways.count(cell)
        return True

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
                self.call("loop" if op.entries is None else runner(op.entries.map.type), arguments, NoneType())
            case ops.Entries():
                pass  # begun by the call that goes through them
            case ops.CountDropped():
                more = self.ways.one if op.amount is None else as_integer(code, self.operand(op.amount))
                code.do(f"atomicrmw add ptr {symbol(DROPPED + op.map.name)}, i64 {more} monotonic, align 8")

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
