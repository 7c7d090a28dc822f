"""What a program costs: instructions on its longest way, bytes of stack, helpers and what they require."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import final

from pyebpf.checks.accumulators import MOST_RUNS
from pyebpf.checks.bounds import bound
from pyebpf.checks.branches import open_branches
from pyebpf.checks.facts import Facts
from pyebpf.checks.instructions import roughly
from pyebpf.checks.requirements import Need, needs, used_helpers, used_maps
from pyebpf.checks.stack import STACK, room, slots, stack
from pyebpf.checks.worst_case import longest_run, worst_case
from pyebpf.diagnostics.base import Diagnostic, pretty
from pyebpf.diagnostics.kernel_types import LoadNeedsGpl
from pyebpf.diagnostics.loops import (
    ScratchGoesOn,
    StackTooLarge,
    TooManyBranches,
    TooManyInstructions,
    UnboundedLoop,
    UnprovenWhile,
)
from pyebpf.diagnostics.outlining import RunsTooLong
from pyebpf.diagnostics.proofs import HelperNotAllowed, NeedsGpl
from pyebpf.ir import ops
from pyebpf.ir.module import Module, Program
from pyebpf.ir.scratch import LARGEST, moved, scratch, size_of
from pyebpf.ir.types import PointerType, Region, ValueType
from pyebpf.kernel.helpers import Helper
from pyebpf.kernel.hooks import HOOKS, decorators
from pyebpf.kernel.maps import MapType, map_kind_by_name
from pyebpf.kernel.needs import Needs, needs_of
from pyebpf.kernel.versions import Version
from pyebpf.records import dataclass
from pyebpf.source import Span

BUDGET = 1_000_000
"""BPF_COMPLEXITY_LIMIT_INSNS, since 5.2 for privileged programs; 4096 instructions before."""
OPEN_BRANCHES = 8192
"""BPF_COMPLEXITY_LIMIT_JMP_SEQ, since 5.2: the ways not yet taken that the verifier remembers at a time."""
GPL_COMPATIBLE = ("GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL")
"""As `license_is_gpl_compatible` in include/linux/license.h has them."""


@final
@dataclass(frozen=True)
class LoopReport:
    """A loop and its bound: how often its body can start; 0 where an iterator of the kernel's ends it."""

    file: str
    line: int
    bound: int
    strategy: str
    """How it is done: "bounded", a loop whose rounds the verifier follows, "callback", a function for `bpf_loop`,
    "entries", one for `bpf_for_each_map_elem`, "records", one for `bpf_user_ringbuf_drain`, or "iterator", a loop that
    an iterator of the kernel's ends."""


@final
@dataclass(frozen=True)
class ProgramReport:
    """What `pyebpf check` says of a program. `worst_case` in instructions (estimated), `stack` in bytes."""

    name: str
    hook: str
    worst_case: int
    stack: int
    scratch: int
    """Bytes of local memory for each CPU that the stack has no room for."""
    loops: tuple[LoopReport, ...]
    helpers: tuple[Helper, ...]
    needs: Need
    """What the program has of the newest: the first kernel that can run it."""
    capabilities: Needs
    """What it takes to load and attach it without being root."""


def _done(loop: ops.Loop) -> str:
    entries = ops.entries_of(loop)
    return "records" if entries is not None and entries.map.type == MapType.USER_RINGBUF else loop.strategy


def report(program: Program, facts: Facts, kernel: Version | None) -> ProgramReport:
    """The report on a program whose loops all have bounds."""
    loops = tuple(
        LoopReport(op.span.source.path, op.span.line, bound(op, facts) or 0, _done(op))
        for op in ops.walk(program.body)
        if isinstance(op, ops.Loop) and (op.bound is None or op.strategy == "entries") and facts.reachable(op)
    )
    helpers = {helper.name: helper for helper, _ in used_helpers(program)}
    ordered = tuple(sorted(helpers.values(), key=lambda helper: helper.id))
    hook = f"{program.hook.name} {program.argument}".strip()
    if program.callback is not None:
        hook = f"{program.hook.name}s of {program.callback.map.name}, started by {program.callback.owner}"
    newest = max(needs(program), key=lambda need: need.since)
    places, most = scratch(program, 0, kernel, room(program)), worst_case(program.body, facts)
    away = {slot for slot, _ in places.places} if places is not None else set()
    left = stack(program) - sum(map(size_of, away))
    elsewhere = places.size * places.entries if places is not None else 0
    maps = {kind.type for name in used_maps(program) if (kind := map_kind_by_name(name)) is not None}
    takes = needs_of(program.hook if program.callback is None else None, program.hook.program_type, maps, helpers)
    return ProgramReport(program.name, hook, most, left, elsewhere, loops, ordered, newest, takes)


def unbounded(program: Program, facts: Facts) -> Iterator[Diagnostic]:
    """A diagnostic for every loop without a bound."""
    for op in ops.walk(program.body):
        if not isinstance(op, ops.Loop) or op.is_endless or not facts.reachable(op) or bound(op, facts) is not None:
            continue
        if op.counting is None:
            yield UnprovenWhile(op.span, _test_text(op.span))
            continue
        if isinstance(op.counting.start, ops.Const) and isinstance(op.counting.stop, ops.Const):
            rounds = len(range(op.counting.start.value, op.counting.stop.value, op.counting.step))
            yield TooManyInstructions(op.span, rounds * worst_case(op.body, facts), rounds, BUDGET)
            continue
        ends = (op.counting.stop, facts.interval(op.counting.stop)[1])
        if op.counting.step < 0 or facts.interval(op.counting.start)[0] < -(1 << 32):
            ends = (op.counting.start, facts.interval(op.counting.start)[1 if op.counting.step < 0 else 0])
        text = ends[0].span.text
        yield UnboundedLoop(ends[0].span, text, pretty(ends[1]), _bounded(text))


def _bounded(text: str) -> str:
    """`text`, the end of a range or something that goes through ranges, with a bound of 64."""
    if not re.match(r"(range|reversed|enumerate|zip)\(", text):
        return f"range(min({text}, 64))"
    return re.sub(r"\brange\(([^(),]+, *)?([^(),]+)", r"range(\1min(\2, 64)", text)


def _test_text(span: Span) -> str:
    text = span.text.strip()
    return text.removeprefix("while").strip().removesuffix(":").strip() or "…"


def too_expensive(program: Program, facts: Facts) -> Iterator[Diagnostic]:
    """A diagnostic if the longest way is beyond what the verifier follows, or the stack too small."""
    total = worst_case(program.body, facts)
    run = longest_run(program.body, facts)
    if run > MOST_RUNS and total <= BUDGET:
        longest = _largest(program, lambda block: longest_run(block, facts))
        if longest is not None:
            yield RunsTooLong(longest.span, roughly(run), bound(longest, facts) or 1, MOST_RUNS)
    if total > BUDGET:
        worst = _largest(program, lambda block: worst_case(block, facts))
        if worst is not None:
            yield TooManyInstructions(worst.span, total, bound(worst, facts) or 1, BUDGET)
    remembered = open_branches(program.body, facts)
    if remembered > OPEN_BRANCHES and total <= BUDGET:
        inside = [op for op in ops.walk(program.body) if isinstance(op, ops.Loop)]
        worst = max(inside, key=lambda op: (bound(op, facts) or 1) * open_branches(op.body, facts), default=None)
        if worst is not None:
            yield TooManyBranches(worst.span, remembered, bound(worst, facts) or 1, OPEN_BRANCHES)


def too_expensive_together(owner: Program, language: Mapping[Program, Facts]) -> Iterator[Diagnostic]:
    """A diagnostic if `owner` and its callbacks, which the verifier follows with it, are too much together."""
    callbacks = [each for each in language if each.callback is not None and each.callback.owner == owner.name]
    costs = {each: worst_case(each.body, language[each]) for each in (owner, *callbacks)}
    total, most = sum(costs.values()), max(costs, key=lambda each: costs[each])
    if not callbacks or total <= BUDGET or costs[most] > BUDGET:
        return
    worst = _largest(most, lambda block: worst_case(block, language[most]))
    if worst is not None:
        yield TooManyInstructions(worst.span, total, bound(worst, language[most]) or 1, BUDGET)


def too_large(program: Program, kernel: Version | None) -> Iterator[Diagnostic]:
    """A diagnostic if local memory fits neither the stack nor a per-CPU value."""
    largest = max(slots(program), key=lambda slot: slot.type.size, default=None)
    if largest is None or not moved(program, room(program)):
        return
    places = scratch(program, 0, kernel, room(program))
    if places is None:
        yield ScratchGoesOn(largest.span, largest.name, largest.type.size, program.hook.name)
    elif places.size > LARGEST:
        yield StackTooLarge(largest.span, places.size, LARGEST, largest.name, largest.type.size)
    elif stack(program) - places.size > STACK:
        yield StackTooLarge(largest.span, stack(program) - STACK, 0, largest.name, largest.type.size)


def _largest(program: Program, measure: Callable[[ops.Block], int]) -> ops.Loop | None:
    """The outermost loop that takes most of the instructions."""
    loops = [op for op in program.body.ops if isinstance(op, ops.Loop)]
    loops = loops or [op for op in ops.walk(program.body) if isinstance(op, ops.Loop)]
    return max(loops, key=lambda op: measure(ops.Block((op,))), default=None)


def forbidden(program: Program, module: Module) -> Iterator[Diagnostic]:
    """A diagnostic for every helper that this kind of program, or this licence, may not call."""
    for helper, span in used_helpers(program):
        if not helper.allows(program.hook.program_type, program.hook.attach_type):
            yield HelperNotAllowed(span, helper.name, program.hook.name, _who_may(helper))
        elif helper.gpl and module.license not in GPL_COMPATIBLE:
            yield NeedsGpl(span, helper.name, module.license)
    if module.license not in GPL_COMPATIBLE:
        loads = (op for op in ops.walk(program.body) if isinstance(op, ops.KernelField) and _is_load(op.type))
        yield from (LoadNeedsGpl(op.span, module.license) for op in loads)


def _is_load(type: ValueType) -> bool:
    return isinstance(type, PointerType) and type.region is Region.KERNEL


def _who_may(helper: Helper) -> str:
    """The hooks whose programs may call `helper`, as a help; "" if there are none."""
    able = decorators(hook for hook in HOOKS if helper.allows(hook.program_type, hook.attach_type))
    return f"{' or '.join(filter(None, (', '.join(able[:-1]), able[-1])))} programs can" if able else ""
