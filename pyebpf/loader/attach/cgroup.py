"""cgroups: a link on a directory of the cgroup2 file system (5.7)."""

from __future__ import annotations

import errno
import os

from pyebpf.kernel.hooks import hook_by_name
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Detaching, Link
from pyebpf.loader.errors import LoadError, explain, unreachable
from pyebpf.loader.load import LoadedProgram


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the cgroup directory `where`."""
    path = os.fspath(where) if isinstance(where, str | os.PathLike) else str(where)
    what = f"attach {program.spec.name} to cgroup {path}"
    hook = hook_by_name(program.spec.hook)
    assert hook is not None and hook.attach_type is not None
    try:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unreachable(error, what, str(path)) from None
    try:
        link = sys.link_create(program.fd, directory, hook.attach_type)
    except OSError as error:
        # EBADF: no cgroup, or one of version 1, whose directories look much the same.
        if error.errno == errno.EBADF or not os.path.exists(f"{path}/cgroup.procs"):
            raise LoadError(f"cannot {what}: it is not a directory of the cgroup2 file system", "target") from None
        raise explain(error, what, hook.name) from error
    finally:
        os.close(directory)
    return Link(program.spec.name, f"cgroup {path}", (Detaching(link),))
