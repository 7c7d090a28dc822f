"""Typed IR as text, for golden tests and `pyebpf compile --emit ir`.

    on_syscall(ctx): tracepoint raw_syscalls:sys_enter, default 0
      %0 = slot key
      %1 = call get_current_comm(%0, 16)
      %2 = lookup counts[%0]
      check present %2 else KeyError
      return 0

Constants, and truth values that are used once, stand where they are used; everything else has a number.
"""

from __future__ import annotations

from typing import final

from pyebpf.diagnostics.base import unreachable
from pyebpf.ir import ops
from pyebpf.ir.module import KernelStruct, MapRef, Module, Program
from pyebpf.ir.types import AddressType, IntType, KernelType, PointerType, ValueType
from pyebpf.kernel.maps import runner

_INDENT = "  "
_MAX_BYTES = 40
_NAMES = (
    ops.Const,
    ops.Null,
    ops.SlotAddress,
    ops.VariableAddress,
    ops.ZeroAddress,
    ops.ContextPointer,
    ops.MapAddress,
    ops.CallbackAddress,
)
"""Values that stand where they are used, however often."""


def print_module(module: Module) -> str:
    """All of a module."""
    lines = [_map(map) for map in module.maps]
    for variable in module.variables:
        lines.append(f"{variable.kind.lower()} {variable.name}: {variable.type} = {_bytes(variable.initial)}")
    lines += [_struct(struct) for struct in module.kernel_structs]
    parts = ["\n".join(lines)] if lines else []
    parts += [print_program(program) for program in module.programs]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def print_program(program: Program) -> str:
    """One program."""
    argument = f" {program.argument}" if program.argument else ""
    head = f"{program.name}({program.parameter}): {program.hook.name}{argument}, default {program.default}"
    if program.callback is not None:
        head = f"{program.name}({program.parameter}): callback of {program.callback.map.name}'s timers"
    printer = _Printer(program)
    printer.block(program.body, 1)
    for function in program.functions:
        shared = ", ".join(printer.name(thing) for thing in function.around.shared)
        printer.lines.append(f"function {function.name}({shared}):")
        printer.block(function.body, 1)
    return "\n".join([head, *printer.lines]) + "\n"


def _map(map: MapRef) -> str:
    key, value = (f"{type}" if type else "" for type in (map.key, map.value))
    types = ", ".join(part for part in (key, value) if part)
    flags = f", flags {map.flags:#x}" if map.flags else ""
    return f"map {map.name}: {map.kind}[{types}], max_entries {map.max_entries}{flags}"


def _struct(struct: KernelStruct) -> str:
    members = ", ".join(f"{member.name} at {member.offset}" for member in struct.members)
    return f"kernel {'union' if struct.is_union else 'struct'} {struct.name}: {members}"


def _bytes(data: bytes) -> str:
    trimmed = data.rstrip(b"\0")
    if not trimmed:
        return "0"
    shown = trimmed[:_MAX_BYTES].decode("latin-1").encode("unicode_escape").decode()
    return f'b"{shown}{"…" if len(trimmed) > _MAX_BYTES else ""}"'


@final
class _Printer:
    def __init__(self, program: Program) -> None:
        self.lines: list[str] = []
        self.shown: dict[ops.Value, str] = {}
        self.names: dict[object, str] = {}
        self.taken: set[str] = set()
        self.uses: dict[ops.Value, int] = {}
        for block in (program.body, *(function.body for function in program.functions)):
            self._count(block)
        self.numbers = 0

    def _count(self, block: ops.Block) -> None:
        for op in block.ops:
            for value in ops.operands(op):
                self.uses[value] = self.uses.get(value, 0) + 1
            for inner in ops.blocks(op):
                self._count(inner)

    def name(self, thing: ops.Local | ops.Slot | ops.Label) -> str:
        """Its name; with a number behind it when another has the same."""
        if thing not in self.names:
            name, number = thing.name, 1
            while name in self.taken:
                number += 1
                name = f"{thing.name}.{number}"
            self.taken.add(name)
            self.names[thing] = name
        return self.names[thing]

    def of(self, value: ops.Value) -> str:
        """`value` where it is used."""
        if value in self.shown:
            return self.shown[value]
        match value:
            case ops.Const():
                return self.text(value)
            case ops.Null():
                return "null"
            case _:
                return "%?"

    def condition(self, value: ops.Value) -> str:
        """As `of`; nothing stands beside it that would need the parentheses."""
        text = self.of(value)
        return text[1:-1] if text.startswith("(") else text

    def block(self, block: ops.Block, depth: int) -> None:
        for op in block.ops:
            if ops.is_value(op):
                self.value(op, depth)
            elif isinstance(op, ops.Effect):
                self.lines.append(_INDENT * depth + self.effect(op))
                if isinstance(op, ops.Check) and op.failing is not None:
                    self.nested(op.failing, depth)
            elif isinstance(op, ops.Control):
                self.control(op, depth)

    def value(self, op: ops.Value, depth: int) -> None:
        text = self.text(op)
        inline = isinstance(op, ops.Compare | ops.Not | ops.Present | ops.PacketFits | ops.EqualBytes)
        if isinstance(op, _NAMES):
            self.shown[op] = text
        elif inline and self.uses.get(op) == 1:
            self.shown[op] = text if isinstance(op, ops.Present | ops.Not) else f"({text})"
        elif not self.uses.get(op) and isinstance(op, ops.Call | ops.MapUpdate | ops.MapDelete):
            self.lines.append(_INDENT * depth + text)
        else:
            self.shown[op] = f"%{self.numbers}"
            self.numbers += 1
            self.lines.append(f"{_INDENT * depth}{self.shown[op]} = {text}{_type(op.type)}")

    def text(self, op: ops.Value) -> str:
        """What `op` computes."""
        match op:
            case ops.Const():
                return str(op.value) if isinstance(op.type, IntType) else "true" if op.value else "false"
            case ops.Null():
                return "null"
            case ops.LocalGet():
                return self.name(op.local)
            case ops.SlotAddress():
                return f"&{self.name(op.slot)}"
            case ops.VariableAddress():
                return f"&{op.variable.name}"
            case ops.ZeroAddress():
                return "&zero"
            case ops.MemberAddress():
                return f"{self.of(op.base)} + {op.offset}"
            case ops.ElementAddress():
                return f"{self.of(op.base)}[{self.of(op.index)}] of {op.length}"
            case ops.Load():
                bits = f" bits {op.bit_offset}..{op.bit_offset + op.bits}" if op.bits else ""
                return f"load {self.of(op.address)}{bits}"
            case ops.Binary() | ops.Compare():
                return f"{self.of(op.left)} {op.operator} {self.of(op.right)}"
            case ops.Not():
                return f"not {self.of(op.value)}"
            case ops.Present():
                return f"present {self.of(op.pointer)}"
            case ops.Convert():
                return f"{op.target}({self.of(op.value)})"
            case ops.BitLength():
                return f"bit_length {self.of(op.value)}"
            case ops.Prove():
                return f"prove {self.of(op.value)} {op.obligation.value}"
            case ops.NotNull():
                return f"not_null {self.of(op.pointer)}"
            case ops.KfuncCall():
                return f"call {op.kfunc.name}({', '.join(self.of(value) for value in op.arguments)})"
            case ops.MapAddress():
                return op.map.name
            case ops.KsymAddress():
                return f"&{op.name} of the kernel"
            case ops.CallbackAddress():
                return op.callback
            case ops.EqualBytes():
                return f"{self.of(op.address)} == {_bytes(op.data)} ({len(op.data)} bytes)"
            case _:
                return self.kernel_text(op)

    def kernel_text(
        self,
        op: ops.NextEntry
        | ops.EntryPart
        | ops.CallbackPart
        | ops.MapLookup
        | ops.MapUpdate
        | ops.MapDelete
        | ops.RingReserve
        | ops.Call
        | ops.ContextPointer
        | ops.ContextLoad
        | ops.KernelField
        | ops.KernelAddress
        | ops.KernelFact
        | ops.PacketData
        | ops.PacketLength
        | ops.PacketAdvance
        | ops.PacketFits,
    ) -> str:
        """Values that come from the kernel."""
        match op:
            case ops.NextEntry():
                return f"next entry of {op.entries.map.name}"
            case ops.EntryPart():
                return f"{op.part} of {op.entries.map.name}"
            case ops.CallbackPart():
                return f"{op.part} of the entry of {op.map.name}"
            case ops.MapLookup():
                return f"lookup {self.map(op)}[{self.of(op.key)}]"
            case ops.MapUpdate():
                how = {0: "", 1: " if missing", 2: " if there"}.get(op.flags, f" flags {op.flags}")
                return f"update {self.map(op)}[{self.of(op.key)}] = {self.of(op.value)}{how}"
            case ops.MapDelete():
                return f"delete {self.map(op)}[{self.of(op.key)}]"
            case ops.RingReserve():
                return f"reserve {op.map.name}"
            case ops.Call():
                return f"call {op.helper}({', '.join(self.of(value) for value in op.arguments)})"
            case ops.ContextPointer():
                return "ctx"
            case ops.ContextLoad():
                return f"load ctx + {op.offset} ({op.size} bytes)"
            case ops.KernelField():
                return f"field {path_text(op.struct, op.path)} of {self.of(op.base)}"
            case ops.KernelAddress():
                return f"{self.of(op.base)} + {self.of(op.offset)} bytes"
            case ops.KernelFact():
                return f"{op.question} {path_text(op.name, op.path)}"
            case ops.PacketData():
                return "packet"
            case ops.PacketLength():
                return "packet length"
            case ops.PacketAdvance():
                return f"advance {self.of(op.pointer)} by {self.of(op.amount)}"
            case ops.PacketFits():
                return f"{self.of(op.pointer)} has {op.size} bytes"
            case _:
                return unreachable(op)

    def map(self, op: ops.MapLookup | ops.MapUpdate | ops.MapDelete) -> str:
        return op.map.name if op.through is None else f"{op.map.name} at {self.of(op.through)} "

    def effect(self, op: ops.Effect) -> str:
        match op:
            case ops.Forget():
                return f"forget {', '.join(self.name(local) for local in op.locals)}"
            case ops.LocalSet():
                return f"{self.name(op.local)} = {self.of(op.value)}"
            case ops.Store():
                bits = f" bits {op.bit_offset}..{op.bit_offset + op.bits}" if op.bits else ""
                target = op.address.type.target if isinstance(op.address.type, PointerType) else "?"
                return f"store {self.of(op.address)}{bits}, {self.of(op.value)} as {target}"
            case ops.StoreBytes():
                return f"store {self.of(op.address)}, {_bytes(op.data)} ({len(op.data)} bytes)"
            case ops.Zero():
                ranges = ", ".join(f"{offset}..{offset + size}" for offset, size in op.ranges)
                return f"zero {self.of(op.address)} {ranges}"
            case ops.Copy():
                return f"copy {self.of(op.target)}, {self.of(op.source)}, {op.size} bytes"
            case ops.AtomicAdd():
                return f"atomic_add {self.of(op.address)}, {self.of(op.value)}"
            case ops.ContextStore():
                return f"store ctx + {op.offset}, {self.of(op.value)} ({op.size} bytes)"
            case ops.RingSubmit():
                return f"submit {self.of(op.record)}"
            case ops.RingDiscard():
                return f"discard {self.of(op.record)}"
            case ops.CountDropped():
                return f"count_dropped {op.map.name}" + (f", {self.of(op.amount)}" if op.amount is not None else "")
            case ops.Entries():
                return f"entries of {op.map.name}"
            case ops.ForgetBytes():
                return f"forget {self.of(op.address)} ({op.size} bytes)"
            case ops.Run():
                if op.call:
                    return f"call {op.function}"
                if op.entries is not None:
                    over = op.entries.map
                    return f"run {op.function} for each entry of {over.name} (bpf_{runner(over.type)})"
                return f"run {op.function} at most {op.rounds} times (bpf_loop)"
            case ops.Check():
                outcome = ":" if op.failing is not None else self.discarding(op)
                return f"check {self.condition(op.condition)} else {op.fault.value}{outcome}"
            case _:
                return unreachable(op)

    def discarding(self, op: ops.Check | ops.Raise) -> str:
        return f", discarding {', '.join(self.of(record) for record in op.cleanup)}" if op.cleanup else ""

    def control(self, op: ops.Control, depth: int) -> None:
        indent = _INDENT * depth
        match op:
            case ops.If():
                self.lines.append(f"{indent}if {self.condition(op.condition)}:")
                self.nested(op.then, depth)
                if op.orelse.ops:
                    self.lines.append(f"{indent}else:")
                    self.nested(op.orelse, depth)
            case ops.Loop():
                self.lines.append(f"{indent}loop {self.name(op.label)}{self.counting(op)} ({_bound(op)}):")
                self.nested(op.body, depth)
                if op.step.ops:
                    self.lines.append(f"{indent}step:")
                    self.nested(op.step, depth)
            case ops.Scope():
                rounds = f" ({op.rounds} rounds)" if op.rounds else ""
                self.lines.append(f"{indent}scope {self.name(op.label)}{rounds}:")
                self.nested(op.body, depth)
            case ops.Break():
                self.lines.append(f"{indent}break {self.name(op.label)}")
            case ops.Continue():
                self.lines.append(f"{indent}continue {self.name(op.label)}")
            case ops.Return():
                self.lines.append(f"{indent}return {self.of(op.value)}")
            case ops.Raise():
                self.lines.append(f"{indent}raise {op.fault.value}{self.discarding(op)}")

    def counting(self, op: ops.Loop) -> str:
        if op.counting is None:
            return ""
        step = f" by {op.counting.step}" if op.counting.step != 1 else ""
        start, stop = self.of(op.counting.start), self.of(op.counting.stop)
        return f" {self.name(op.counting.counter)} in {start}..{stop}{step}"

    def nested(self, block: ops.Block, depth: int) -> None:
        before = len(self.lines)
        self.block(block, depth + 1)
        if len(self.lines) == before:
            self.lines.append(_INDENT * (depth + 1) + "pass")


def _bound(op: ops.Loop) -> str:
    if op.is_endless:
        return "an iterator"
    if op.bound is None:
        return "no bound"
    return f"bound {op.bound}, guarded" if op.guarded else f"bound {op.bound}"


def path_text(name: str, path: tuple[str | int, ...]) -> str:
    """`sock.__sk_common.skc_family`, `pid.numbers[0].nr`."""
    return name + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def _type(type: ValueType) -> str:
    """The type, where the op doesn't say it already."""
    match type:
        case IntType() | PointerType() | KernelType() | AddressType():
            return f": {type}"
        case _:
            return ""
