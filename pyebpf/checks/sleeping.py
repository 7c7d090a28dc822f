"""Programs that may sleep: what they call where nothing may, and which maps they use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from pyebpf import layout
from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.helpers import HelperSleeps
from pyebpf.diagnostics.sleeping import MapAwake, SleepsHere
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef, Program
from pyebpf.kernel.helpers import helper_by_name
from pyebpf.kernel.kfuncs import AWAKE as SECTIONS
from pyebpf.kernel.kfuncs import SLEEPING, short_name
from pyebpf.kernel.maps import MAP_KINDS, STACKS, MapType
from pyebpf.kernel.prototypes import AWAKE
from pyebpf.kernel.sleeping import LOCKS, MAPS
from pyebpf.kernel.versions import Version
from pyebpf.source import Span

LOOP: Final = "in a loop over a map's entries"
Calls: TypeAlias = "Iterator[tuple[str, Span, str]]"


def may_sleep(op: ops.Op) -> str:
    """The name of what `op` calls, if that may sleep; else ""."""
    if isinstance(op, ops.KfuncCall):
        name = op.kfunc.name
        if short_name(name):  # one part of an iterator speaks for all
            return short_name(name) if name in SLEEPING and name.endswith("_next") else ""
        return name if name in SLEEPING else ""
    helper = helper_by_name(op.helper) if isinstance(op, ops.Call) else None
    return helper.name if helper is not None and helper.sleeps else ""


def forbidden_sleep(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for everything that may sleep where nothing may, and for each map that such programs can't use."""
    hook = program.hook
    if not hook.sleepable:
        for op in ops.walk(program.body):
            name = may_sleep(op)
            if name:
                hint = f'@{hook.name}("{program.argument}", sleepable=True)' if hook.sleeps else AWAKE.get(name, "")
                yield HelperSleeps(op.span, name, hook.name, hint)
        return
    for name, span, where in _awake(program.body, ""):
        yield SleepsHere(span, name, where)
    yield from _forbidden_maps(program)


def _awake(block: ops.Block, where: str) -> Calls:
    """What may sleep in places where nothing may, and what such a place is."""
    outer = where
    for op in block.ops:
        name = may_sleep(op)
        if name and where:
            yield name, op.span, where
        if isinstance(op, ops.KfuncCall) and op.kfunc.name in SECTIONS:
            where = SECTIONS[op.kfunc.name][1]
        elif isinstance(op, ops.KfuncCall) and op.kfunc.name in {end for end, _ in SECTIONS.values()}:
            where = outer
        inside = LOOP if isinstance(op, ops.Loop) and op.strategy == "entries" else where
        for inner in ops.blocks(op):
            yield from _awake(inner, inside)


def _forbidden_maps(program: Program) -> Iterator[Diagnostic]:
    counts = [map for map, _ in used_maps(program) if map.stacks is not None]
    owners = {name: map for map in counts if map.stacks for name in (map.stacks.traces, map.stacks.others)}
    for map, span in used_maps(program):
        if MapType(map.type) not in MAPS:
            kinds = sorted({kind.written for kind in MAP_KINDS if kind.type in MAPS and kind is not STACKS})
            named = owners.get(map.name, map)
            yield MapAwake(span, named.kind, named.name, ", ".join(kinds))


def used_maps(program: Program) -> Iterator[tuple[MapRef, Span]]:
    """Each map that the program uses, where it does first."""
    seen: set[MapRef] = set()
    for op in ops.walk(program.body):
        map = getattr(op, "map", None)
        if isinstance(map, MapRef) and map not in seen:
            seen.add(map)
            yield map, op.span


def sleeping_needs(program: Program) -> Iterator[tuple[str, Version, Span]]:
    """What a program that may sleep uses, and the first kernel that lets it."""
    if not program.hook.sleepable:
        return
    for map, span in used_maps(program):
        since = MAPS.get(MapType(map.type))
        if since is not None:
            yield f"the {map.kind} `{map.name}` in a program that may sleep", since, span
        if layout.locks(map.value):
            yield f"the locks of `{map.name}` in a program that may sleep", LOCKS, span
