"""Security hooks of a cgroup: what is asked by its own processes, and by nobody else's."""

import errno
import socket
from contextlib import suppress

from surroundings import inside, own_cgroup

from pyebpf import EACCES, Global, lsm_cgroup, u64
from pyebpf.helpers import set_retval

SINCE = (6, 0)
JIT = True
LATER = {"aarch64": (6, 4)}

asked, freed = Global[u64](0), Global[u64](0)


@lsm_cgroup("socket_bind")
def judge(addrlen):
    asked.value += 1
    return 1 if addrlen == 16 else 0


@lsm_cgroup("socket_listen")
def listens(backlog):
    if backlog > 4:
        set_retval(-EACCES)
        return 0


@lsm_cgroup("sk_clone_security")
def cloned(sk):
    freed.value += 1


def where():
    return dict.fromkeys(("judge", "listens", "cloned"), own_cgroup())


def bound(name):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.bind(name)


def check(session):
    long = "\0some name that is not that short"
    bound(long)
    assert session.variables["asked"].value == 0
    with inside(own_cgroup()):
        bound("\0" + "x" * 13)
        with suppress(PermissionError):
            bound(long)
            raise AssertionError("it was allowed")
        with socket.socket() as own:
            own.bind(("127.0.0.1", 0))
            own.listen(2)
            try:
                own.listen(5)
            except PermissionError as error:
                assert error.errno == errno.EACCES
            else:
                raise AssertionError("it was allowed")
    bound(long)
    assert session.variables["asked"].value == 3
