"""netkit: links on the primary interface of a pair, for what either end sends (6.7)."""

from __future__ import annotations

import errno

from pyebpf.kernel.hooks import hook_by_name
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Detaching, Link
from pyebpf.loader.attach.netdev import interface
from pyebpf.loader.attach.order import FIRST_COME, Order, check_neighbour
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedProgram


def attach(program: LoadedProgram, where: object, order: Order = FIRST_COME) -> Link:
    """Attach to the interface `where` (its name, or its index), the primary one of its pair."""
    hook = hook_by_name(program.spec.hook)
    assert hook is not None and hook.attach_type is not None
    name, index = interface(where, f"attach {program.spec.name}")
    end = hook.name.rpartition(".")[2]
    what = f"attach {program.spec.name} to {end} of netkit {name}"
    try:
        link = sys.link_create(program.fd, index, hook.attach_type, order.flags, order.packed())
    except OSError as error:
        check_neighbour(error, what, order)
        if error.errno == errno.ENXIO:
            raise LoadError(f"cannot {what}: that is no netkit interface", "target") from None
        if error.errno == errno.EACCES:
            text = "that is the peer; the primary interface has both ends' programs"
            raise LoadError(f"cannot {what}: {text}", "target") from None
        if error.errno == errno.EINVAL:
            text = "this kernel has no netkit (Linux 6.7, CONFIG_NETKIT)"
            raise LoadError(f"cannot {what}: {text}", "kernel") from error
        raise explain(error, what, hook.name) from error
    return Link(program.spec.name, f"{end} of netkit {name}", (Detaching(link),))
