"""Read-only checks of the typed IR: proofs, loop bounds, cost, stack, licence.

Comes in: a module as the IR builder made it. Goes out: the same module with the strategy of each loop and the facts
that were found, when every check passes; all diagnostics together otherwise. Entry: `check_module`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import final

from pyebpf.checks import strategies
from pyebpf.checks.cost import (
    LoopReport,
    ProgramReport,
    forbidden,
    report,
    too_expensive,
    too_expensive_together,
    too_large,
    unbounded,
)
from pyebpf.checks.facts import Facts
from pyebpf.checks.given_back import given_back
from pyebpf.checks.intervals import analyze
from pyebpf.checks.locks import forbidden_locks, held_around
from pyebpf.checks.moved_packets import moved
from pyebpf.checks.overwritten import overwritten
from pyebpf.checks.places import forbidden_on_target
from pyebpf.checks.proofs import unproven
from pyebpf.checks.requirements import too_new, undated
from pyebpf.checks.sharing import shared
from pyebpf.checks.sleeping import forbidden_sleep
from pyebpf.checks.suspects import always_same
from pyebpf.checks.timers import circles, forbidden_timers, uncertain_timers
from pyebpf.diagnostics.base import Diagnostic, Sink
from pyebpf.ir import ops
from pyebpf.ir.module import Module, Program
from pyebpf.kernel.versions import Version
from pyebpf.plan import Plan
from pyebpf.records import dataclass

SPILLED_RANGES = (5, 16)
"""The verifier keeps the ranges of numbers that are put on the stack and read back (commit 354e8f1970f8)."""
__all__ = ["Checked", "LoopReport", "Plan", "ProgramReport", "check_module", "examine"]


@final
@dataclass(frozen=True)
class Checked:
    """A module that has passed every check, with what is known about it."""

    module: Module
    language: dict[Program, Facts]
    """All that is known of each program."""
    reports: tuple[ProgramReport, ...]
    suspects: tuple[Diagnostic, ...] = ()
    """Warnings, in the order of the source."""
    calls: bool = True
    """Whether the kernel that it is for keeps the ranges of numbers on the stack, where functions get theirs."""
    kernel: Version | None = None
    """The oldest that the module shall run on, if one was named."""
    plan: Plan = Plan()


def examine(module: Module, kernel: Version | None = None) -> dict[Program, Facts]:
    """What is known of every program of `module`, in which nothing is wrong. Raises CompileError."""
    sink = Sink()
    language = {program: analyze(program, "language") for program in module.programs}
    for program, facts in language.items():
        found = [*unproven(program.body, facts), *unbounded(program, facts), *forbidden(program, module)]
        found += [*moved(program), *given_back(program), *forbidden_sleep(program), *forbidden_on_target(program)]
        newer = too_new(program, kernel) if kernel is not None else ()
        timed = (*forbidden_timers(program), *uncertain_timers(program), *circles(program, module))
        tied = (*held_around(program), *strategies.tied(program))
        kept = (*overwritten(program), *shared(program), *forbidden_locks(program), *tied, *timed)
        for diagnostic in (*found, *newer, *kept):
            sink.add(diagnostic)
    sink.check()
    return language


def check_module(
    module: Module,
    kernel: Version | None = None,
    loops: ops.Strategy | None = None,
    plan: Plan = Plan(),
    language: dict[Program, Facts] | None = None,
) -> Checked:
    """Check every program of `module`; for `kernel` and later ones if given. Raises CompileError.

    `loops` is for tests: the strategy that every loop shall have. `plan`: what is done about a program that is much for
    the verifier. `language`: what `examine` has found, if it was asked already.
    """
    if language is None:
        language = examine(module, kernel)
    module, language = _with_strategies(module, language, kernel, loops, plan.limit)
    sink = Sink()
    for program, facts in language.items():
        newer = strategies.too_new(program, facts, kernel) if kernel is not None else ()
        together = too_expensive_together(program, language) if program.callback is None else ()
        costly = (*too_expensive(program, facts), *together)
        kept = strategies.kept_from_being_functions(program, facts) if costly else ()
        for diagnostic in (*costly, *kept, *newer, *too_large(program, kernel)):
            sink.add(diagnostic)
    sink.check()
    reports = tuple(report(program, facts, kernel) for program, facts in language.items())
    doubts = (
        ()
        if kernel is None or module.types_given
        else [doubt for program in module.programs for doubt in undated(program, kernel)]
    )
    suspects = (*module.suspects, *doubts, *always_same(module, language.values()))
    return Checked(module, language, reports, suspects, kernel is None or kernel >= SPILLED_RANGES, kernel, plan)


def _with_strategies(
    module: Module,
    language: dict[Program, Facts],
    kernel: Version | None,
    force: ops.Strategy | None,
    limit: int | None,
) -> tuple[Module, dict[Program, Facts]]:
    """How each loop is to be done, which makes no difference to what a program computes: what was known stays so."""
    chosen = {program: strategies.choose(program, facts, kernel, force, limit) for program, facts in language.items()}
    renewed = {new: language[old].carried(old.body, new.body) for old, new in chosen.items()}
    return replace(module, programs=tuple(chosen.values())), renewed
