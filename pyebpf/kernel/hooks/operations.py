"""Operations of structs of functions that parts of the kernel call: congestion control of TCP, and others."""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.btf_types import Kind
from pyebpf.kernel.hooks.kinds import AttachKind, ContextKind, Hook, Target
from pyebpf.kernel.programs import AttachType, ProgramType

STRUCT_OPS: Final = Hook(
    name="struct_ops",
    section="struct_ops/{argument}",
    program_type=ProgramType.STRUCT_OPS,
    attach_type=AttachType.STRUCT_OPS,
    context=ContextKind.ARGUMENTS,
    parameter="self",
    returns=None,
    result=(0, 0),  # until the operation's prototype is known
    default=0,
    attach=AttachKind.OPERATIONS,
    takes="struct",
    where="",
    since=(5, 6),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    target=Target("operation", kind=Kind.STRUCT),
    arguments=True,
)
