"""The entry: a module loaded into no kernel, its programs run one call at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import UnsupportedOperation
from typing import Any, Final, final

from pyebpf.decode import decoder, record_decoder
from pyebpf.encode import encode
from pyebpf.ir import ops
from pyebpf.ir.module import PRINTS, MapRef, Module, Program, VariableRef
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.hooks import ContextKind
from pyebpf.kernel.usdt import IPS, SPECS
from pyebpf.layout import timers
from pyebpf.metadata import PYTHON_CODES, PYTHONS
from pyebpf.records import dataclass
from pyebpf.simulator.contexts import context_memory, packet_memory
from pyebpf.simulator.entries import QueueEntries, SimulatedEntries
from pyebpf.simulator.errors import SimulationError, nearest
from pyebpf.simulator.fields import fields_after
from pyebpf.simulator.markers import place_arguments
from pyebpf.simulator.memory import Memory, Timer
from pyebpf.simulator.nested import NestedView
from pyebpf.simulator.record import Record
from pyebpf.simulator.rings import Ring
from pyebpf.simulator.run import Observer, Run
from pyebpf.simulator.slots import SlotsView
from pyebpf.simulator.state import CPUS, State
from pyebpf.simulator.storage import ObjectStorageView
from pyebpf.simulator.surroundings import Surroundings
from pyebpf.views.choice import view_of
from pyebpf.views.faults import FaultCount
from pyebpf.views.prints import format_record
from pyebpf.views.python_calls import PythonStacks
from pyebpf.views.rings import Backlog, RingBufView
from pyebpf.views.stack_counts import stacks_view
from pyebpf.views.user_rings import UserRingView

MOST_CALLBACKS: Final = 50_000
"""By timers, while the clock is advanced once."""
HIDDEN: Final = (PRINTS, SPECS, IPS, PYTHONS, PYTHON_CODES)
"""Maps that tests don't see."""


@final
@dataclass(frozen=True, slots=True)
class Input:
    """What a program is given for one run; `surroundings` says who runs it, when, where."""

    surroundings: Surroundings
    packet: bytes | None = None
    ctx: Any = None
    """Fields by name, or the arguments of a raw tracepoint."""
    user_memory: Mapping[int, str | bytes] | None = None
    """Memory by address. Text ends with a NUL."""
    kernel_memory: Mapping[int, str | bytes] | None = None


@final
@dataclass(frozen=True, slots=True)
class Output:
    """What one run left behind, besides maps and variables."""

    result: int
    """The program's answer as the kernel takes it, 32 bits without sign."""
    packet: bytes | None
    """As the program left it."""
    fault: FaultCount | None
    """The fault that ended it."""
    events: tuple[tuple[str, Any], ...]
    """What it put into rings: the ring's name and the event, ring by ring."""
    printed: tuple[str, ...]
    ctx: dict[str, Any]
    """Fields of the context that have a value, where it has fields by table."""


@final
class SimulatedVariable:
    """A Global or Config; `.value` reads and (Globals only) writes it."""

    def __init__(self, ref: VariableRef, state: State) -> None:
        self.name = ref.name
        self.kind = ref.kind
        self._ref = ref
        self._state = state
        self._decode = decoder(ref.type)

    @property
    def value(self) -> Any:
        return self._decode(bytes(self._state.variables[self._ref].data), 0)

    @value.setter
    def value(self, value: object) -> None:
        if self.kind == "Config":
            raise AttributeError(f"{self.name} is a Config: it is frozen when the program is loaded (config={{…}})")
        self._state.variables[self._ref].data[:] = encode(self._ref.type, value, self.name)

    def live(self) -> Any:
        raise UnsupportedOperation(f"{self.name} isn't in the kernel: only there programs and Python share memory")

    def __getitem__(self, index: Any) -> Any:
        """An element of an Arena."""
        return self.value[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        elements = list(self.value)
        elements[index] = value
        self.value = elements

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name} = {self.value!r}>"


@final
class Simulation:
    """A module with its maps, which hold their contents from run to run.

    `cpus`: how many there are, for per-CPU maps. `config`: values of Configs by name. `btf`: kernel types of the
    kernel that the module was compiled for, where it isn't the running one.
    """

    def __init__(
        self,
        module: Module,
        *,
        cpus: int = CPUS,
        config: Mapping[str, object] | None = None,
        btf: Btf | None = None,
    ) -> None:
        self.module = module
        self.state = State(module, cpus=cpus, config=config, btf=btf)
        self.programs = {program.name: program for program in module.programs if program.callback is None}
        self.variables = {ref.name: SimulatedVariable(ref, self.state) for ref in module.variables}
        self._backlogs = {ref: Backlog() for ref in self.state.rings}
        self.maps: dict[str, Any] = {}
        """Views of the maps by name, as a session in the kernel has them."""
        traces = [ref for ref in module.maps if any(_has_stacks_of(each, ref) for each in module.maps)]
        for ref in module.maps:
            view = self._view(ref) if ref.name not in HIDDEN and ref not in traces else None
            if view is not None:
                self.maps[ref.name] = view

    def advance(self, start: int, end: int, observer: Observer | None = None) -> None:
        """Let the clock run from `start` to `end`, in ns: timers that are due go off, one after the other, each at its
        time. Raises as `run` does."""
        callbacks = {each.name: each for each in self.module.programs if each.callback is not None}
        for _ in range(MOST_CALLBACKS):
            due = [each[1:] for each in self._timers()]
            key, value, timer = min(due, key=lambda each: (each[2].due, each[2].number), default=(b"", None, None))
            if value is None or timer is None or timer.due is None or timer.due > end:
                return
            time, timer.due = timer.due, None
            program = callbacks[timer.callback]
            self.state.addresses.begin()
            around = Surroundings(now=max(time, start), comm="swapper/0", pid=0, uid=0, gid=0)
            called_for = Memory("a key", key, writable=False), value
            run = Run(program, self.state, around, Memory("no context", b""), None, observer, called_for)
            try:
                run.execute()
            finally:
                self._take()
        raise SimulationError(f"timers have gone off {MOST_CALLBACKS:,} times by {end} ns: they never come to rest")

    def _timers(self) -> Iterator[tuple[MapRef, bytes, Memory, Timer]]:
        """All timers that run."""
        for ref, storage in self.state.maps.items():
            if timers(ref.value):
                yield from ((ref, *each) for each in storage.with_timers())

    def _view(self, ref: MapRef) -> Any:
        if ref in self.state.rings:
            ring = self.state.rings[ref]
            return RingBufView(ref.name, ref.kind, ref.value, self._backlogs[ref], lambda: ring.dropped)
        if ref in self.state.sent:
            return UserRingView(ref.name, ref.kind, ref.value, self.state.sent[ref])
        if ref in self.state.nested:
            return NestedView(self.state.nested[ref])
        if ref in self.state.storages:
            return ObjectStorageView(self.state.storages[ref])
        if ref in self.state.jumps:
            return SlotsView(ref, self.state)
        if ref.stacks is not None:
            return self._stacks(ref)
        if ref in self.state.queues:
            return view_of(QueueEntries(self.state.queues[ref]))
        return view_of(SimulatedEntries(self.state.maps[ref]), ref.unit, ref.steps) if ref in self.state.maps else None

    def _stacks(self, ref: MapRef) -> Any:
        assert ref.stacks is not None
        maps = {each.name: SimulatedEntries(storage) for each, storage in self.state.maps.items()}
        key = ref.stacks
        traces = tuple(maps[name] for name in (key.traces, key.others) if name)
        pythons = PythonStacks(maps[key.pythons], maps[PYTHON_CODES]) if key.pythons else None
        return stacks_view(maps[ref.name], traces, key, lambda: self.state.dropped[ref], ref.unit, pythons=pythons)

    def close(self) -> None:
        """Declarations that were put into maps of maps are declarations again."""
        for view in self.maps.values():
            if isinstance(view, NestedView):
                view.close()

    def run(self, name: str, given: Input, observer: Observer | None = None) -> Output:
        """Run program `name` once. Raises SimulationError for what the test should have supplied otherwise, and
        InternalError where the program does what the compiler promised it can't do."""
        if name not in self.programs:
            raise SimulationError(f"there is no program {name!r}; {nearest(name, self.programs)}")
        program, addresses = self.programs[name], self.state.addresses
        addresses.begin()
        for address, content in (given.user_memory or {}).items():
            addresses.place("user", content, address)
        for address, content in (given.kernel_memory or {}).items():
            addresses.place("kernel", content, address)
        packet = packet_memory(program, given.packet)
        context = context_memory(program, given.ctx, packet, addresses, self.state.btf)
        if program.hook.context is ContextKind.USDT and isinstance(context, Record):
            place_arguments(context, self.state)
        run = Run(program, self.state, given.surroundings, context, packet, observer)
        try:
            run.execute()
        finally:
            taken = self._take()
        return Output(
            run.result,
            bytes(packet.data) if packet is not None else None,
            _fault(run.program, run.fault, 1) if run.fault is not None else None,
            tuple(event for ref, records in taken.items() for event in self._events(ref, records)),
            self._printed(taken),
            fields_after(run.program, context),
        )

    def _take(self) -> dict[MapRef, list[bytes]]:
        """Empty all rings, as somebody who reads them all the time does."""
        taken = {ref: ring.read() for ref, ring in self.state.rings.items()}
        for ref, records in taken.items():
            self._backlogs[ref].add(records)
        return taken

    def _is_prints(self, ring: Ring) -> bool:
        return ring is self.state.prints

    def _events(self, ref: MapRef, records: list[bytes]) -> list[tuple[str, Any]]:
        if self._is_prints(self.state.rings[ref]) or ref.value is None:
            return []
        return [(ref.name, record_decoder(ref.value)(record)) for record in records]

    def _printed(self, taken: dict[MapRef, list[bytes]]) -> tuple[str, ...]:
        return tuple(
            format_record(self.module.prints, record)
            for ref, records in taken.items()
            if self._is_prints(self.state.rings[ref])
            for record in records
        )

    @property
    def faults(self) -> tuple[FaultCount, ...]:
        """Places that have faulted, with counts, in the order of the source."""
        return tuple(
            FaultCount(fault.value, _owner(program), span.source.path, span.line, span.column, count)
            for (program, fault, span), count in self.state.faults.items()
            if count
        )


def _has_stacks_of(ref: MapRef, traces: MapRef) -> bool:
    """Whether `ref` counts by stacks that `traces` has."""
    return ref.stacks is not None and traces.name in (ref.stacks.traces, ref.stacks.others, ref.stacks.pythons)


def _owner(program: Program) -> str:
    """The program that `program` is, or is a part of."""
    return program.name if program.callback is None else program.callback.owner


def _fault(program: Program, op: ops.Check | ops.Raise, count: int) -> FaultCount:
    span = op.span
    return FaultCount(op.fault.value, _owner(program), span.source.path, span.line, span.column, count)
