"""The builder: where ops go, what is open around them, and what is known about local variables on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from pyebpf import layout
from pyebpf.diagnostics.base import Diagnostic, Sink
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, MapRef, Obligation
from pyebpf.ir.types import BOOL, I64, I64_MAX, U64, AddressType, IntType, KernelType, PointerType, Region, ValueType
from pyebpf.irbuild import pages
from pyebpf.irbuild.open_blocks import Given, Handler, Held, Open, Reservation, Sending
from pyebpf.source import Span

if TYPE_CHECKING:
    from pyebpf.irbuild.bindings import Frame
    from pyebpf.irbuild.module_state import ModuleState
    from pyebpf.irbuild.operands import Closure
    from pyebpf.kernel.arguments import Signature
    from pyebpf.kernel.hooks import Hook
    from pyebpf.lang.maps import Map
    from pyebpf.lang.probes import HelperFunction
    from pyebpf.syntax import tree

LOOP = "loop"
"""The name of labels of loops."""
AnyOp = TypeVar("AnyOp", bound=ops.Op)


class Abandon(Exception):
    """A statement can't be lowered; its diagnostic is in the sink already."""


class Retype(Exception):
    """A local needs another type than it was given; the program is lowered again with it."""


@dataclass(frozen=True)
class Later:
    """A callback that is still to be lowered."""

    name: str
    callee: HelperFunction | Closure
    function: tree.Function
    map: MapRef
    work: bool = False  # a work queue calls it, not a timer


@dataclass
class Builder:
    """State of lowering one program."""

    module: ModuleState
    sink: Sink
    hook: Hook
    argument: str
    default: int
    retyped: dict[tuple[int, str], object]
    """Types that earlier attempts found locals to need, by frame number and name."""
    frame: Frame = field(init=False)
    probe: tree.Function = field(init=False)
    inline: Callable[..., Any] = field(init=False)
    """Lowers the call of a @function: `functions.inline`, which knows statements."""
    call_operand: Callable[..., Any] = field(init=False)
    """Lowers any call: `invoke.call`, which knows expressions, as expressions know calls."""
    print_call: Callable[..., None] = field(init=False)
    assign_to: Callable[..., None] = field(init=False)
    """Assigns an operand to any target: `assignments.assign_to`, which knows places."""
    frames: int = 0
    looked: int = 0
    """Calls that were lowered only to look for mistakes."""
    labels: list[ops.Label] = field(default_factory=list)
    unwinding: list[Open] = field(default_factory=list)
    """What must be done on the way out of open blocks, outermost first."""
    handlers: list[Handler] = field(default_factory=list)
    """Who catches faults, outermost first."""
    breaks: dict[ops.Label, list[frozenset[str]]] = field(default_factory=dict)
    """What was assigned at each jump out of a label."""
    continues: dict[ops.Label, list[frozenset[str]]] = field(default_factory=dict)
    """The same, at each Continue."""
    assigned: frozenset[str] = frozenset()
    reachable: bool = True
    copies: int = 1
    """How often what is lowered now is written out, in loops that are."""
    spare: dict[layout.Type, list[ops.Slot]] = field(default_factory=dict)
    """Stack memory for keys, values and other things of the moment."""
    busy: dict[layout.Type, int] = field(default_factory=dict)
    """How many of each, from the first on, the statements being lowered still need."""
    characters: set[ops.Value] = field(default_factory=set)
    """Addresses of texts that are one character."""
    inner_maps: dict[int, tuple[Map, MapRef]] = field(default_factory=dict)
    """Maps found in maps of maps, by the `id` of what stands for them."""
    inner_places: dict[MapRef, ops.Local] = field(default_factory=dict)
    """Where their addresses are."""
    constants: dict[tuple[layout.Type, bytes], ops.Slot] = field(default_factory=dict)
    """Stack memory for constant structs: what is there never changes, so each has one place."""
    trusted: set[ops.Value] = field(default_factory=set)
    """Kernel pointers that the kernel takes back: what `with` blocks hold."""
    iterated: set[ops.Value] = field(default_factory=set)
    """Structs that iterators have handed out, which are gone with the next one."""
    under_rcu: set[ops.Value] = field(default_factory=set)
    """Those that only RCU keeps, which some kfuncs take all the same."""
    surely_there: set[ops.Value] = field(default_factory=set)
    """Addresses of kernel structs that are in use, so that reading them can't fail."""
    answers: dict[ops.Value, bool] = field(default_factory=dict)
    """Questions about the kernel that the program runs on, and their answers on the one that is compiled for."""
    elsewhere: bool = False
    """Whether what is lowered now is only reached on kernels that answer otherwise."""
    wanted: dict[str, object] = field(default_factory=dict)
    """Types that annotations declare for members of kernel structs, for those of other kernels."""
    cursor: ops.Local | None = None
    """Packets: the pointer that `parse` moves on, or where packets are copied, nothing."""
    offset: ops.Local | None = None
    """Packets: where the cursor stands, in bytes from the start."""
    parsed_in_loop: bool = False
    """Packets: whether a loop has moved the cursor."""
    signature: Signature | None = None
    """What the hook's target takes and gives, where the probe's parameters are its arguments."""
    marker: tuple[ops.Value, set[int]] | None = None
    """USDT: the record that says where arguments are, once one is asked for, and those asked for."""
    owner: str = ""
    """The program's name; of a callback, that of the program it is a part of."""
    name: str = ""
    """Its own: of a callback, not the owner's."""
    called_for: MapRef | None = None
    """Of a callback: the map whose timers call it."""
    later: dict[tuple[int, int, MapRef, bool], Later] = field(default_factory=dict)
    """The callbacks of the program, by the `id` of their functions, and of the frames that they see."""
    given: dict[ops.Local, Given] = field(default_factory=dict)
    """What locals for kernel pointers were given."""
    references: dict[ops.Local, list[ops.Value]] = field(default_factory=dict)
    """What each local was given so far that refers to memory."""
    kept_awake: int = 0
    """How many blocks are open in which nothing may sleep."""
    _ops: list[ops.Op] = field(default_factory=list)
    _names: int = 0

    def emit(self, op: AnyOp) -> AnyOp:
        """Append `op`; what can't be reached is dropped."""
        if self.reachable:
            self._ops.append(op)
            if isinstance(op, ops.LocalSet) and isinstance(op.local.type, PointerType):
                self.references.setdefault(op.local, []).append(op.value)
            if isinstance(op, ops.ENDS):
                self.reachable = False
        return op

    def error(self, diagnostic: Diagnostic) -> NoReturn:
        """Report a mistake and give up on the statement."""
        self.sink.add(diagnostic)
        raise Abandon

    @contextmanager
    def block(self, begun: list[ops.Op] | None = None) -> Iterator[list[ops.Op]]:
        """Collect the ops of a nested block, a new one or one that was `begun` before; reachability and assignments
        are the caller's to merge."""
        outer, self._ops = self._ops, [] if begun is None else begun
        try:
            yield self._ops
        finally:
            self._ops = outer

    def append(self, block: list[ops.Op]) -> None:
        """Ops that were collected as a block of their own, without the block around them."""
        self._ops += block

    def take_back(self, op: ops.Op) -> None:
        """Remove `op` again, if it was the last that was emitted."""
        if self._ops and self._ops[-1] is op:
            self._ops.pop()

    def splice(self, ops: list[ops.Op]) -> None:
        """Append what was collected in a block that turned out to be none."""
        self._ops.extend(ops)

    @property
    def may_sleep(self) -> bool:
        """Whether what is lowered now may wait: for memory that isn't there yet, say."""
        return self.hook.sleepable and not self.kept_awake

    @property
    def in_loop(self) -> bool:
        """Whether what is lowered now can run several times."""
        return any(label.name == LOOP for label in self.labels)

    # Small values

    def const(self, value: int, span: Span) -> ops.Const:
        """An integer constant whose type is its own value."""
        return self.emit(ops.Const(value, IntType(value, value), span))

    def truth(self, value: bool, span: Span) -> ops.Const:
        return self.emit(ops.Const(int(value), BOOL, span))

    def local(self, name: str, type: ValueType, span: Span) -> ops.Local:
        """A new local; `name` is for readers of the IR."""
        return ops.Local(name, type, span)

    def get(self, local: ops.Local, span: Span) -> ops.LocalGet:
        return self.emit(ops.LocalGet(local, local.type, span))

    def set(self, local: ops.Local, value: ops.Value, span: Span) -> None:
        self.emit(ops.LocalSet(local, value, span))

    def slot(self, name: str, type: layout.Type, span: Span) -> ops.SlotAddress:
        """Memory on the stack, undefined yet, and its address."""
        slot = ops.Slot(name, type, span)
        return self.emit(ops.SlotAddress(slot, PointerType(type, Region.STACK), span))

    def scratch(self, name: str, type: layout.Type, span: Span) -> ops.SlotAddress:
        """Memory on the stack that only the present statement needs; later ones use it again."""
        slots, busy = self.spare.setdefault(type, []), self.busy.get(type, 0)
        if busy == len(slots):
            slots.append(ops.Slot(name, type, span))
        free = slots[busy]
        self.busy[type] = busy + 1
        return self.emit(ops.SlotAddress(free, PointerType(type, Region.STACK), span))

    def zero(self, address: ops.Value, size: int, span: Span) -> None:
        self.emit(ops.Zero(address, ((0, size),), span))

    def member(self, base: ops.Value, offset: int, type: layout.Type, span: Span) -> ops.MemberAddress:
        """The address `offset` bytes into what `base` points to."""
        pointer = base.type
        assert isinstance(pointer, PointerType)
        target = PointerType(type, pointer.region, writable=pointer.writable)
        return self.emit(ops.MemberAddress(base, offset, target, span))

    def compare(self, operator: ops.Comparison, left: ops.Value, right: ops.Value, span: Span) -> ops.Value:
        """Compare two numbers, or two truth values; constants fold."""
        if isinstance(left, ops.Const) and isinstance(right, ops.Const):
            return self.truth(_COMPARE[operator](left.value, right.value), span)
        return self.emit(ops.Compare(operator, left, right, BOOL, span))

    def negate(self, value: ops.Value, span: Span) -> ops.Value:
        if isinstance(value, ops.Const):
            return self.truth(not value.value, span)
        opposite = self.emit(ops.Not(value, BOOL, span))
        if value in self.answers:
            self.answers[opposite] = not self.answers[value]
        return opposite

    def through(self, map: MapRef, span: Span) -> ops.Value | None:
        """The address of a map that was found in a map of maps; None for the module's own."""
        place = self.inner_places.get(map)
        return None if place is None else self.get(place, span)

    def present(self, pointer: ops.Value, span: Span) -> ops.Value:
        return self.emit(ops.Present(pointer, BOOL, span))

    def not_null(self, pointer: ops.Value, span: Span) -> ops.Value:
        """`pointer` after a Check or a branch has made sure that it isn't null."""
        type = pointer.type
        assert isinstance(type, PointerType)
        return self.emit(ops.NotNull(pointer, PointerType(type.target, type.region, False, type.writable), span))

    @property
    def reservations(self) -> list[Reservation]:
        """The open reservations, outermost first."""
        return [open for open in self.unwinding if isinstance(open, Reservation)]

    def check(self, condition: ops.Value, fault: Fault, span: Span) -> None:
        """Fault unless `condition`; open reservations are given back."""
        failing: ops.Block | None = None
        cleanup: tuple[ops.Value, ...] = ()
        handler = self._handler(fault)
        if handler is None and not self._holds:
            cleanup = tuple(reservation.record for reservation in self.reservations)
        else:
            alive = self.reachable
            with self.block() as jump:
                self.raise_(fault, span)
            self.reachable = alive
            failing = ops.Block(tuple(jump))
        self.emit(ops.Check(condition, fault, cleanup, span, failing))

    def raise_(self, fault: Fault, span: Span) -> None:
        """Fault in any case."""
        handler = self._handler(fault)
        if handler is None:
            for held in reversed(self._holds):
                held.fail()
            self.emit(ops.Raise(fault, tuple(reservation.record for reservation in self.reservations), span))
        else:
            self._jump_to(handler, fault, span)

    @property
    def _holds(self) -> list[Held]:
        return [open for open in self.unwinding if isinstance(open, Held)]

    def _handler(self, fault: Fault) -> Handler | None:
        return next((handler for handler in reversed(self.handlers) if fault in handler.catches), None)

    def _jump_to(self, handler: Handler, fault: Fault, span: Span) -> None:
        for open in reversed(self.unwinding):
            if open.label_depth <= handler.label_depth:
                continue
            if isinstance(open, Reservation):
                self.emit(ops.RingDiscard(open.record, span))
            elif isinstance(open, Held):
                open.fail()
        if handler.pending is not None:
            if (fault, span) not in handler.sites:
                handler.sites.append((fault, span))
            self.set(handler.pending, self.const(handler.sites.index((fault, span)), span), span)
        self.leave(handler.label, span, handler.frame)

    def prove(self, value: ops.Value, type: IntType, obligation: Obligation, span: Span) -> ops.Value:
        """`value` as `type`, to be proven unless its own type says so already."""
        if isinstance(value.type, IntType) and type.low <= value.type.low and value.type.high <= type.high:
            return value
        return self.emit(ops.Prove(value, type, obligation, span))

    def unsigned(self, value: ops.Value, span: Span) -> ops.Value:
        """`value`, which must not be negative."""
        assert isinstance(value.type, IntType)
        if value.type.low >= 0:
            return value
        return self.prove(value, IntType(0, I64_MAX), Obligation.NOT_NEGATIVE, span)

    def call(
        self, helper: str, arguments: tuple[ops.Value, ...], type: ValueType, span: Span, writes: int = 0
    ) -> ops.Call:
        return self.emit(ops.Call(helper, arguments, type, span, writes))

    def read_text(
        self,
        space: Literal["user", "kernel"],
        at: ops.Value,
        size: int,
        source: ops.Value,
        span: Span,
        most: int | None = None,
    ) -> ops.Value:
        """Copy text to `at`, where there are `size` bytes, cut off to `most` of them with its NUL; its length with its
        NUL, or -errno.

        The helper leaves the bytes behind the text's end as they were; they are part of keys and values.
        """
        self.zero(at, size, span)
        if space == "user" and self.may_sleep:
            pages.fetch(self, at, size, source, span)
        return self.call(f"probe_read_{space}_str", (at, self.const(most or size, span), source), I64, span)

    # Control flow

    def if_(
        self,
        condition: ops.Value,
        then: Callable[[], None],
        orelse: Callable[[], None] | None,
        span: Span,
        last: Callable[[int], None] | None = None,
    ) -> None:
        """Both ways, and what is assigned after either. A constant condition leaves one.

        `last(0)` and `last(1)` end the two ways once both are lowered, for what each does may depend on the other.
        """
        if isinstance(condition, ops.Const):
            chosen = then if condition.value else orelse
            if chosen is not None:
                chosen()
            return
        before, alive, elsewhere = self.assigned, self.reachable, self.elsewhere
        answer = self.answers.get(condition)
        ways: list[tuple[list[ops.Op], frozenset[str], bool]] = []
        for lower, truth in ((then, True), (orelse, False)):
            self.assigned, self.reachable = before, alive
            self.elsewhere = elsewhere or (answer is not None and answer is not truth)
            with self.block() as body:
                if lower is not None:
                    lower()
            ways.append((body, self.assigned, self.reachable))
        # Behind `if hasattr(…): return …` as well: the way that is gone here went there.
        self.elsewhere = elsewhere or (answer is not None and not ways[0 if answer else 1][2])
        if last is not None:
            for number, (body, _, open_end) in enumerate(ways):
                self.reachable = open_end
                with self.block(body):
                    last(number)
        self.reachable = alive
        self.emit(ops.If(condition, ops.Block(tuple(ways[0][0])), ops.Block(tuple(ways[1][0])), span))
        open_ends = [assigned for _, assigned, open_end in ways if open_end]
        self.reachable = bool(open_ends) and alive
        self.assigned = frozenset.intersection(*open_ends) if open_ends else before

    def jump_out(self, label: ops.Label, frame: Frame | None = None) -> None:
        """What a Break to `label` carries: its assignments, and reservations that it submits. `frame`: the function
        that the label is in, if that may be one around this."""
        if self.reachable:
            assigned = self.assigned if frame is None or frame is self.frame else frame.known
            self.breaks.setdefault(label, []).append(assigned)

    def leave(self, label: ops.Label, span: Span, frame: Frame | None = None) -> None:
        """Jump behind `label`."""
        self.jump_out(label, frame)
        self.emit(ops.Break(label, span))

    def unwind(self, depth: int, span: Span) -> None:
        """Leave the blocks opened since `depth` labels were open, innermost first: submit events, run `finally`."""
        whole = self.unwinding
        try:
            for number in reversed(range(len(whole))):
                if whole[number].label_depth <= depth:
                    break
                self.unwinding = whole[:number]
                open = whole[number]
                if isinstance(open, Reservation):
                    self.emit(ops.RingSubmit(open.record, span))
                elif isinstance(open, Held | Sending):
                    open.release()
                elif self.reachable:
                    open.run()
        finally:
            self.unwinding = whole

    def choose(
        self, condition: ops.Value, type: ValueType, then: ops.Value, orelse: ops.Value, span: Span
    ) -> ops.Value:
        """`then` if `condition` else `orelse`, both computed already."""
        result = self.local("chosen", type, span)
        self.set(result, orelse, span)
        self.if_(condition, lambda: self.set(result, then, span), None, span)
        return self.get(result, span)


_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def storage(type: ValueType) -> ValueType:
    """The type of a local that first holds a value of `type`: all of i64 or u64 for integers."""
    if isinstance(type, IntType):
        wide = U64 if type.high > I64_MAX else I64
        return IntType(wide.low, wide.high, type.shown_as)
    return type


def is_address(type: ValueType) -> bool:
    return isinstance(type, KernelType | AddressType)
