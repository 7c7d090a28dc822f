"""The ported programs, loaded by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import pyebpf

PROGRAMS = Path(__file__).parent / "programs"


@dataclass
class Port:
    """A ported program in the kernel."""

    session: pyebpf.Session

    def run(self, packet: bytes, program: str = "") -> int:
        """Run it on a packet; the action."""
        return int(self.send(packet, program)[0])

    def send(self, packet: bytes, program: str = "") -> tuple[Any, bytes]:
        """Run it on a packet; the action, and what became of the packet."""
        programs = self.session.programs
        one = programs[program] if program else next(iter(programs.values()))
        done = one.test_run(data=packet)
        return done.result, done.data

    def __getitem__(self, name: str) -> Any:
        """A map, or the value of a variable."""
        if name in self.session.maps:
            return self.session.maps[name]
        return self.session.variables[name].value

    def faults(self) -> dict[str, int]:
        return {str(fault.kind): fault.count for fault in self.session.faults}


@pytest.fixture
def port() -> Iterator[Callable[..., Port]]:
    with ExitStack() as stack:

        def load(name: str, **config: object) -> Port:
            path = PROGRAMS / f"{name}.py"
            return Port(stack.enter_context(pyebpf.load(path, attach=False, config=config)))

        yield load
