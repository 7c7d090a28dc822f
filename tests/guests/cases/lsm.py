"""A security hook says no."""

import errno
import os
import socket

from pyebpf import EPERM, Config, Global, lsm, pid, u32, u64

SINCE = (5, 7)
JIT = True
LATER = {"aarch64": (6, 4)}

only, asked = Config[u32](0), Global[u64](0)


@lsm("socket_bind")
def judge(addrlen, ret):
    if ret != 0 or pid() != only.value:
        return ret
    asked.value += 1
    return 0 if addrlen == 16 else -EPERM


def config():
    return {"only": os.getpid()}


def check(session):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        try:
            own.bind("\0some name that is not that short")
        except PermissionError as error:
            assert error.errno == errno.EPERM
        else:
            raise AssertionError("it was allowed")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.bind("\0" + "x" * 13)
    assert session.variables["asked"].value == 2
