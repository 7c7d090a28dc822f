"""netfilter: a link in the present network namespace (6.4)."""

from __future__ import annotations

import errno
import struct

from pyebpf.kernel.hooks.netfilter import FAMILIES, LEAST, MOST, PLACES
from pyebpf.kernel.programs import AttachType
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Detaching, Link
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.hints import did_you_mean
from pyebpf.loader.load import LoadedProgram


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach at `where`: `ipv4:local_in`, or `ipv4:local_in:-100` with a priority, of which the lowest is asked first.

    No two programs of one place have the same."""
    if where is None:
        where = program.spec.argument  # what the decorator says
    what = f"attach {program.spec.name} to netfilter {where}"
    family, place, priority = _parts(where, what)
    extra = struct.pack("=IIiI", family, place, priority, 0)
    try:
        link = sys.link_create(program.fd, 0, AttachType.NETFILTER, 0, extra)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise LoadError(f"cannot {what}: another program has that priority", "target") from None
        if error.errno in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EOPNOTSUPP):
            raise LoadError(f"cannot {what}: this kernel has no netfilter for that family", "kernel") from None
        raise explain(error, what, "netfilter") from error
    return Link(program.spec.name, f"netfilter {where}", (Detaching(link),))


def _parts(where: object, what: str) -> tuple[int, int, int]:
    family, _, rest = str(where).partition(":")
    place, _, priority = rest.partition(":")
    if family not in FAMILIES:
        raise LoadError(
            f"cannot {what}: the family is {' or '.join(FAMILIES)}{did_you_mean(family, FAMILIES)}", "target"
        )
    if place not in PLACES:
        raise LoadError(
            f"cannot {what}: the place is one of {', '.join(PLACES)}{did_you_mean(place, PLACES)}", "target"
        )
    try:
        number = int(priority or "0")
    except ValueError:
        number = MOST + 1
    if not LEAST <= number <= MOST:
        raise LoadError(f"cannot {what}: the priority is a number from {LEAST} to {MOST}", "target")
    return FAMILIES[family], PLACES[place], number
