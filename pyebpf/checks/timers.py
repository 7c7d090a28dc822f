"""Maps with timers, in programs that the kernel keeps from them; timers of which the map isn't certain."""

from __future__ import annotations

from collections.abc import Iterator

from pyebpf import layout
from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.timers import CallbackCircle, NoTimersHere, WhichMap
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef, Module, Program
from pyebpf.ir.origins import is_own, origins, references, timer_call
from pyebpf.kernel.hooks import HOOKS, decorators
from pyebpf.kernel.programs import WITHOUT_TIMERS

OTHER_ENTRY = "start the timers of other entries with another callback, or from a program"
ONE_CALLBACK = "make them one callback, which asks a field of the entry what to do"


def forbidden_timers(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for each map with timers, where it is used first."""
    if program.hook.program_type not in WITHOUT_TIMERS:
        return
    allowed = ", ".join(decorators(hook for hook in HOOKS if hook.program_type not in WITHOUT_TIMERS))
    seen: set[MapRef] = set()
    for op in ops.walk(program.body):
        map = getattr(op, "map", None)
        if isinstance(map, MapRef) and map not in seen and layout.timers(map.value):
            seen.add(map)
            word = "timer" if layout.places_of(layout.TIMER, map.value) else "work queue"
            yield NoTimersHere(op.span, program.hook.name, map.name, allowed, word)


def uncertain_timers(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for each timer that is started for one map and may be another's, as a later round may bring it; and
    for a callback's own that may be another entry's."""
    calls = [(op, timer_call(op)) for op in ops.walk(program.body) if isinstance(op, ops.Call | ops.KfuncCall)]
    given = references(program) if any(name for _, name in calls) else {}
    initialised = set()
    for op, name in calls:
        timer = op.arguments[0] if name else None
        if timer is not None and name == "init":
            initialised.add(timer)
            map, found = op.arguments[1], origins(timer, given)
            if not isinstance(map, ops.MapAddress) or found != [map.map]:
                yield WhichMap(op.span, " or ".join(f"`{each.name}`" for each in found))
        elif timer is not None and timer not in initialised and not is_own(timer, given):
            assert program.callback is not None
            function = program.callback.function
            yield CallbackCircle(op.span, f"{function} → {function}", OTHER_ENTRY)


def circles(program: Program, module: Module) -> Iterator[Diagnostic]:
    """A diagnostic where a callback gives to a timer what leads back to it."""
    if program.callback is None:
        return
    others = {each.name: each for each in module.programs if each.callback is not None}
    for op in ops.walk(program.body):
        if isinstance(op, ops.CallbackAddress):
            way = _way(others[op.callback], program, others, ())
            if way:
                names = [each.callback.function for each in (program, *way) if each.callback is not None]
                yield CallbackCircle(op.span, " → ".join(names), OTHER_ENTRY if len(names) == 2 else ONE_CALLBACK)


def _way(start: Program, goal: Program, others: dict[str, Program], before: tuple[Program, ...]) -> tuple[Program, ...]:
    """The callbacks by which `start` leads to `goal`; none if it doesn't."""
    if start is goal:
        return (*before, start)
    for op in ops.walk(start.body):
        if isinstance(op, ops.CallbackAddress) and others[op.callback] not in (*before, start):
            way = _way(others[op.callback], goal, others, (*before, start))
            if way:
                return way
    return ()
