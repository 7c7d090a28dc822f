"""What a program is loaded as, where this process may not attach it in the usual way."""

from __future__ import annotations

import dataclasses

from pyebpf.kernel.capabilities import UPROBE_LINKS
from pyebpf.kernel.hooks import AttachKind, hook_by_name
from pyebpf.kernel.programs import AttachType
from pyebpf.kernel.versions import running_version
from pyebpf.loader import privileges
from pyebpf.object.specs import ProgramSpec


def as_allowed(program: ProgramSpec) -> ProgramSpec:
    """uprobes by perf events take CAP_SYS_ADMIN of the machine. Without it they are loaded for a link of many places,
    which may as well have one, and which CAP_PERFMON is enough for, or a token (6.6)."""
    hook = hook_by_name(program.hook)
    if hook is None or hook.attach is not AttachKind.UPROBE or program.expected_attach_type:
        return program
    if not privileges.missing(("CAP_SYS_ADMIN",)) and not privileges.in_user_namespace():
        return program
    if (running_version() or UPROBE_LINKS) < UPROBE_LINKS:
        return program
    return dataclasses.replace(program, expected_attach_type=AttachType.TRACE_UPROBE_MULTI)
