"""Tracepoints: a perf event for the tracepoint, and a link on it (5.15), or the older ioctl."""

from __future__ import annotations

import difflib
import errno
import fcntl
import struct
from typing import Final

from pyebpf.diagnostics.base import Error
from pyebpf.kernel.tracepoints import tracepoint_id, tracepoint_names
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Link
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedProgram

PERF_TYPE_TRACEPOINT: Final = 2
PERF_SAMPLE_RAW: Final = 1 << 10
BPF_PERF_EVENT: Final = 41
PERF_EVENT_IOC_ENABLE: Final = 0x2400
PERF_EVENT_IOC_SET_BPF: Final = 0x40042408
ATTRIBUTES: Final = struct.Struct("=IIQQQQQIIQQ")
"""`struct perf_event_attr` up to its second version: type, size, config, period, sample and read formats, flags, …"""


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the tracepoint that the program's section names."""
    name = program.spec.argument.replace("/", ":", 1)
    what = f"attach {program.spec.name} to tracepoint {name}"
    event = _open(name, what)
    try:
        try:
            link = sys.link_create(program.fd, event.fd, BPF_PERF_EVENT)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP):
                raise
            fcntl.ioctl(event.fd, PERF_EVENT_IOC_SET_BPF, program.fd)
            fcntl.ioctl(event.fd, PERF_EVENT_IOC_ENABLE, 0)
            return Link(program.spec.name, f"tracepoint {name}", (event,))
    except OSError as error:
        event.close()
        if error.errno == errno.EACCES:  # missing capabilities were told by perf_event_open, and with EPERM
            text = "the program reads beyond the fields that this kernel's tracepoint has"
            raise LoadError(f"cannot {what}: {text}", "object") from error
        if error.errno == errno.EEXIST:  # a tracepoint takes each program once, by whatever event
            raise LoadError(f"cannot {what}: it is attached there already", "target") from error
        raise explain(error, what, "tracepoint") from error
    return Link(program.spec.name, f"tracepoint {name}", (link, event))


def _open(name: str, what: str) -> sys.Descriptor:
    category, _, short = name.partition(":")
    try:
        number = tracepoint_id(category, short)
    except LookupError:
        near = difflib.get_close_matches(name, tracepoint_names(), n=1, cutoff=0.6)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise LoadError(f"cannot {what}: this kernel has no such tracepoint{hint}", "target") from None
    except Error as error:
        raise LoadError(f"cannot {what}: {error}", "privileges") from error
    attributes = ATTRIBUTES.pack(PERF_TYPE_TRACEPOINT, ATTRIBUTES.size, number, 1, PERF_SAMPLE_RAW, 0, 0, 1, 0, 0, 0)
    try:
        return sys.perf_event_open(attributes, -1, 0)
    except OSError as error:
        raise explain(error, what, "tracepoint") from error
