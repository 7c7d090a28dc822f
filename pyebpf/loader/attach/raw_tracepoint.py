"""Raw tracepoints: one call of bpf(2) (4.17)."""

from __future__ import annotations

import errno

from pyebpf.kernel.btf import Btf, BtfError
from pyebpf.kernel.tracepoints import raw_tracepoint_names
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Link
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.hints import did_you_mean
from pyebpf.loader.load import LoadedProgram


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the raw tracepoint that the program's section names."""
    name = program.spec.argument
    what = f"attach {program.spec.name} to raw tracepoint {name}"
    try:
        link = sys.raw_tracepoint_open(name, program.fd)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise LoadError(f"cannot {what}: this kernel has no such tracepoint{_nearest(name)}", "target") from None
        if error.errno == errno.EINVAL:  # the one other reason, once the program is loaded and the name is known
            raise LoadError(f"cannot {what}: the program reads more arguments than it has", "object") from error
        raise explain(error, what, "raw_tracepoint") from error
    return Link(program.spec.name, f"raw tracepoint {name}", (link,))


def _nearest(name: str) -> str:
    try:
        names = raw_tracepoint_names(Btf.running())
    except (BtfError, OSError):
        return ""
    return did_you_mean(name, names)
