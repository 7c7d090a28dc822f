"""Security hooks: where the kernel asks whether something is allowed."""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.hooks.kinds import AttachKind, ContextKind, Hook, Target
from pyebpf.kernel.hooks.network import CgroupAction
from pyebpf.kernel.programs import AttachType, ProgramType

LSM: Final = Hook(
    name="lsm",
    section="lsm/{argument}",
    program_type=ProgramType.LSM,
    attach_type=AttachType.LSM_MAC,
    context=ContextKind.ARGUMENTS,
    parameter="ctx",
    returns=None,
    result=(-4095, 0),
    default=0,  # allowed, as far as this program goes
    attach=AttachKind.TRAMPOLINE,
    takes="hook",
    where="",
    since=(5, 7),  # and `bpf` in the list of CONFIG_LSM, or of lsm= on the kernel's command line
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    target=Target("security hook", "bpf_lsm_"),
    arguments=True,
    gives=True,
    answers=True,  # from 6.12 on the verifier holds every program to it
    sleeps=(5, 10),
)
LSM_CGROUP: Final = Hook(
    name="lsm_cgroup",
    section="lsm_cgroup/{argument}",
    program_type=ProgramType.LSM,
    attach_type=AttachType.LSM_CGROUP,
    context=ContextKind.ARGUMENTS,
    parameter="ctx",
    returns=CgroupAction,
    result=(0, 1),
    default=CgroupAction.ALLOW.value,
    attach=AttachKind.CGROUP,
    takes="hook",
    where="cgroup directory",
    since=(6, 0),
    capabilities=("CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"),
    test_run=False,
    target=Target("security hook", "bpf_lsm_"),
    arguments=True,
)
