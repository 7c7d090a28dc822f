"""What this kernel has of probes on many functions: asked before programs are loaded for them."""

from __future__ import annotations

import errno
import struct

from pyebpf.kernel.hooks import KPROBE_MULTI
from pyebpf.kernel.programs import AttachType, ProgramType
from pyebpf.kernel.versions import Version, running_version
from pyebpf.loader import sys

MULTI_SINCE: Version = (5, 18)
"""BPF_TRACE_KPROBE_MULTI, where the kernel has CONFIG_FPROBE."""


def attach_type(wanted: int) -> int:
    """What a program is loaded for that wants `wanted`: without kprobe.multi here, for kprobes one by one, as its
    helpers look for what they tell in other places then."""
    return 0 if wanted == KPROBE_MULTI.attach_type and not has_multi() else wanted


def has_multi() -> bool:
    """Whether the kernel has links of many functions: tried, with one of none. Where not even the program can be
    loaded, it is supposed to: what is tried next says what is wrong."""
    if (running_version() or MULTI_SINCE) < MULTI_SINCE:
        return False
    code = struct.pack("=BBHiBBHi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0)
    kind = AttachType.TRACE_KPROBE_MULTI
    try:
        with sys.prog_load(ProgramType.KPROBE, code, "GPL", expected_attach_type=kind) as program:
            sys.link_create(program.fd, 0, kind, extra=struct.pack("=IIQQQ", 0, 0, 0, 0, 0)).close()
    except OSError as error:
        return error.errno != errno.EOPNOTSUPP
    return True
