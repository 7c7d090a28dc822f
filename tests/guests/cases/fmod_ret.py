"""A function's result is replaced, and the function doesn't run."""

import errno
import os

from pyebpf import EPERM, Config, Global, fmod_ret, pid, u32, u64

SINCE = (5, 7)
JIT = True
LATER = {"aarch64": (6, 4)}

only, asked = Config[u32](0), Global[u64](0)


@fmod_ret("security_task_getpgid")
def judge(p, ret):
    if pid() != only.value:
        return ret
    asked.value += 1
    return -EPERM if p.tgid == only.value else 0


def config():
    return {"only": os.getpid()}


def check(session):
    try:
        os.getpgid(os.getpid())
    except PermissionError as error:
        assert error.errno == errno.EPERM
    else:
        raise AssertionError("it was allowed")
    assert os.getpgid(1) is not None
    assert session.variables["asked"].value == 2
