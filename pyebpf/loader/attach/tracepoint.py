"""Tracepoints: a perf event for the tracepoint, and the program on that."""

from __future__ import annotations

import errno
from typing import Final

from pyebpf.diagnostics.base import Error
from pyebpf.kernel.tracepoints import tracepoint_id, tracepoint_names
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Link
from pyebpf.loader.attach.perf import ATTRIBUTES, set_program
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.hints import did_you_mean
from pyebpf.loader.load import LoadedProgram

PERF_TYPE_TRACEPOINT: Final = 2
PERF_SAMPLE_RAW: Final = 1 << 10
MOST: Final = 64
"""BPF_TRACE_MAX_PROGS: programs by perf events that one tracepoint takes, of all processes. Raw tracepoints
have no such limit. Source: kernel/trace/bpf_trace.c."""


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the tracepoint that the program's section names."""
    name = program.spec.argument.replace("/", ":", 1)
    what = f"attach {program.spec.name} to tracepoint {name}"
    event = _open(name, what)
    try:
        holders = set_program(program, event)
    except OSError as error:
        event.close()
        if error.errno == errno.EACCES:  # missing capabilities were told by perf_event_open, and with EPERM
            text = "the program reads beyond the fields that this kernel's tracepoint has"
            raise LoadError(f"cannot {what}: {text}", "object") from error
        if error.errno == errno.EEXIST:  # a tracepoint takes each program once, by whatever event
            raise LoadError(f"cannot {what}: it is attached there already", "target") from error
        if error.errno == errno.E2BIG:
            text = f"it has {MOST} programs already, of all processes, and takes no more (@raw_tracepoint has no limit)"
            raise LoadError(f"cannot {what}: {text}", "target") from error
        raise explain(error, what, "tracepoint") from error
    return Link(program.spec.name, f"tracepoint {name}", holders)


def _open(name: str, what: str) -> sys.Descriptor:
    category, _, short = name.partition(":")
    try:
        number = tracepoint_id(category, short)
    except LookupError:
        hint = did_you_mean(name, tracepoint_names())
        raise LoadError(f"cannot {what}: this kernel has no such tracepoint{hint}", "target") from None
    except Error as error:
        raise LoadError(f"cannot {what}: {error}", "privileges") from error
    attributes = ATTRIBUTES.pack(PERF_TYPE_TRACEPOINT, ATTRIBUTES.size, number, 1, PERF_SAMPLE_RAW, 0, 0, 1, 0, 0, 0)
    try:
        return sys.perf_event_open(attributes, -1, 0)
    except OSError as error:
        raise explain(error, what, "tracepoint") from error
