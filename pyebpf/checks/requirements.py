"""What a program needs of the kernel: the first version that has its hook, its maps and its helpers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from pyebpf import layout
from pyebpf.checks.places import target_needs
from pyebpf.checks.sleeping import sleeping_needs
from pyebpf.checks.strategies import since
from pyebpf.diagnostics.base import Diagnostic, article
from pyebpf.diagnostics.kfuncs import KfuncUndated
from pyebpf.diagnostics.proofs import TooNew
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef, Program
from pyebpf.ir.origins import references, roots
from pyebpf.ir.scratch import EXCHANGE, is_alone, moved
from pyebpf.kernel.contexts import field_at
from pyebpf.kernel.helpers import Helper, helper_by_name
from pyebpf.kernel.hooks import Hook
from pyebpf.kernel.kfuncs import known_kfunc
from pyebpf.kernel.kptrs import keeper_of
from pyebpf.kernel.map_options import UNALLOCATED, options_in
from pyebpf.kernel.maps import ARENA_SINCE, PERF_EVENT_ARRAY, MapFlag, MapType, map_kind_by_name, runner
from pyebpf.kernel.programs import ProgramType
from pyebpf.kernel.versions import Version, show_version
from pyebpf.records import dataclass
from pyebpf.source import Span

FIXED_HELPERS = {
    ops.MapLookup: "map_lookup_elem",
    ops.MapUpdate: "map_update_elem",
    ops.MapDelete: "map_delete_elem",
    ops.RingReserve: "ringbuf_reserve",
    ops.RingSubmit: "ringbuf_submit",
    ops.RingDiscard: "ringbuf_discard",
}

ALTERNATIVES = ("get_attach_cookie",)
"""Helpers that programs call where the kernel has them, and do without elsewhere, when the compiler has put them in."""
LOCK_OF_GIVEN: Version = (6, 2)
"""Before, the verifier knows locks by the lookup that found them (commit d0d78c1df9b1)."""


@final
@dataclass(frozen=True)
class Need:
    """Something that a kernel has `since` a version."""

    what: str
    since: Version
    span: Span


def _loop_helper(loop: ops.Loop) -> str:
    """What runs the rounds of loops that are functions."""
    entries = ops.entries_of(loop)
    return runner(entries.map.type) if entries is not None else "loop" if loop.strategy == "callback" else ""


def used_helpers(program: Program) -> Iterator[tuple[Helper, Span]]:
    """Every helper that the program calls, and where: its loops too, as they are done."""
    yield from _called(program)
    for op in ops.walk(program.body):
        helper = helper_by_name(_loop_helper(op)) if isinstance(op, ops.Loop) else None
        if helper is not None:
            yield helper, op.span


def used_maps(program: Program) -> Iterator[str]:
    """The classes of the maps that the program uses."""
    for op in ops.walk(program.body):
        map = getattr(op, "map", None)
        if isinstance(map, MapRef):
            yield map.kind


def _called(program: Program) -> Iterator[tuple[Helper, Span]]:
    for op in ops.walk(program.body):
        if isinstance(op, ops.Call) and op.helper in ALTERNATIVES and op.span is program.span:
            continue
        name = op.helper if isinstance(op, ops.Call) else FIXED_HELPERS.get(type(op))
        helper = helper_by_name(name) if name else None
        if helper is not None:
            yield helper, op.span


def needs(program: Program) -> Iterator[Need]:
    """The hook, then every map and helper where the program first uses it."""
    hook = f"@{program.hook.name}" if program.callback is None else f"a {program.hook.name}"
    if program.hook.sleepable and program.hook.sleeps is not None:
        hook = f"a program that may sleep on @{program.hook.name}"
    yield Need(hook, program.hook.since, program.span)
    seen: set[MapRef | Helper] = set()
    for op in ops.walk(program.body):
        map = getattr(op, "map", None)
        if isinstance(map, MapRef) and map not in seen:
            seen.add(map)
            kind = PERF_EVENT_ARRAY if map.type == MapType.PERF_EVENT_ARRAY else map_kind_by_name(map.kind)
            if kind is not None:
                yield Need(f"the {map.kind} `{map.name}`", kind.since, op.span)
            yield from _options(map, program.hook, op.span)
            yield from _kept(map, op.span)
    arena = next((op for op in ops.walk(program.body) if _in_arena(op)), None)
    if arena is not None:
        yield Need("memory of an arena", ARENA_SINCE, arena.span)
    yield from (Need(*need) for need in (*target_needs(program), *sleeping_needs(program)))
    beyond = moved(program)
    if beyond and not is_alone(program, None):
        yield Need("local memory beyond the stack in a program that may interrupt itself", EXCHANGE, beyond[0].span)
    for helper, span in _called(program):
        if helper not in seen:
            seen.add(helper)
            yield _helper(helper, program.hook, span)
    yield from _fields(program)
    yield from _kfuncs(program)
    yield from _given_locks(program)
    for op in ops.walk(program.body):
        if isinstance(op, ops.Loop) and op.strategy == "callback":
            yield Need("a large loop (`bpf_loop`)", since(op, program), op.span)
        elif isinstance(op, ops.Loop) and op.strategy == "entries":
            what = "a ring's records" if _loop_helper(op) == "user_ringbuf_drain" else "a map's entries"
            yield Need(f"a loop over {what} (`bpf_{_loop_helper(op)}`)", since(op, program), op.span)


def _in_arena(op: ops.Op) -> bool:
    return isinstance(op, ops.VariableAddress) and op.variable.kind == "Arena"


def _options(map: MapRef, hook: Hook, span: Span) -> Iterator[Need]:
    """Options of maps that came later than the maps."""
    for option in options_in(map.kind, map.flags):
        yield Need(f"`{option.name}=` of the {map.kind} `{map.name}`", option.since, span)
        asleep = "a program that may sleep" if hook.sleepable else ""
        where = article(f"@{hook.name}") if hook.program_type == ProgramType.PERF_EVENT else asleep
        if option.flag == MapFlag.NO_PREALLOC and where:
            yield Need(f"the {map.kind} `{map.name}`, without preallocation, in {where}", UNALLOCATED, span)


def _kept(map: MapRef, span: Span) -> Iterator[Need]:
    """What entries hold."""
    for struct in layout.kept_structs(map.value):
        keeper = keeper_of(struct)
        if keeper is not None:
            yield Need(f"`{map.name}`, whose entries hold a struct {struct},", keeper.since, span)


def _helper(helper: Helper, hook: Hook, span: Span) -> Need:
    """A helper, which the hook's programs may have got later than others did."""
    allowed = helper.allowed_since(hook.program_type, hook.attach_type)
    if allowed is None or allowed == helper.since:
        return Need(f"the kernel's `{helper.name}`", helper.since, span)
    return Need(f"the kernel's `{helper.name}` in {article(hook.name)} program", allowed, span)


def _fields(program: Program) -> Iterator[Need]:
    """Fields of the context that came later."""
    for op in ops.walk(program.body):
        if isinstance(op, ops.MemberAddress) and isinstance(op.base, ops.ContextPointer):
            field = field_at(program.hook, op.offset)
            if field is not None and field.since > (0, 0):
                yield Need(f"the field `{field.name}`", field.since, op.span)


def _kfuncs(program: Program) -> Iterator[Need]:
    """Kfuncs whose history is known, where the program first calls them."""
    seen: set[str] = set()
    for op in ops.walk(program.body):
        if isinstance(op, ops.KfuncCall) and op.kfunc.name not in seen:
            seen.add(op.kfunc.name)
            known = known_kfunc(op.kfunc.name)
            since = known.allowed_since(program.hook.program_type) if known is not None else None
            if since is not None:
                yield Need(f"the kfunc `{op.kfunc.name}`", since, op.span)


def undated(program: Program, kernel: Version) -> Iterator[Diagnostic]:
    """A warning for each kfunc of which nobody knows here whether `kernel` has it."""
    seen: set[str] = set()
    for op in ops.walk(program.body):
        name = op.kfunc.name if isinstance(op, ops.KfuncCall) else ""
        if name and name not in seen and known_kfunc(name) is None:
            seen.add(name)
            yield KfuncUndated(op.span, name, show_version(kernel))


def _given_locks(program: Program) -> Iterator[Need]:
    """Locks of entries that the kernel gives to a callback: of a timer, or of a loop over a map."""
    taken = [op for op in ops.walk(program.body) if isinstance(op, ops.Call) and op.helper == "spin_lock"]
    given = references(program) if taken else {}
    for op in taken:
        if any(isinstance(root, ops.CallbackPart | ops.EntryPart) for root in roots(op.arguments[0], given)):
            yield Need("the lock of an entry that wasn't looked up", LOCK_OF_GIVEN, op.span)


def too_new(program: Program, kernel: Version) -> Iterator[Diagnostic]:
    """A diagnostic for everything that `kernel` doesn't have yet, once a line."""
    told: set[tuple[str, int]] = set()
    for need in needs(program):
        place = (need.span.source.path, need.span.line)
        if program.callback is not None and need.span is program.span:
            continue  # what starts the timer says so
        if need.since > kernel and place not in told:
            told.add(place)
            yield TooNew(need.span, need.what, show_version(need.since), show_version(kernel))
