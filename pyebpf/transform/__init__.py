"""Rewrites of the checked IR, by what the checks have proven.

Comes in: a module whose every obligation is proven. Goes out: the same programs in fewer ops, every loop with its
bound. Entry: `optimize`; in two steps, `rewritten` and `placed`.
"""

from __future__ import annotations

from dataclasses import replace

from pyebpf.checks import Checked
from pyebpf.checks.branches import known_locals
from pyebpf.checks.intervals import analyze
from pyebpf.checks.stack import room as room_of
from pyebpf.checks.stack import stack
from pyebpf.ir import ops
from pyebpf.ir.module import Module, Obligation, Program
from pyebpf.ir.rewrite import rewrite
from pyebpf.ir.scratch import SPILLS, STACK
from pyebpf.ir.types import PointerType
from pyebpf.transform.dead_branches import live_branch, never_reached, the_end
from pyebpf.transform.forgetting import forget_in_loops
from pyebpf.transform.held import given_back
from pyebpf.transform.locals_in_memory import keep_locals_in_memory
from pyebpf.transform.loop_bounds import with_bound
from pyebpf.transform.meeting import meet_everywhere
from pyebpf.transform.needless_forgets import drop_needless_forgets
from pyebpf.transform.outline import outline
from pyebpf.transform.pointers import is_told_less, retested
from pyebpf.transform.proven_checks import is_proven, unclear_indexes
from pyebpf.transform.range_checks import join_range_checks
from pyebpf.transform.scratch import with_scratch
from pyebpf.transform.shared_reads import share_reads
from pyebpf.transform.short_circuits import settle_short_circuits
from pyebpf.transform.unroll import unroll
from pyebpf.transform.unused import remove_unused
from pyebpf.transform.zeroing import shrink_zeroing

__all__ = ["optimize", "placed", "rewritten"]

MOST_STACK = 256
"""Bytes, of 512, up to which copies of functions become calls, which need more stack."""


def optimize(checked: Checked, room: int = STACK - SPILLS, *, in_memory: bool = False) -> Module:
    """Run every pass over every program. `room`: bytes of stack for local memory, beyond which it lies elsewhere.
    `in_memory`: count numbers to local memory as well, as far as that can be."""
    return placed(checked, rewritten(checked, in_memory), room)


def rewritten(checked: Checked, in_memory: bool) -> tuple[Program, ...]:
    """The programs after every pass but the one that finds places for local memory."""
    return tuple(_program(program, checked, in_memory) for program in checked.module.programs)


def placed(checked: Checked, programs: tuple[Program, ...], room: int) -> Module:
    """The module of `programs`, which `rewritten` has given, with local memory that fits `room` bytes of stack."""
    rooms = [min(room, room_of(program)) for program in checked.module.programs]
    return with_scratch(replace(checked.module, programs=programs), checked.kernel, rooms)


def _program(checked_program: Program, checked: Checked, in_memory: bool) -> Program:
    language = checked.language[checked_program]
    written_out = unroll(checked_program, language)
    if written_out is not checked_program:
        language = analyze(written_out, "language")
    program = forget_in_loops(written_out, language)
    if program is not written_out:
        language = language.carried(written_out.body, program.body)
    if checked.plan.meeting:
        program = meet_everywhere(program, language)
        language = analyze(program, "language")
    verifier = analyze(program, "verifier")
    unclear, known = unclear_indexes(program), known_locals(program.body)
    ends: set[ops.Op] = set()
    before = given_back(program.body, lambda op: never_reached(op, language))

    def change(op: ops.Op) -> ops.Op | tuple[ops.Op, ...] | ops.Alias | None:
        # Facts belong to ops as they were checked, so what goes by facts is done in one walk.
        if op in ends:
            return op
        if never_reached(op, language):
            if (first := before[op]) is None:
                return op
            end = (*first, *the_end(op, checked_program.default))
            ends.update(end)
            return end
        match op:
            case ops.Prove(type=PointerType() as pointer):
                return ops.NotNull(op.value, pointer, op.span)
            case ops.Prove(obligation=Obligation.NOT_NEGATIVE):
                return op  # its type says how the 64 bits are to be read
            case ops.Prove():
                return ops.Alias(op.value)
            case ops.Check():
                return None if is_proven(op, verifier, unclear) else op
            case ops.If():
                return live_branch(op, language)
            case ops.Loop():
                return with_bound(op, language, verifier, known)
            case _:
                return op

    calls = checked.calls and stack(program) <= MOST_STACK
    changed = rewrite(program, change)
    if is_told_less(program.body, language, verifier):
        changed = retested(changed, checked_program.default)
    program = join_range_checks(settle_short_circuits(changed))
    program = shrink_zeroing(remove_unused(share_reads(program)))
    if not checked.plan.meeting:  # which lives on Forgets
        program = drop_needless_forgets(program)
    return outline(keep_locals_in_memory(program) if in_memory else program, calls=calls)
