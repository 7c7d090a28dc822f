"""Where a program can't be: security hooks and functions that take no programs, or none that may sleep."""

from __future__ import annotations

from pyebpf.diagnostics import places as errors
from pyebpf.diagnostics.sleeping import NeverAsleep
from pyebpf.irbuild import contexts
from pyebpf.irbuild.builder import Builder
from pyebpf.kernel import injection, lsm
from pyebpf.kernel.programs import AttachType, ProgramType
from pyebpf.kernel.versions import show_version
from pyebpf.source import Span

ALWAYS = (6, 12)
"""Hooks that are disabled since no later than this have never been good for anything."""


def check(b: Builder) -> None:
    """A diagnostic at the decorator if the hook's argument names no place for the program."""
    span = contexts.decorator_span(b)
    if b.hook.program_type is ProgramType.LSM:
        _check_security(b, span)
        return
    here = b.module.given_btf is None
    name = b.argument
    if b.hook.attach_type is AttachType.MODIFY_RETURN and not injection.may_modify(name, here):
        b.error(errors.NotModifiable(span, name, f'@fexit("{name}") sees the result'))
    functions = (AttachType.TRACE_FENTRY, AttachType.TRACE_FEXIT, AttachType.MODIFY_RETURN)
    if b.hook.sleepable and b.hook.attach_type in functions and not injection.may_sleep(name, here):
        reason = "they may be on functions that errors may be injected into: on all system calls, and a few others"
        b.error(NeverAsleep(span, "function", name, reason, f'@{b.hook.name}("{name}")'))


def _check_security(b: Builder, span: Span) -> None:
    name = b.argument
    since = lsm.DISABLED.get(name)
    if since is not None and since <= ALWAYS:
        b.error(errors.HookDisabled(span, name))
    if since is not None:
        b.module.warn(errors.HookDisabledLater(span, name, show_version(since)))
    if b.hook.sleepable and name not in lsm.SLEEPABLE:
        reason = "the kernel calls it where nothing may sleep"
        b.error(NeverAsleep(span, "security hook", name, reason, f'@{b.hook.name}("{name}")'))
