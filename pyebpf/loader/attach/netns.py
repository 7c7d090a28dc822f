"""Network namespaces: a link (5.8) on one that a file, a name or a process stands for."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from pyebpf.kernel.hooks import hook_by_name
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Detaching, Link
from pyebpf.loader.errors import LoadError, explain, unreachable
from pyebpf.loader.load import LoadedProgram

NAMED: Final = Path("/run/netns")
"""Where `ip netns add` keeps names."""


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the namespace `where`: a file (`/proc/self/ns/net`), a name (`ip netns`), or that of a process."""
    path = _path(where)
    what = f"attach {program.spec.name} to network namespace {where}"
    hook = hook_by_name(program.spec.hook)
    assert hook is not None and hook.attach_type is not None
    try:
        namespace = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unreachable(error, what, str(path)) from None
    try:
        link = sys.link_create(program.fd, namespace, hook.attach_type)
    except OSError as error:
        if error.errno == errno.EINVAL and "/ns/net" not in str(path) and NAMED not in path.parents:
            raise LoadError(f"cannot {what}: that is no network namespace", "target") from None
        if error.errno in (errno.EEXIST, errno.E2BIG):
            other = "another program is there, or is in the initial namespace for all of them"
            raise LoadError(f"cannot {what}: {other}", "target") from None
        raise explain(error, what, hook.name) from error
    finally:
        os.close(namespace)
    return Link(program.spec.name, f"network namespace {where}", (Detaching(link),))


def _path(where: object) -> Path:
    if isinstance(where, int) and not isinstance(where, bool):
        return Path(f"/proc/{where}/ns/net")
    text = os.fspath(where) if isinstance(where, str | os.PathLike) else str(where)
    if text.isdigit():
        return Path(f"/proc/{text}/ns/net")
    return Path(text) if "/" in text else NAMED / text
