"""Contexts of programs that decide what the processes of a cgroup may do: `struct bpf_cgroup_dev_ctx`, `bpf_sysctl`,
`bpf_sockopt`.

Sources: include/uapi/linux/bpf.h for offsets; `cgroup_dev_is_valid_access` and its like in kernel/bpf/cgroup.c for who
may read and write what.
"""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.contexts.fields import ContextField, ContextStruct, SocketField
from pyebpf.kernel.programs import AttachType, ProgramType
from pyebpf.layout import I32, U16, U32

DEVICE: Final = ContextStruct(
    "bpf_cgroup_dev_ctx",
    (ProgramType.CGROUP_DEVICE,),
    12,
    (
        ContextField("access_type", 0, U32),
        ContextField("type", 0, U16, bits=16),
        ContextField("access", 0, U16, bits=16, bit_offset=16),
        ContextField("major", 4, U32),
        ContextField("minor", 8, U32),
    ),
)
SYSCTL: Final = ContextStruct(
    "bpf_sysctl",
    (ProgramType.CGROUP_SYSCTL,),
    8,
    (
        ContextField("write", 0, U32),
        ContextField("file_pos", 4, U32, writes=None),
    ),
)
_GET: Final = (AttachType.CGROUP_GETSOCKOPT,)
_SET: Final = (AttachType.CGROUP_SETSOCKOPT,)

SOCKOPT: Final = ContextStruct(
    "bpf_sockopt",
    (ProgramType.CGROUP_SOCKOPT,),
    40,
    (
        ContextField("level", 24, I32, writes=_SET),
        ContextField("optname", 28, I32, writes=_SET),
        ContextField("optlen", 32, I32, writes=None),
        ContextField("retval", 36, I32, _GET, _GET),
    ),
    socket=SocketField(0, may_be_null=False),
)
