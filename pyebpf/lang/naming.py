"""Names of maps and variables: those of the modules that declare them.

    netlib.py       flows = Hash[u32, u64](max_entries=64)
    probe.py        from netlib import flows as f           # the map is called flows

What a probe can reach is gone through: its module, modules and helpers imported there, constants of Python functions
around it. The target's own module comes first; a name that is taken gets its module's in front: `netlib_flows`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any, TypeAlias

from pyebpf.lang.maps import Map
from pyebpf.lang.probes import HelperFunction, Probe
from pyebpf.lang.struct_ops import StructOps
from pyebpf.lang.variables import Declared

Declaration: TypeAlias = "Map | Declared"
OWN = frozenset({"pyebpf", *sys.stdlib_module_names})
"""Modules in which nobody declares anything."""


def declarations(probes: Iterable[Probe], scope: Mapping[str, Any]) -> dict[str, Declaration]:
    """The maps and variables that `probes` may use, by name. `scope`: the namespace of the target."""
    found: dict[int, tuple[str, Declaration]] = {}
    homes: list[Mapping[str, Any]] = []
    for space in _spaces(probes, scope):
        homes.append(space)
        for name, value in _declared(space):
            found.setdefault(id(value), (name, value))
    own = [each for each in found.values() if each[1].home is homes[0]]
    named: dict[str, Declaration] = {}
    for name, declared in (*own, *(each for each in found.values() if each[1].home is not homes[0])):
        module = "" if declared.home is homes[0] else str(declared.home.get("__name__", "")).rpartition(".")[2]
        named[_free(_home_name(declared) or name, module, named)] = declared
    return named


def _home_name(declared: Declaration) -> str:
    """What `declared` is called where it was made, "" if it has no name at module level."""
    for name, value in _declared(declared.home):
        if value is declared:
            return name
    return ""


def _free(name: str, module: str, taken: dict[str, Declaration]) -> str:
    if name not in taken:
        return name
    candidates = [f"{module}_{name}"] if module else []
    candidates += [f"{name}_{number}" for number in range(2, len(taken) + 3)]
    return next(candidate for candidate in candidates if candidate not in taken)


def _declared(space: Mapping[str, Any]) -> Iterator[tuple[str, Declaration]]:
    """The declarations in a namespace, those in tuples and lists numbered."""
    for name, value in tuple(space.items()):
        if name.startswith("__"):
            continue
        if isinstance(value, Map | Declared):
            yield name, value
        elif type(value) in (tuple, list):
            for number, item in enumerate(value):
                if isinstance(item, Map | Declared):
                    yield f"{name}_{number}", item


def _spaces(probes: Iterable[Probe], scope: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every namespace that can be reached, the target's first."""
    waiting: list[Mapping[str, Any]] = [scope]
    for probe in probes:
        waiting += _of_function(probe.function)
    seen: set[int] = set()
    while waiting:
        space = waiting.pop(0)
        if id(space) in seen and not _is_local(space):
            continue
        seen.add(id(space))
        yield space
        for value in tuple(space.values()):
            if isinstance(value, HelperFunction | Probe | StructOps) and id(value) not in seen:
                seen.add(id(value))
                for each in value.probes if isinstance(value, StructOps) else (value,):
                    waiting += _of_function(each.function)
            elif isinstance(value, ModuleType) and value.__name__.partition(".")[0] not in OWN and _declares(value):
                waiting.append(vars(value))


def _is_local(space: Mapping[str, Any]) -> bool:
    return "__name__" not in space


def _of_function(function: FunctionType) -> list[Mapping[str, Any]]:
    """The namespaces that a function sees: the constants around it, and its module."""
    around = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            around[name] = cell.cell_contents
        except ValueError:
            continue
    return [around, function.__globals__] if around else [function.__globals__]


def _declares(module: ModuleType) -> bool:
    """Whether a module has anything that programs use, or is a package, whose modules may."""
    if hasattr(module, "__path__") and "site-packages" not in str(module.__path__):
        return True
    return any(
        isinstance(value, Map | Declared | HelperFunction | Probe | StructOps) for value in tuple(vars(module).values())
    )
