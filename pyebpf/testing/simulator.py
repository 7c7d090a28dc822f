"""`simulate`: runs probes once, with everything that the kernel would tell them supplied by the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType, TracebackType
from typing import Any, TypeAlias, final

from pyebpf.diagnostics.base import CompileError
from pyebpf.kernel.btf import Btf
from pyebpf.lang.maps import Map
from pyebpf.lang.probes import Probe
from pyebpf.lang.variables import Declared
from pyebpf.simulator.coverage import Coverage
from pyebpf.simulator.errors import SimulationError, nearest
from pyebpf.simulator.surroundings import Surroundings
from pyebpf.testing import in_kernel, inputs, units
from pyebpf.testing.in_kernel import InKernel
from pyebpf.testing.pending import Pending
from pyebpf.testing.result import Result
from pyebpf.testing.simulated import Simulated
from pyebpf.views.faults import FaultCount

Unit: TypeAlias = Simulated | InKernel


@final
class Simulator:
    """A context manager; inside pytest the fixture `simulate` is one.

        with Simulator() as simulate:
            assert simulate(firewall, packet=frame).result is XDP.DROP

    Probes of one module share their maps, which hold their contents from call to call. The names at module level are
    the maps, as in a session: `counts["bash"]`, `threshold.value`. `btf`: kernel types, where they aren't to be the
    running kernel's. `kernel`: run in the kernel instead, by test_run.
    """

    def __init__(self, *, btf: Btf | None = None, kernel: bool = False, coverage: Coverage | None = None) -> None:
        self._btf = btf
        self.in_kernel = kernel
        """Whether probes run in the kernel, which has its own clock, tasks and CPUs."""
        self._coverage = coverage
        self._units: dict[int, tuple[Probe, Unit]] = {}
        """By the `id` of each probe that is loaded."""
        self._open: list[Unit] = []
        self._bound: list[tuple[Map | Declared, Any]] = []
        self._watched: set[int] = set()
        self.now = Surroundings().now
        """The simulated clock, in ns: `ktime_ns()` of runs that aren't given another `now`. See `advance`."""

    # Loading

    def watch(self, names: dict[str, Any]) -> None:
        """Make the maps of the probes that `names` holds usable before the first call."""
        for probe in units.probes_in_sight(names):
            for name, declared in units.declared_beside(probe).items():
                if id(declared) not in self._watched:
                    self._watched.add(id(declared))
                    self._bind(declared, Pending(self._loader(probe, name, declared)))

    def _loader(self, probe: Probe, name: str, declared: Map | Declared) -> Callable[[], Any]:
        def load() -> Any:
            unit = self._unit(probe)
            view = (unit.maps if isinstance(declared, Map) else unit.variables).get(name)
            if view is None:
                raise SimulationError(f"no probe uses {name}, so it isn't there")
            return view

        return load

    def load(self, target: Probe | ModuleType, *, config: Mapping[str, object] | None = None, cpus: int = 0) -> None:
        """Load the probes of a module (or those beside a probe) with settings of their own.

        `config`: values of Configs by name. `cpus`: how many CPUs there are, for per-CPU maps. Only before the first
        call.
        """
        probes = units.probes_in_sight(vars(target)) if isinstance(target, ModuleType) else (target,)
        if not probes:
            raise SimulationError(f"there is no probe in {getattr(target, '__name__', target)}")
        if id(probes[0]) in self._units:
            raise SimulationError(f"{probes[0].__name__} is loaded already: call load before simulate, and before "
                                  "its maps are used")  # fmt: skip
        self._load(probes[0], config, cpus or None)

    def _unit(self, probe: Probe) -> Unit:
        if id(probe) not in self._units:
            self._load(probe, None, None)
        return self._units[id(probe)][1]

    def _load(self, probe: Probe, config: Mapping[str, object] | None, cpus: int | None) -> None:
        probes = units.probes_beside(probe)
        unit: Unit
        if self.in_kernel:
            unit = InKernel(probes, config, cpus, self._btf)
        else:
            unit = Simulated(probes, config, cpus, self._btf, self._coverage)
        self._open.append(unit)
        for each in probes:
            self._units[id(each)] = (each, unit)
            for name, declared in units.declared_beside(each).items():
                view = (unit.maps if isinstance(declared, Map) else unit.variables).get(name)
                if view is None:  # none of the probes uses it
                    declared.views = [bound for bound in declared.views if not isinstance(bound, Pending)]
                elif not any(bound is view for bound in declared.views):
                    self._bind(declared, view)

    def _bind(self, declared: Map | Declared, view: Any) -> None:
        declared.views.append(view)
        self._bound.append((declared, view))

    # Running

    def __call__(
        self,
        probe: Probe,
        *,
        packet: bytes | None = None,
        ctx: Any = None,
        user_memory: Mapping[int, str | bytes] | None = None,
        kernel_memory: Mapping[int, str | bytes] | None = None,
        **surroundings: Any,
    ) -> Result:
        """Run `probe` once.

        `packet`: as the program sees it: from the Ethernet header on for XDP and socket filters, from the IP header
        on for cgroup programs. `ctx`: fields of the context by name; text where there is a pointer to text. Memory by
        address: text ends with a NUL. `surroundings`: `now` and `boot` (ns), `pid`, `tid`, `uid`, `gid`, `comm`, `cpu`,
        `cgroup_id`, `random` (a number, several, or a function), `current_task` (a dict of members, nested),
        `kernel_stack` and `user_stack` (addresses, the innermost call's first), `helpers`
        (functions by the kernel's names). Raises SimulationError where the probe needs what isn't supplied.
        """
        __tracebackhide__ = True  # of pytest: what is wrong is wrong in the test, or in the probe
        if not isinstance(probe, Probe):
            raise SimulationError(f"simulate runs a probe, not {probe!r}")
        call = inputs.call(packet, ctx, user_memory, kernel_memory, surroundings)
        self.now = int(surroundings.get("now", self.now))
        try:
            unit = self._unit(probe)
            return (
                unit.run(probe.__name__, call, self.now)
                if isinstance(unit, Simulated)
                else unit.run(probe.__name__, call)
            )
        except (SimulationError, CompileError) as error:
            raise error.with_traceback(None) from error.__cause__

    def advance(self, nanoseconds: int) -> None:
        """Let time pass. Timers that are due meanwhile go off in their order, each at its time.

        In the kernel, that is as long a sleep.
        """
        __tracebackhide__ = True
        if isinstance(nanoseconds, bool) or not isinstance(nanoseconds, int) or nanoseconds < 0:
            raise SimulationError(f"advance takes nanoseconds, not {nanoseconds!r}")
        start, self.now = self.now, self.now + nanoseconds
        if self.in_kernel:
            in_kernel.wait(nanoseconds)
            return
        try:
            for unit in self._open:
                if isinstance(unit, Simulated):
                    unit.advance(start, self.now)
        except SimulationError as error:
            raise error.with_traceback(None) from error.__cause__

    # What is there afterwards

    @property
    def maps(self) -> Mapping[str, Any]:
        """Maps by name, of all that is loaded."""
        return _Names([unit.maps for unit in self._open], "map")

    @property
    def variables(self) -> Mapping[str, Any]:
        """Globals and Configs by name, of all that is loaded."""
        return _Names([unit.variables for unit in self._open], "variable")

    @property
    def faults(self) -> tuple[FaultCount, ...]:
        """Places that have faulted, with counts."""
        return tuple(fault for unit in self._open for fault in unit.faults)

    def close(self) -> None:
        """Unload everything; the names at module level are declarations again."""
        for declared, view in self._bound:
            declared.views = [each for each in declared.views if each is not view]
        for unit in self._open:
            unit.close()
        self._bound, self._open, self._units = [], [], {}
        self._watched.clear()

    def __enter__(self) -> Simulator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Names(dict[str, Any]):
    """Views by name; what isn't there is said with the nearest name."""

    def __init__(self, scopes: list[dict[str, Any]], what: str) -> None:
        super().__init__({name: view for scope in reversed(scopes) for name, view in scope.items()})
        self._what = what

    def __missing__(self, name: str) -> Any:
        raise KeyError(f"no {self._what} {name!r} is loaded; {nearest(name, self)}")
