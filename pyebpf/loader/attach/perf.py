"""Programs on perf events: by a link on the event (5.15), or the older ioctl."""

from __future__ import annotations

import errno
import fcntl
import struct
from typing import Final

from pyebpf.kernel.perf_events import ATTRIBUTES as ATTRIBUTES
from pyebpf.loader import sys
from pyebpf.loader.load import LoadedProgram

BPF_PERF_EVENT: Final = 41
PERF_EVENT_IOC_ENABLE: Final = 0x2400
PERF_EVENT_IOC_SET_BPF: Final = 0x40042408


def set_program(
    program: LoadedProgram | sys.Descriptor,
    event: sys.Descriptor,
    cookie: int | None = None,
    link: bool = True,
    enable: bool = True,
) -> tuple[sys.Descriptor, ...]:
    """Put `program` on `event`, which gives it `cookie` where the kernel can (5.15); what must stay open: without
    `link` the event alone. Unless told not to, an older kernel's event is enabled. Raises OSError."""
    if link:
        try:
            extra = struct.pack("=Q", cookie or 0)
            return sys.link_create(program.fd, event.fd, BPF_PERF_EVENT, extra=extra), event
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP):
                raise
    fcntl.ioctl(event.fd, PERF_EVENT_IOC_SET_BPF, program.fd)
    if enable:
        fcntl.ioctl(event.fd, PERF_EVENT_IOC_ENABLE, 0)
    return (event,)
