"""Probes loaded into the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from pyebpf import compiler
from pyebpf.kernel.btf import Btf
from pyebpf.lang.probes import Probe
from pyebpf.simulator.coverage import Coverage
from pyebpf.simulator.simulation import Input, Simulation
from pyebpf.testing import inputs
from pyebpf.testing.result import Result, answer
from pyebpf.views.faults import FaultCount


@final
class Simulated:
    """A unit of probes with their maps, without a kernel."""

    def __init__(
        self,
        probes: tuple[Probe, ...],
        config: Mapping[str, object] | None,
        cpus: int | None,
        btf: Btf | None,
        coverage: Coverage | None,
    ) -> None:
        module = compiler.lower_target(probes, btf=btf).module
        options: dict[str, Any] = {} if cpus is None else {"cpus": cpus}
        self._simulation = Simulation(module, config=config, btf=btf, **options)
        self._observer = None
        if coverage is not None:
            coverage.add(module)
            self._observer = coverage.observer()
        self.maps: dict[str, Any] = self._simulation.maps
        self.variables: dict[str, Any] = dict(self._simulation.variables)

    @property
    def faults(self) -> tuple[FaultCount, ...]:
        return self._simulation.faults

    def run(self, name: str, call: inputs.Call, now: int) -> Result:
        """Run a probe once."""
        given = Input(inputs.surroundings(call, now), call.packet, call.ctx, call.user_memory, call.kernel_memory)
        output = self._simulation.run(name, given, self._observer)
        hook = self._simulation.programs[name].hook
        events = [event for _, event in output.events]
        return Result(
            answer(hook, output.result), output.packet, output.fault, events, list(output.printed), output.ctx
        )

    def advance(self, start: int, end: int) -> None:
        """Let timers go off that are due until `end`."""
        self._simulation.advance(start, end, self._observer)

    def close(self) -> None:
        """Unload it."""
        self._simulation.close()
