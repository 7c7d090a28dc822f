"""What is compiled together: a probe and all others of its module, which share its maps."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from pyebpf.lang.maps import Map
from pyebpf.lang.naming import declarations
from pyebpf.lang.probes import Probe
from pyebpf.lang.struct_ops import StructOps, probes_in
from pyebpf.lang.variables import Declared


def probes_beside(probe: Probe) -> tuple[Probe, ...]:
    """The probes of the module of `probe`; it alone if it isn't at module level, as one inside a test is."""
    found = probes_in(probe.function.__globals__.values())
    if any(each is probe for each in found):
        return tuple(found)
    return probe.operations.probes if probe.operations is not None else (probe,)


def probes_in_sight(names: dict[str, Any]) -> tuple[Probe, ...]:
    """Probes that a test module names, itself or as `module.probe`."""
    found: dict[int, Probe] = {}
    for value in names.values():
        if isinstance(value, Probe | StructOps):
            found |= {id(item): item for item in probes_in((value,))}
        elif isinstance(value, ModuleType) and value.__name__.partition(".")[0] not in ("pyebpf", "pytest"):
            found |= {id(item): item for item in probes_in(vars(value).values())}
    return tuple(found.values())


def declared_beside(probe: Probe) -> dict[str, Map | Declared]:
    """The maps and variables that `probe` can reach, by name."""
    return declarations([probe], probe.function.__globals__)
