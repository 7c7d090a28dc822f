"""One run of a program: its ops, one after the other.

`_value`, `_effect` and `_control` are each one `match` over the ops; mypy lists what a new op is missing in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias, final

from pyebpf import layout
from pyebpf.diagnostics.base import Error, InternalError, unreachable
from pyebpf.encode import bits_unit
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef, Program
from pyebpf.ir.types import BoolType, IntType, KernelType, PointerType
from pyebpf.kernel.hooks import ContextKind
from pyebpf.simulator import dynptrs, flows, helpers, kernel_structs, ksyms, numbers, packets
from pyebpf.simulator.dynptrs import Dynptr
from pyebpf.simulator.errors import SimulationError
from pyebpf.simulator.maps import Storage
from pyebpf.simulator.memory import Handle, Memory, Named, Pointer, Word, fits, number, stored
from pyebpf.simulator.next_entry import next_entry
from pyebpf.simulator.numbers import in_type
from pyebpf.simulator.state import State
from pyebpf.simulator.surroundings import Surroundings

MOST_OPS: Final = 1 << 28
"""Programs that may run more than 1 << 27 instructions are refused; what takes longer never ends."""
Ended: TypeAlias = "ops.Break | ops.Continue | ops.Return | ops.Raise | ops.Check"
"""What ended a block before its end: a jump, the program's result, or a fault that nobody catches."""
Observer: TypeAlias = Callable[[ops.Op, Word], None]
"""Is told of every op that is run, and of its result (None for those that have none)."""


@final
class Run:
    """A program under way. `execute` runs it; afterwards `result` and `fault` tell what came of it."""

    def __init__(
        self,
        program: Program,
        state: State,
        surroundings: Surroundings,
        context: Memory,
        packet: Memory | None,
        observer: Observer | None = None,
        called_for: tuple[Memory, Memory] | None = None,
    ) -> None:
        if not 0 <= surroundings.cpu < state.cpus:
            raise SimulationError(f"cpu={surroundings.cpu}: there are {state.cpus} CPUs here, counted from 0")
        self.program = program
        self.state = state
        self.surroundings = surroundings
        self.context = context
        self.packet = packet
        self.result = program.default
        self.fault: ops.Check | ops.Raise | None = None
        self.lock: Pointer | None = None
        """The spin lock that is held."""
        self.dynptrs: dict[int, Dynptr] = {}
        """By the `id` of the memory that stands for each."""
        self.iterators: dict[int, Iterator[object]] = {}
        """What the kernel's iterators have yet to hand out, by the `id` of the memory that stands for their state."""
        self.called_for = called_for
        """Of a callback: the key and the value of its entry."""
        self.tail_calls = 0
        self._observer = observer
        self._values: dict[ops.Value, Word] = {}
        self._locals: dict[ops.Local, Word] = {}
        self._slots: dict[ops.Slot, Memory] = {}
        self.left: dict[ops.Entries, list[bytes]] = {}
        """Keys that a loop over a map has yet to come to."""
        self.entry: dict[ops.Entries, tuple[Memory, Memory]] = {}
        """Key and value where it is."""
        self._op: ops.Op | None = None
        self._count = 0

    def execute(self) -> None:
        """Run the program to its end. Raises InternalError for what the compiler promised can't happen, with the line
        of the program, and SimulationError for what the test should have supplied."""
        try:
            ended = self._whole()
            if self.called_for is not None and self.result:
                raise InternalError(f"a callback answers {self.result}")
            if self.lock is not None:
                raise InternalError("the program ends with a lock that it doesn't give back")
            if dynptrs.left_open(self):
                raise InternalError("the program ends with a dynptr that it neither submits nor gives back")
            if self.iterators:
                raise InternalError("the program ends with an iterator that it doesn't end")
            if any(ring.open for ring in self.state.rings.values()) and not isinstance(ended, ops.Raise | ops.Check):
                raise InternalError("the program ends with a ring record that it neither submits nor gives back")
            if isinstance(ended, ops.Raise | ops.Check):
                self._end_with_fault(ended)
            elif isinstance(ended, ops.Break | ops.Continue):
                raise InternalError(f"{ended.label.name} is left outside of it")
        except (SimulationError, InternalError) as error:
            raise type(error)(f"{self._place()}: {error}") from None
        except Error:
            raise
        except (AttributeError, TypeError, KeyError, ValueError, AssertionError) as error:
            raise InternalError(f"{self._place()}: {type(error).__name__}: {error}") from error

    def _whole(self) -> Ended | None:
        """The program's body, and that of each program that it goes on as."""
        while True:
            try:
                return self._block(self.program.body)
            except helpers.TailCall as jump:
                self._go_on_as(str(jump))

    def _go_on_as(self, name: str) -> None:
        """A new start: nothing but the context and the packet is the same."""
        self.tail_calls += 1
        self.program = next(program for program in self.state.module.programs if program.name == name)
        self.result = self.program.default
        self._values, self._locals, self._slots = {}, {}, {}

    def _place(self) -> str:
        span = self._op.span if self._op is not None else self.program.span
        return f"{span.source.path}:{span.line}"

    def _end_with_fault(self, op: ops.Check | ops.Raise) -> None:
        self._op = op
        for record in op.cleanup:
            self.state.discard(self._pointer(record))
        if any(ring.open for ring in self.state.rings.values()):
            raise InternalError("a fault leaves a ring record that nobody gives back")
        self.state.faults[self.program, op.fault, op.span] += 1
        self.fault = op

    # Operands

    def word(self, value: ops.Value) -> Word:
        """The value of an operand."""
        if value not in self._values and isinstance(value, ops.Const | ops.Null):
            return self._value(value)
        return self._values[value]

    def _number(self, value: ops.Value) -> int:
        found = self.word(value)
        if not isinstance(found, int):
            raise InternalError(f"{type(value).__name__} is {found}, not a number")
        return found

    def _pointer(self, value: ops.Value) -> Pointer:
        found = self.word(value)
        if not isinstance(found, Pointer):
            raise InternalError(f"the program follows {found} as a pointer ({value.type})")
        return found

    def _target(self, value: ops.Value) -> layout.Type:
        if not isinstance(value.type, PointerType):
            raise InternalError(f"access through {value.type}")
        return value.type.target

    def _packet(self) -> Memory:
        if self.packet is None:
            raise InternalError(f"{self.program.hook.name} has no packet to read in place")
        return self.packet

    # Ops

    def _block(self, block: ops.Block) -> Ended | None:
        """Run `block`; None if it runs off its end."""
        observer = self._observer
        for op in block.ops:
            self._op = op
            self._count += 1
            if self._count > MOST_OPS:
                raise InternalError(f"the program is still running after {MOST_OPS} ops")
            if isinstance(op, ops.VALUES):
                value = in_type(self._value(op), op.type, type(op).__name__)  # type: ignore[arg-type, union-attr]
                self._values[op] = value  # type: ignore[index]
                if observer is not None:
                    observer(op, value)
                continue
            if observer is not None:
                observer(op, None)
            ended = self._effect(op) if isinstance(op, ops.Effect) else self._control(op)  # type: ignore[arg-type]
            if ended is not None:
                return ended
        return None

    def _value(self, op: ops.Value) -> Word:
        match op:
            case ops.Const():
                return op.value
            case ops.Null():
                return None if isinstance(op.type, PointerType) else 0
            case ops.LocalGet():
                return self._local(op)
            case ops.Load():
                return self._load(op)
            case ops.Binary():
                exact = numbers.arithmetic(op.operator, self._number(op.left), self._number(op.right))
                return numbers.register(exact, op.type)
            case ops.Compare():
                return int(numbers.COMPARE[op.operator](self._number(op.left), self._number(op.right)))
            case ops.Not():
                return int(not self._number(op.value))
            case ops.Present():
                return int(self.word(op.pointer) not in (None, 0))
            case ops.Convert():
                return numbers.register(numbers.converted(self._number(op.value), op.target), op.type)
            case ops.BitLength():
                return self._number(op.value).bit_length()
            case ops.Prove():
                return self._proven(op)
            case ops.NotNull():
                return self.word(op.pointer)  # its type says that it isn't null
            case ops.KfuncCall():
                result = helpers.kfunc(self, op, [self.word(value) for value in op.arguments])
                return numbers.register(result, op.type) if isinstance(result, int) else result
            case ops.MapAddress():
                return Handle(op.map)
            case ops.CallbackAddress():
                return Named(op.callback)
            case ops.CallbackPart():
                if self.called_for is None:
                    raise InternalError(f"{self.program.name} runs for no entry")
                return Pointer(self.called_for[0 if op.part == "key" else 1], 0)
            case ops.EqualBytes():
                return int(self._pointer(op.address).read(len(op.data)) == op.data)
            case ops.ZeroAddress():
                return Pointer(Memory("zero", bytes(op.type.target.size), writable=False), 0)
            case ops.SlotAddress() | ops.VariableAddress() | ops.MemberAddress() | ops.ElementAddress():
                return self._address(op)
            case ops.NextEntry():
                return int(next_entry(self, op.entries))
            case ops.EntryPart():
                key, value = self.entry[op.entries]
                return Pointer(key if op.part == "key" else value, 0)
            case ops.MapLookup() | ops.MapUpdate() | ops.MapDelete() | ops.RingReserve() | ops.Call():
                return self._helper(op)
            case ops.ContextPointer() | ops.ContextLoad():
                return self._context(op)
            case ops.KernelField() | ops.KernelAddress() | ops.KernelFact() | ops.KsymAddress():
                return self._kernel(op)
            case ops.PacketData() | ops.PacketLength() | ops.PacketAdvance() | ops.PacketFits():
                return packets.value(op, self._packet(), self._pointer, self._number)
            case _:
                return unreachable(op)

    def _local(self, op: ops.LocalGet) -> Word:
        if op.local not in self._locals:
            return None if isinstance(op.local.type, PointerType) else 0
        value = self._locals[op.local]
        return numbers.register(value, op.type) if isinstance(value, int) else value

    def _proven(self, op: ops.Prove) -> Word:
        value = self.word(op.value)
        if isinstance(op.type, BoolType) and not value:
            raise InternalError("what was proven to be there is missing")
        return value

    def _load(self, op: ops.Load) -> Word:
        type = self._target(op.address)
        address = self.word(op.address)
        if isinstance(address, int):
            return kernel_structs.load(op, type, address, self.state.addresses)
        unit = bits_unit(type) if op.bits else None
        raw = number(unit or type, self._pointer(op.address).read(type.size))
        if unit is not None:
            value, sign = raw >> op.bit_offset & ((1 << op.bits) - 1), 1 << op.bits - 1 if unit.signed else 0
            return (value ^ sign) - sign
        return int(raw != 0) if isinstance(op.type, BoolType) else raw

    def _address(self, op: ops.SlotAddress | ops.VariableAddress | ops.MemberAddress | ops.ElementAddress) -> Pointer:
        match op:
            case ops.SlotAddress():
                if op.slot not in self._slots:
                    self._slots[op.slot] = Memory(op.slot.name, bytes(op.slot.type.size), defined=False)
                return Pointer(self._slots[op.slot], 0)
            case ops.VariableAddress():
                return Pointer(self.state.variables[op.variable], 0)
            case ops.MemberAddress():
                return self._pointer(op.base).plus(op.offset)
            case ops.ElementAddress():
                index = self._number(op.index)
                if not 0 <= index < op.length:
                    raise InternalError(f"the program uses index {index} of {op.length} elements, against its check")
                return self._pointer(op.base).plus(index * op.type.target.size)

    def _helper(self, op: ops.MapLookup | ops.MapUpdate | ops.MapDelete | ops.RingReserve | ops.Call) -> Word:
        cpu = self.surroundings.cpu
        match op:
            case ops.MapLookup():
                if op.map in self.state.nested:
                    return self.state.nested[op.map].lookup(self._key(op.map, op.key))
                map = self._map(op)
                found = map.lookup(self._key(op.map, op.key))
                return Pointer(map.own(found, cpu), 0) if found is not None else None
            case ops.MapUpdate():
                assert op.map.value is not None
                value = self._pointer(op.value).read(op.map.value.size)
                return self._map(op).update_from(self._key(op.map, op.key), value, op.flags, cpu)
            case ops.MapDelete():
                return self._map(op).delete(self._key(op.map, op.key))
            case ops.RingReserve():
                return self.state.rings[op.map].reserve(op.type.target.size)
            case ops.Call() if op.helper in ksyms.HELPERS and op.helper not in self.surroundings.helpers:
                return ksyms.of_cpu(self, op)
            case ops.Call():
                result = helpers.call(self, op.helper, [self.word(value) for value in op.arguments])
                return numbers.register(result, op.type) if isinstance(result, int) else result

    def _map(self, op: ops.MapLookup | ops.MapUpdate | ops.MapDelete) -> Storage:
        """The map: the module's, or one found in a map of maps."""
        if op.through is None:
            return self.state.map(op.map)
        found = self.word(op.through)
        if not (isinstance(found, Handle) and isinstance(found.held, Storage)):
            raise InternalError(f"the program uses {found} as a map")
        return found.held

    def _key(self, map: MapRef, key: ops.Value) -> bytes:
        assert map.key is not None
        return self._pointer(key).read(map.key.size)

    def _context(self, op: ops.ContextPointer | ops.ContextLoad) -> Word:
        match op:
            case ops.ContextPointer():
                return Pointer(self.context, 0)
            case ops.ContextLoad(type=KernelType()) if self.program.hook.target is None:
                return self.surroundings.socket
            case ops.ContextLoad(type=PointerType()) if self.program.hook.context is ContextKind.FLOW_PACKET:
                return Pointer(self.context, flows.AT)
            case ops.ContextLoad():
                type = layout.Integer("", op.size, isinstance(op.type, IntType) and op.type.signed)
                return number(type, self.context.read(op.offset, op.size))

    def _kernel(self, op: ops.KernelField | ops.KernelAddress | ops.KernelFact | ops.KsymAddress) -> Word:
        if isinstance(op, ops.KsymAddress):
            return ksyms.address(self, op)
        return kernel_structs.value(op, self.state.addresses, self.word, self._number)

    def _effect(self, op: ops.Effect) -> Ended | None:
        match op:
            case ops.LocalSet():
                self._locals[op.local] = self.word(op.value)  # looked at when it is read, as its type says
            case ops.Store():
                self._store(op)
            case ops.StoreBytes():
                self._pointer(op.address).write(op.data)
            case ops.Zero():
                for offset, size in op.ranges:
                    self._pointer(op.address).plus(offset).write(bytes(size))
            case ops.Copy():
                target, source = self._pointer(op.target), self._pointer(op.source)
                target.memory.copy(target.offset, source.memory, source.offset, op.size)
            case ops.AtomicAdd():
                type, place = self._target(op.address), self._pointer(op.address)
                place.write(stored(type, number(type, place.read(type.size)) + self._number(op.value)))
            case ops.ContextStore():
                self.context.write(op.offset, stored(layout.Integer("", op.size), self._number(op.value)))
            case ops.RingSubmit():
                self.state.submit(self._pointer(op.record))
            case ops.RingDiscard():
                self.state.discard(self._pointer(op.record))
            case ops.CountDropped():
                self.state.count_dropped(op.map, 1 if op.amount is None else self._number(op.amount))
            case ops.Check():
                return self._check(op)
            case ops.Entries():
                if op.map not in self.state.sent:
                    self.left[op] = list(self.state.maps[op.map].entries)
            case ops.Forget() | ops.ForgetBytes():
                pass  # only the kernel's verifier knows more than the simulator, or less
            case ops.Run():
                self._rounds(op)
            case _:
                unreachable(op)
        return None

    def _rounds(self, op: ops.Run) -> None:
        """Run a function until it answers 1, or as often as it may."""
        (function,) = (function for function in self.program.functions if function.name == op.function)
        result = self.result
        for _ in range(op.rounds):
            if op.entries is not None and not next_entry(self, op.entries):
                break
            ended = self._block(function.body)
            if not isinstance(ended, ops.Return):
                raise InternalError(f"{op.function} ends without an answer")
            if self._number(ended.value):
                break
        self.result = result

    def _store(self, op: ops.Store) -> None:
        type, place, value = self._target(op.address), self._pointer(op.address), self.word(op.value)
        if not isinstance(value, int):
            raise InternalError(f"the program stores {value}")
        if op.bits:
            mask = ((1 << op.bits) - 1) << op.bit_offset
            type = bits_unit(type) or type
            value = number(type, place.read(type.size)) & ~mask | value << op.bit_offset & mask
        elif isinstance(op.value.type, IntType | BoolType) and not fits(type, value):
            raise InternalError(f"the program stores {value} as {type}, against its proof")
        place.write(stored(type, value))

    def _check(self, op: ops.Check) -> Ended | None:
        if self._number(op.condition):
            return None
        return op if op.failing is None else self._block(op.failing)

    def _control(self, op: ops.Control) -> Ended | None:
        match op:
            case ops.If():
                return self._block(op.then if self._number(op.condition) else op.orelse)
            case ops.Loop():
                return self._loop(op)
            case ops.Scope():
                ended = self._block(op.body)
                return None if isinstance(ended, ops.Break) and ended.label is op.label else ended
            case ops.Break() | ops.Continue() | ops.Raise():
                return op
            case ops.Return():
                self.result = self._number(op.value) & 0xFFFF_FFFF
                return op
            case _:
                return unreachable(op)

    def _loop(self, op: ops.Loop) -> Ended | None:
        rounds = 0
        while True:
            # As the code counts: once more than the bound, when the loop's own test fails and its `else` runs.
            if op.bound is not None and rounds > op.bound:
                raise InternalError(f"a loop starts {rounds + 1} times, though its bound is {op.bound}")
            rounds += 1
            ended = self._block(op.body)
            if isinstance(ended, ops.Break) and ended.label is op.label:
                return None
            if ended is not None and not (isinstance(ended, ops.Continue) and ended.label is op.label):
                return ended
            ended = self._block(op.step)
            if ended is not None:
                return ended
