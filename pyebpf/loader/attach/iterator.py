"""Iterators: a link (5.8), and a file for each time that it is read."""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import Final

from pyebpf.kernel.programs import AttachType
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Link
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedProgram

CHUNK: Final = 1 << 16


def attach(program: LoadedProgram, where: object) -> Link:
    """Make the iterator that the program's section names; nothing runs before it is read."""
    name = program.spec.argument
    what = f"attach {program.spec.name} to iterator {name}"
    try:
        link = sys.link_create(program.fd, 0, AttachType.TRACE_ITER)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EBADF):
            text = "it goes through something certain (a map, a cgroup), which pyebpf can't tell it yet"
            raise LoadError(f"cannot {what}: {text}", "target") from error
        raise explain(error, what, "iterator") from error
    return Link(program.spec.name, f"iterator {name}", (link,), partial(read_iterator, link))


def read_iterator(link: sys.Descriptor) -> bytes:
    """Go through everything once; what the program has written."""
    found: list[bytes] = []
    with sys.iter_create(link.fd) as file:
        while True:
            try:
                data = os.read(file.fd, CHUNK)
            except BlockingIOError:  # a program may ask for more time
                continue
            if not data:
                return b"".join(found)
            found.append(data)
