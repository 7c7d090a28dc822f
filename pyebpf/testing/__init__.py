"""Unit tests of probes: `simulate(firewall, packet=…)`, a fixture of the pytest plug-in that comes with pyebpf.

`Simulator` is the same outside of pytest. Nothing here is imported until a test asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyebpf.simulator.errors import SimulationError as SimulationError
    from pyebpf.testing.result import Result as Result
    from pyebpf.testing.simulator import Simulator as Simulator

_LAZY = {
    "Result": "pyebpf.testing.result",
    "SimulationError": "pyebpf.simulator.errors",
    "Simulator": "pyebpf.testing.simulator",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'pyebpf.testing' has no attribute {name!r}")
