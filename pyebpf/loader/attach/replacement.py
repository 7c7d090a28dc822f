"""Functions of programs, replaced by other programs (links since 5.10): by a trampoline at the function's beginning."""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping

from pyebpf.loader import replaced, sys
from pyebpf.loader.attach.link import Link
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedProgram


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the program `where`: the one that was named when it was loaded, or another with the same function."""
    known: Mapping[str, LoadedProgram] = program.owner.programs
    place = f"function {program.spec.argument} of program {getattr(where, 'name', where)}"
    what = f"attach {program.spec.name} to {place}"
    with replaced.target(program.spec, where, known) as (descriptor, function):
        try:
            link = sys.link_create(program.fd, descriptor, 0, 0, struct.pack("=I", function))
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise LoadError(f"cannot {what}: another program has replaced it, or it is in use", "target") from None
            raise explain(error, what, "freplace") from error
    return Link(program.spec.name, place, (link,))
