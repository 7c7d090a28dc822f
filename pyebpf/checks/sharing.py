"""Where a copy can be told from the object that Python would share.

    outer.inner = point         # Python: two names of one object; here its bytes are copied
    point.x = 5                 # one side changes
    if outer.inner.x == 5:      # the other is looked at: it would have changed as well

As long as nobody can tell, the copy is as good. Maps, Globals and events are looked at by others, later.
The other way round, a name that refers to a part of something has another object once that part is assigned anew:

    inner = outer.inner
    outer.inner = Inner(x=1)
    return inner.x              # Python: the old one's

Comes in: a program as the IR builder made it. Goes out: diagnostics.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Final, final

from pyebpf import layout
from pyebpf.checks.extents import Entry, Extent, Key, Keys, contains, may_meet, of, part_of, surely_holds
from pyebpf.checks.pairs import Copying, Pair, Stale, State, extents, join, pairs_of, through, unsettle, written
from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.sharing import CopyChanged, Replaced
from pyebpf.ir import ops
from pyebpf.ir.module import Program, VariableRef
from pyebpf.ir.types import PointerType
from pyebpf.records import dataclass
from pyebpf.source import Span

MOST_PAIRS: Final = 400
"""Copies that are followed at a time."""
IN_PLACE: Final = ("Array", "PerCpuArray")
"""Maps whose entries are always in the same memory."""
READ: Final = ("probe_read_user_str", "probe_read_kernel_str", "probe_read_user", "probe_read_kernel")
"""Helpers that write where their first argument leads, besides those that say so."""


def shared(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for every change that one side of a copy sees, and the other, which is looked at later, doesn't."""
    if not any(_shares(op) for op in ops.walk(program.body)):
        return
    analysis = _Analysis(_constants(program.body))
    end = analysis.block(program.body, State())
    if end is not None:
        analysis.end(end)
    seen: set[tuple[Span, Span]] = set()
    for (by, writer), reader in analysis.found.items():
        if (by.span, writer.span) not in seen:
            seen.add((by.span, writer.span))
            yield CopyChanged(writer.span, by.span, reader.span if reader is not None else None, _of_items(by))
    for local, (get, by_) in analysis.replaced.items():
        assert isinstance(local.type, PointerType)
        yield Replaced(get.span, local.name, str(local.type.target), by_.span)


def _shares(op: ops.Op) -> bool:
    if isinstance(op, ops.MapUpdate | ops.MapDelete):
        return isinstance(op.map.value, layout.Struct | layout.Array)
    if isinstance(op, ops.Call):
        return op.helper == "map_push_elem"
    return isinstance(op, ops.Copy) and bool(op.shares)


def _of_items(op: Copying) -> bool:
    """Whether it copies a list of objects, which a copy of the list would still share."""
    match op:
        case ops.MapUpdate():
            pointer = op.value.type
        case ops.Copy():
            pointer = op.target.type
        case ops.Call():
            pointer = op.arguments[1].type
    type = pointer.target if isinstance(pointer, PointerType) else None
    return isinstance(type, layout.Array) and isinstance(type.element, layout.Struct | layout.Array)


def _constants(block: ops.Block) -> frozenset[ops.Slot]:
    """Memory of structs that the module made: nothing in it changes, and every run finds them again."""
    found = (op for op in ops.walk(block) if isinstance(op, ops.MemberAddress) and not op.type.writable)
    return frozenset(op.base.slot for op in found if isinstance(op.base, ops.SlotAddress))


@final
@dataclass
class _Analysis:
    constants: frozenset[ops.Slot]
    found: dict[tuple[Copying, ops.Op], ops.Op | None] = field(default_factory=dict)
    """Which copy what change didn't reach, and who looked; None for those who come after the program."""
    replaced: dict[ops.Local, tuple[ops.LocalGet, ops.Op]] = field(default_factory=dict)
    addresses: dict[ops.Value, frozenset[Extent]] = field(default_factory=dict)
    """Where addresses lead that were computed last."""
    values: dict[ops.Value, Keys] = field(default_factory=dict)
    """What numbers are that were computed last."""
    users: dict[ops.Local, set[ops.Value]] = field(default_factory=dict)
    """Which of both are told by what a local holds."""
    heads: dict[ops.Loop, State] = field(default_factory=dict)
    leaves: dict[ops.Label, State | None] = field(default_factory=dict)
    repeats: dict[ops.Label, State | None] = field(default_factory=dict)

    def block(self, block: ops.Block, state: State | None) -> State | None:
        """What is known after `block`; None where its end can't be reached."""
        for op in block.ops:
            if state is None:
                return None
            state = self.op(op, state)
        return state

    def op(self, op: ops.Op, state: State) -> State | None:
        match op:
            case ops.If():
                return join(self.block(op.then, state.copy()), self.block(op.orelse, state.copy()))
            case ops.Check():
                if op.failing is not None:
                    self.block(op.failing, state.copy())
                return state
            case ops.Scope():
                self.leaves[op.label] = None
                end = self.block(op.body, state)
                return join(end, self.leaves.pop(op.label))
            case ops.Loop():
                return self.loop(op, state)
            case ops.Break():
                self.leaves[op.label] = join(self.leaves.get(op.label), state)
                return None
            case ops.Continue():
                self.repeats[op.label] = join(self.repeats.get(op.label), state)
                return None
            case ops.Return():
                self.end(state)
                return None
            case ops.Raise():
                return None
        self.effect(op, state)
        return state

    def loop(self, op: ops.Loop, state: State) -> State | None:
        # What was found at its head when an outer loop went round before will be found again.
        head = join(state, self.heads.get(op))
        while True:
            assert head is not None
            self.leaves[op.label], self.repeats[op.label] = None, None
            end = join(self.block(op.body, head.copy()), self.repeats.pop(op.label))
            back = self.block(op.step, end) if end is not None else None
            left = self.leaves.pop(op.label)
            merged = join(head.copy(), back)
            if merged == head:
                self.heads[op] = head
                return left
            head = merged

    # What each op does to memory

    def effect(self, op: ops.Op, state: State) -> None:
        match op:
            case ops.LocalSet():
                self.assign(op, state)
            case ops.LocalGet() if op.local in state.gone:
                self.replaced.setdefault(op.local, (op, state.gone[op.local]))
            case ops.Store():
                self.write(op, op.address, state)
                if isinstance(op.address, ops.SlotAddress):
                    keys = self.values.get(op.value, frozenset())
                    state.keys[op.address.slot] = next(iter(keys)) if len(keys) == 1 else None
            case ops.StoreBytes() | ops.AtomicAdd():
                if not (isinstance(op.address, ops.SlotAddress) and op.address.slot in self.constants):
                    self.write(op, op.address, state)
            case ops.Zero():
                if isinstance(op.address, ops.SlotAddress):
                    self.made_anew(Extent(op.address.slot, op.address.slot.type), state)
                else:
                    self.write(op, op.address, state)
            case ops.RingReserve():
                self.made_anew(Extent(op, op.type.target), state)
            case ops.Load() | ops.EqualBytes():
                self.read(op, op.address, state)
            case ops.RingSubmit():
                self.read(op, op.record, state)
            case ops.Copy():
                self.copy(op, state)
            case ops.MapUpdate():
                self.update(op, state)
            case ops.MapDelete():
                self.forget(op, state)
            case ops.Call():
                self.call(op, state)
        if not ops.is_value(op):
            return
        told_by: list[Key]
        if isinstance(op.type, PointerType):
            self.addresses[op] = found = self.leads(op, state)
            told_by = [key for extent in found for key in extent.told_by()]
        else:
            self.values[op] = numbers = self.number(op, state)
            told_by = list(numbers)
        for key in told_by:
            if isinstance(key, tuple):
                self.users.setdefault(key[0], set()).add(op)

    def assign(self, op: ops.LocalSet, state: State) -> None:
        local = op.local
        state.gone.pop(local, None)
        if isinstance(local.type, PointerType):
            state.leads[local] = self.addresses.get(op.value, frozenset())
            return
        keys = self.values.get(op.value, frozenset())
        for user in self.users.pop(local, ()):
            self.values.pop(user, None)
            if user in self.addresses:
                self.addresses[user] = frozenset(each.without(local) for each in self.addresses[user])
        state.numbers = {name: found for name, found in state.numbers.items() if not any(of(k, local) for k in found)}
        state.numbers.pop(local, None)
        if keys and all(isinstance(key, tuple) and key[0] is not local for key in keys):
            state.numbers[local] = keys
        state.keys = {slot: None if of(key, local) else key for slot, key in state.keys.items()}
        if any(of(key, local) for each in extents(state) for key in each.told_by()):
            unsettle(state, local)

    def number(self, op: ops.Value, state: State) -> Keys:
        nothing: Keys = frozenset()
        match op:
            case ops.Const():
                return frozenset({op.value})
            case ops.LocalGet():
                return state.numbers.get(op.local) or frozenset({(op.local, 0)})
            case ops.Prove():
                return self.values.get(op.value, nothing)
            case ops.Binary(operator="+" | "-", right=ops.Const(value=more)):
                more = more if op.operator == "+" else -more
                found = self.values.get(op.left, nothing)
                return frozenset(k + more if isinstance(k, int) else (k[0], k[1] + more) for k in found)
            case _:
                return nothing

    def leads(self, op: ops.Value, state: State) -> frozenset[Extent]:
        type = op.type.target if isinstance(op.type, PointerType) else layout.U8
        nothing: frozenset[Extent] = frozenset()
        match op:
            case ops.LocalGet():
                return state.leads.get(op.local, nothing)
            case ops.SlotAddress():
                return frozenset({Extent(op.slot, op.slot.type)})
            case ops.VariableAddress():
                return frozenset({Extent(op.variable, op.variable.type)})
            case ops.MapLookup():
                return frozenset({Extent(Entry(op.map, self.key(op.key, state)), type)})
            case ops.EntryPart() if op.part == "value":
                return frozenset({Extent(Entry(op.entries.map, None), type)})
            case ops.RingReserve():
                return frozenset({Extent(op, type)})
            case ops.MemberAddress():
                return frozenset(each.member(op.offset, type) for each in self.addresses.get(op.base, nothing))
            case ops.ElementAddress():
                keys = self.values.get(op.index, frozenset())
                found = self.addresses.get(op.base, nothing)
                return frozenset(each.element(keys, op.length, type) for each in found)
            case ops.Call(helper="task_storage_get", arguments=(ops.MapAddress(map=map), *_)):
                return frozenset({Extent(Entry(map, None), type)})
            case ops.NotNull():
                return self.addresses.get(op.pointer, nothing)
            case ops.Prove():
                return self.addresses.get(op.value, nothing)
            case _:
                return nothing

    def key(self, address: ops.Value, state: State) -> Key:
        return state.keys.get(address.slot) if isinstance(address, ops.SlotAddress) else None

    def call(self, op: ops.Call, state: State) -> None:
        written = (op.arguments[op.target],) if op.writes or op.helper in READ else ()
        for argument in op.arguments:
            if argument in written:
                self.write(op, argument, state)
            elif isinstance(argument.type, PointerType):
                self.read(op, argument, state)
        if op.helper == "map_push_elem" and isinstance(op.arguments[0], ops.MapAddress):
            kind = op.arguments[0].map.value
            if isinstance(kind, layout.Struct | layout.Array):
                target = Extent(Entry(op.arguments[0].map, None), kind)
                self.add([Pair(s, target, op) for s in self.addresses.get(op.arguments[1], frozenset())], state)

    def copy(self, op: ops.Copy, state: State) -> None:
        self.read(op, op.source, state)
        sources, targets = self.addresses.get(op.source, frozenset()), self.addresses.get(op.target, frozenset())
        if sources == targets and all(each.known for each in sources):
            return  # to where it is
        kind = op.target.type.target if isinstance(op.target.type, PointerType) else layout.U8
        if not isinstance(kind, layout.Struct | layout.Array) or op.size < kind.size:
            self.write(op, op.target, state)
            return
        made = [pair for s in sources for t in targets for pair in pairs_of(s, t, op)]
        made += [pair for s in sources for t in targets for pair in through(state, s, t, op)] if op.shares else []
        for target in targets:
            self.rebind(op, target, state, len(targets) == 1)
        self.add(made if op.shares else [], state)

    def update(self, op: ops.MapUpdate, state: State) -> None:
        self.read(op, op.key, state)
        self.read(op, op.value, state)
        kind = op.map.value
        if not isinstance(kind, layout.Struct | layout.Array):
            return
        target = Extent(Entry(op.map, self.key(op.key, state)), kind)
        sources = self.addresses.get(op.value, frozenset())
        made = [pair for s in sources for pair in (Pair(s, target, op), *through(state, s, target, op))]
        self.rebind(op, target, state, True)
        self.add(made, state)

    def forget(self, op: ops.MapDelete, state: State) -> None:
        known = self.key(op.key, state)
        if known is not None and isinstance(op.map.value, layout.Struct | layout.Array):
            self.rebind(op, Extent(Entry(op.map, known), op.map.value), state, True)

    def add(self, made: list[Pair], state: State) -> None:
        for pair in made[: max(0, MOST_PAIRS - len(state.pairs))]:
            state.add(pair, frozenset(), frozenset())

    def made_anew(self, whole: Extent, state: State) -> None:
        for pair in state.near(whole):
            if surely_holds(whole, pair.source) or surely_holds(whole, pair.target):
                del state.pairs[pair]

    def rebind(self, op: ops.Op, target: Extent, state: State, surely: bool) -> None:
        """Another object is put into `target`: it shares nothing any more, and is what something around it has now."""
        if surely and target.known:
            self.made_anew(target, state)
        self.mark(op, target, state, rebinds=True)
        in_place = not isinstance(target.root, Entry) or target.root.map.kind in IN_PLACE
        for key, found in state.leads.items():
            if key in state.gone:
                continue
            for each in found:
                inside = each.type == target.type or contains(target.type, each.type)
                meets = may_meet(each, target) if in_place else surely_holds(target, each)
                if inside and meets:
                    state.gone[key] = op

    def write(self, op: ops.Op, address: ops.Value, state: State) -> None:
        for extent in self.addresses.get(address, frozenset()):
            self.mark(op, extent, state, rebinds=False)

    def mark(self, op: ops.Op, extent: Extent, state: State, rebinds: bool) -> None:
        """What others have of the bytes that are written is out of date."""
        for pair in state.near(extent):
            source, target = state.pairs[pair]
            sides = []
            for side in (pair.source, pair.target):
                whole = rebinds and (side.type == extent.type or contains(extent.type, side.type))
                sides.append(not whole and may_meet(extent, side))
            if sides[0] and not sides[1]:
                source, target = written(pair, pair.source, extent, op, source, target)
            elif sides[1] and not sides[0]:
                target, source = written(pair, pair.target, extent, op, target, source)
            elif all(sides):  # which of the two it is isn't known
                everything = frozenset({(0, pair.source.size, op)})
                source, target = source | everything, target | everything
            else:
                continue
            state.pairs[pair] = source, target

    def read(self, op: ops.Op, address: ops.Value, state: State) -> None:
        for extent in self.addresses.get(address, frozenset()):
            for pair in state.near(extent):
                for side, parts in zip((pair.source, pair.target), state.pairs[pair], strict=True):
                    if parts and may_meet(extent, side):
                        start, end = (0, side.size) if pair.loose else part_of(side, extent)
                        self.report(pair, parts, start, end, op)

    def report(self, pair: Pair, stale: Stale, start: int, end: int, reader: ops.Op | None) -> None:
        for first, last, writer in stale:
            if first < end and start < last and self.found.get((pair.by, writer)) is None:
                self.found[pair.by, writer] = reader

    def end(self, state: State) -> None:
        """What others will look at: maps, Globals, and constants, which the next run finds."""
        for pair, stale in state.pairs.items():
            for side, parts in zip((pair.source, pair.target), stale, strict=True):
                lasting = isinstance(side.root, Entry | VariableRef) or side.root in self.constants
                if lasting:
                    self.report(pair, parts, 0, side.size, None)
