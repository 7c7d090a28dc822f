"""Helpers that the kernel allows by what a program is on, and not by its kind alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.places import HelperNotOnTarget
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.kernel import lsm
from pyebpf.kernel.injection import D_PATH
from pyebpf.kernel.programs import AttachType, ProgramType
from pyebpf.kernel.versions import Version
from pyebpf.source import Span

PATHS: Final = "d_path"
PATHS_OF_SECURITY: Final[Version] = (5, 11)
"""Before, no security hook's program may call `d_path`."""
OF_SECURITY: Final = "it may be called where programs may sleep: file_open, file_receive, bprm_check_security, inode_…"
OF_FUNCTIONS: Final = f"it may be called on {', '.join(sorted(D_PATH))}"


def forbidden_on_target(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for each call of `d_path` that what the program is on rules out."""
    hook, name = program.hook, program.argument
    if hook.target is None or program.callback is not None or hook.attach_type is AttachType.TRACE_ITER:
        return
    security = hook.program_type is ProgramType.LSM
    if name in (lsm.SLEEPABLE if security else D_PATH):
        return
    for span in _calls(program):
        if security:
            yield HelperNotOnTarget(span, PATHS, hook.name, name, OF_SECURITY, "")
        else:
            yield HelperNotOnTarget(span, PATHS, hook.name, name, OF_FUNCTIONS, "")


def target_needs(program: Program) -> Iterator[tuple[str, Version, Span]]:
    """What a program's place asks of the kernel: to sleep at a security hook, to name paths there."""
    if program.hook.program_type is not ProgramType.LSM or program.callback is not None:
        return
    since = lsm.SLEEPABLE.get(program.argument)
    if program.hook.sleepable and since is not None:
        yield f"a program that may sleep on the security hook `{program.argument}`", since, program.span
    for span in _calls(program):
        yield "the kernel's `d_path` in an lsm program", max(since or (0, 0), PATHS_OF_SECURITY), span


def _calls(program: Program) -> Iterator[Span]:
    return (op.span for op in ops.walk(program.body) if isinstance(op, ops.Call) and op.helper == PATHS)
