"""The ported programs, loaded by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import pyebpf
from pyebpf.compiler import lower_target
from pyebpf.simulator.simulation import Input, Simulation
from pyebpf.simulator.surroundings import Surroundings

PROGRAMS = Path(__file__).parent / "programs"


@dataclass
class Port:
    """A ported program in the kernel."""

    session: Any

    def run(self, packet: bytes, program: str = "") -> int:
        """Run it on a packet; the action."""
        return int(self.send(packet, program)[0])

    def send(self, packet: bytes, program: str = "") -> tuple[Any, bytes]:
        """Run it on a packet; the action, and what became of the packet."""
        programs = self.session.programs
        one = programs[program] if program else next(iter(programs.values()))
        done = one.test_run(data=packet)
        return done.result, done.data

    def wait(self, nanoseconds: int) -> None:
        """Let time pass, in which timers go off."""
        begun = time.monotonic_ns()
        time.sleep(nanoseconds / 1e9)
        if isinstance(self.session, Simulated):
            self.session.simulation.advance(begun, time.monotonic_ns())

    def __getitem__(self, name: str) -> Any:
        """A map, or the value of a variable."""
        if name in self.session.maps:
            return self.session.maps[name]
        return self.session.variables[name].value

    def faults(self) -> dict[str, int]:
        return {str(fault.kind): fault.count for fault in self.session.faults}


@dataclass
class Simulated:
    """What a session offers, of the same program in the simulator."""

    simulation: Simulation

    @property
    def programs(self) -> dict[str, Any]:
        def run(name: str, data: bytes) -> Any:
            output = self.simulation.run(name, Input(Surroundings(now=time.monotonic_ns()), data))
            return SimpleNamespace(result=output.result, data=output.packet)

        return {name: SimpleNamespace(test_run=partial(run, name)) for name in self.simulation.programs}

    @property
    def maps(self) -> dict[str, Any]:
        return self.simulation.maps

    @property
    def variables(self) -> dict[str, Any]:
        return dict(self.simulation.variables)

    @property
    def faults(self) -> Any:
        return self.simulation.faults


@pytest.fixture(params=["kernel", "simulator"])
def port(request: pytest.FixtureRequest) -> Iterator[Callable[..., Port]]:
    with ExitStack() as stack:

        def load(name: str, **config: object) -> Port:
            path = PROGRAMS / f"{name}.py"
            if request.param == "simulator":
                return Port(Simulated(Simulation(lower_target(path).module, config=config)))
            return Port(stack.enter_context(pyebpf.load(path, attach=False, config=config)))

        yield load
