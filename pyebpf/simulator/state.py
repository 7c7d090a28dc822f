"""What outlasts a run: maps, rings, variables, counted faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

from pyebpf.encode import encode
from pyebpf.ir import ops
from pyebpf.ir.module import PRINTS, Fault, MapRef, Module, Program, VariableRef
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.maps import EVENTS, MapType
from pyebpf.kernel.storage import storage_by_type
from pyebpf.simulator.addresses import Addresses
from pyebpf.simulator.errors import SimulationError, nearest
from pyebpf.simulator.maps import STORAGES, Storage, storage
from pyebpf.simulator.memory import Memory, Pointer
from pyebpf.simulator.nested import Nested
from pyebpf.simulator.queues import QUEUES, Queue
from pyebpf.simulator.rings import Ring, perf_bytes
from pyebpf.simulator.storage import ObjectStorage
from pyebpf.simulator.user_rings import SentRecords
from pyebpf.source import Span

CPUS: Final = 4
"""How many values entries of per-CPU maps have, unless the test wants another number."""
Site = tuple[Program, Fault, Span]


@final
class State:
    """The memory of a module that is loaded into no kernel."""

    def __init__(
        self,
        module: Module,
        *,
        cpus: int = CPUS,
        config: Mapping[str, object] | None = None,
        btf: Btf | None = None,
    ) -> None:
        self.module = module
        self.cpus = cpus
        self.btf = btf
        self.maps: dict[MapRef, Storage] = {}
        self.rings: dict[MapRef, Ring] = {}
        self.sent: dict[MapRef, SentRecords] = {}
        """What user space has sent, by its rings."""
        self.queues: dict[MapRef, Queue] = {}
        self.jumps: dict[MapRef, dict[int, str]] = {}
        """Arrays of programs: names by slot."""
        self.nested: dict[MapRef, Nested] = {}
        self.storages: dict[MapRef, ObjectStorage] = {}
        for ref in module.maps:
            if ref.type == MapType.USER_RINGBUF:
                self.sent[ref] = SentRecords(ref.max_entries)
            elif ref.type in EVENTS:
                self.rings[ref] = Ring(ref.name, ref.max_entries or perf_bytes(ref.kind, ref.room))
            elif ref.type == MapType.PROG_ARRAY:
                self.jumps[ref] = dict(ref.values)
            elif storage_by_type(ref.type) is not None:
                self.storages[ref] = ObjectStorage(ref)
            elif ref.inner is not None:
                self.nested[ref] = Nested(ref, cpus)
            elif ref.type in QUEUES:
                self.queues[ref] = Queue(ref)
            elif ref.type in STORAGES:
                self.maps[ref] = storage(ref, cpus)
        self.dropped = {ref: 0 for ref in module.maps if ref.stacks is not None}
        """Of stacks, what their maps had no room for; rings count themselves."""
        self._fill_nested()
        self.variables: dict[VariableRef, Memory] = {
            ref: Memory(ref.name, ref.initial.ljust(ref.type.size, b"\0"), writable=ref.kind != "Config")
            for ref in module.variables
        }
        self.timers_started = 0
        self.addresses = Addresses(module.kernel_structs)
        self.faults: dict[Site, int] = {}
        """Every place that may fault uncaught, in the order of the source, with how often it did."""
        for program in module.programs:
            self._find_faults(program, program.body)
        self._configure(config or {})

    def _fill_nested(self) -> None:
        """Maps that the module itself puts into maps of maps."""
        named: dict[str, Storage | Queue] = {ref.name: found for ref, found in self.maps.items()}
        named |= {ref.name: found for ref, found in self.queues.items()}
        for ref, nested in self.nested.items():
            for slot, name in ref.values:
                nested.put(slot, named[name])

    def map(self, ref: MapRef) -> Storage:
        """The entries of a map. Raises SimulationError for kinds that have no simulation."""
        if ref not in self.maps:
            raise SimulationError(f"the simulator has no {ref.kind} ({ref.name}): run this test with --bpf-kernel")
        return self.maps[ref]

    @property
    def prints(self) -> Ring | None:
        """The ring of printed records."""
        return next((ring for ref, ring in self.rings.items() if ref.name == PRINTS), None)

    def count_dropped(self, ref: MapRef, amount: int) -> None:
        """Something found no room in a ring, or in a map of stacks."""
        if ref in self.rings:
            self.rings[ref].dropped += amount
        else:
            self.dropped[ref] += amount

    def submit(self, record: Pointer) -> None:
        """Give a reserved record to whoever reads its ring."""
        self._ring_of(record).submit(record)

    def discard(self, record: Pointer) -> None:
        """Give a reserved record back unread."""
        self._ring_of(record).discard(record)

    def _ring_of(self, record: Pointer) -> Ring:
        return next(ring for ring in self.rings.values() if ring.holds(record.memory))

    def _find_faults(self, program: Program, block: ops.Block) -> None:
        for op in block.ops:
            if isinstance(op, ops.Raise) or (isinstance(op, ops.Check) and op.failing is None):
                self.faults.setdefault((program, op.fault, op.span), 0)
            for inner in ops.blocks(op):
                self._find_faults(program, inner)

    def _configure(self, config: Mapping[str, object]) -> None:
        """Configs get their values before the first run, and keep them."""
        known = {ref.name: ref for ref in self.variables if ref.kind != "Global"}
        for name, value in config.items():
            if name not in known:
                raise SimulationError(f"there is no Config {name!r}; {nearest(name, known)}")
            self.variables[known[name]].data[:] = encode(known[name].type, value, name)
