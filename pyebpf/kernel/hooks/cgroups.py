"""What the processes of a cgroup do with sockets, devices and settings of the kernel: allowed, refused, or changed.

A program on a cgroup is asked for all the processes in it, and in those below. What it answers is whether the process
may: EPERM is what that gets, if not. Programs that are asked when it has happened may only change what is told of it.

Sources: include/uapi/linux/bpf.h; `BPF_CGROUP_RUN_PROG_*` in include/linux/bpf-cgroup.h; `check_return_code` in
kernel/bpf/verifier.c for results; the kernel's history for versions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pyebpf.kernel.hooks.kinds import AttachKind, ContextKind, Hook
from pyebpf.kernel.hooks.network import CgroupAction
from pyebpf.kernel.programs import AttachType, ProgramType

_A: Final = AttachType
_P: Final = ProgramType
_ADMIN: Final = ("CAP_BPF", "CAP_NET_ADMIN")


def _cgroup(
    name: str,
    program_type: ProgramType,
    attach_type: AttachType,
    result: tuple[int, int] = (0, 1),
    since: tuple[int, int] = (5, 7),  # BPF_LINK_CREATE on a cgroup; the programs are older
    section: str = "",
    capabilities: tuple[str, ...] = _ADMIN,
) -> Hook:
    return Hook(
        name=f"cgroup.{name}",
        section=section or f"cgroup/{name}",
        program_type=program_type,
        attach_type=attach_type,
        context=ContextKind.FIELDS,
        parameter="ctx",
        returns=CgroupAction,
        result=result,
        default=CgroupAction.ALLOW.value,
        attach=AttachKind.CGROUP,
        takes="",
        where="cgroup directory",
        since=since,
        capabilities=capabilities,
        test_run=False,
    )


def _address(name: str, attach_type: AttachType, result: tuple[int, int] = (0, 1)) -> Hook:
    since = (6, 7) if name.endswith("_unix") else (5, 8) if name.startswith("get") else (5, 7)
    return _cgroup(name, _P.CGROUP_SOCK_ADDR, attach_type, result, since)


_ASKED_LATER: Final = (1, 1)
"""There is nothing to refuse any more."""
_PORTS: Final = (0, 3)
"""3: and the port may be below 1024 without CAP_NET_BIND_SERVICE (5.12)."""

ADDRESSES: Final = (
    _address("bind4", _A.CGROUP_INET4_BIND, _PORTS),
    _address("bind6", _A.CGROUP_INET6_BIND, _PORTS),
    _address("connect4", _A.CGROUP_INET4_CONNECT),
    _address("connect6", _A.CGROUP_INET6_CONNECT),
    _address("connect_unix", _A.CGROUP_UNIX_CONNECT),
    _address("sendmsg4", _A.CGROUP_UDP4_SENDMSG),
    _address("sendmsg6", _A.CGROUP_UDP6_SENDMSG),
    _address("sendmsg_unix", _A.CGROUP_UNIX_SENDMSG),
    _address("recvmsg4", _A.CGROUP_UDP4_RECVMSG, _ASKED_LATER),
    _address("recvmsg6", _A.CGROUP_UDP6_RECVMSG, _ASKED_LATER),
    _address("recvmsg_unix", _A.CGROUP_UNIX_RECVMSG, _ASKED_LATER),
    _address("getpeername4", _A.CGROUP_INET4_GETPEERNAME, _ASKED_LATER),
    _address("getpeername6", _A.CGROUP_INET6_GETPEERNAME, _ASKED_LATER),
    _address("getpeername_unix", _A.CGROUP_UNIX_GETPEERNAME, _ASKED_LATER),
    _address("getsockname4", _A.CGROUP_INET4_GETSOCKNAME, _ASKED_LATER),
    _address("getsockname6", _A.CGROUP_INET6_GETSOCKNAME, _ASKED_LATER),
    _address("getsockname_unix", _A.CGROUP_UNIX_GETSOCKNAME, _ASKED_LATER),
)
SOCKETS: Final = (
    _cgroup("sock_create", _P.CGROUP_SOCK, _A.CGROUP_INET_SOCK_CREATE),
    _cgroup("sock_release", _P.CGROUP_SOCK, _A.CGROUP_INET_SOCK_RELEASE, since=(5, 9)),
    _cgroup("post_bind4", _P.CGROUP_SOCK, _A.CGROUP_INET4_POST_BIND),
    _cgroup("post_bind6", _P.CGROUP_SOCK, _A.CGROUP_INET6_POST_BIND),
)
SOCKET_OPTIONS: Final = tuple(
    replace(hook, context=ContextKind.SOCKET_OPTION)
    for hook in (
        _cgroup("getsockopt", _P.CGROUP_SOCKOPT, _A.CGROUP_GETSOCKOPT),
        _cgroup("setsockopt", _P.CGROUP_SOCKOPT, _A.CGROUP_SETSOCKOPT),
    )
)
DEVICE: Final = _cgroup("device", _P.CGROUP_DEVICE, _A.CGROUP_DEVICE, section="cgroup/dev")
SYSCTL: Final = _cgroup("sysctl", _P.CGROUP_SYSCTL, _A.CGROUP_SYSCTL)
SOCKOPS: Final = replace(_cgroup("sockops", _P.SOCK_OPS, _A.CGROUP_SOCK_OPS, section="sockops"), name="sockops")

CGROUP_HOOKS: Final = (*ADDRESSES, *SOCKETS, *SOCKET_OPTIONS, DEVICE, SYSCTL, SOCKOPS)
