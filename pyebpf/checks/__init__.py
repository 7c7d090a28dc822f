"""Read-only checks of the typed IR: proofs, loop bounds, cost, stack, licence.

Comes in: a module as the IR builder made it. Goes out: the same module with the facts that were found, when every
check passes; all diagnostics together otherwise. Entry: `check_module`.
"""

from __future__ import annotations

from typing import final

from pyebpf.checks.cost import LoopReport, ProgramReport, forbidden, report, too_expensive, unbounded
from pyebpf.checks.intervals import Facts, analyze
from pyebpf.checks.locks import forbidden_locks
from pyebpf.checks.overwritten import overwritten
from pyebpf.checks.proofs import unproven
from pyebpf.checks.requirements import too_new
from pyebpf.checks.suspects import always_same
from pyebpf.diagnostics.base import Diagnostic, Sink
from pyebpf.ir.module import Module, Program
from pyebpf.kernel.versions import Version
from pyebpf.records import dataclass

__all__ = ["Checked", "LoopReport", "ProgramReport", "check_module"]


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


def check_module(module: Module, kernel: Version | None = None) -> Checked:
    """Check every program of `module`; for `kernel` and later ones if given. Raises CompileError."""
    sink = Sink()
    language = {program: analyze(program, "language") for program in module.programs}
    for program, facts in language.items():
        found = (*unproven(program.body, facts), *unbounded(program, facts), *forbidden(program, module))
        newer = too_new(program, kernel) if kernel is not None else ()
        for diagnostic in (*found, *overwritten(program), *newer, *forbidden_locks(program)):
            sink.add(diagnostic)
    sink.check()
    for program, facts in language.items():
        for diagnostic in too_expensive(program, facts):
            sink.add(diagnostic)
    sink.check()
    reports = tuple(report(program, facts) for program, facts in language.items())
    suspects = (*module.suspects, *always_same(module, language.values()))
    return Checked(module, language, reports, suspects)
