"""Hooks of a cgroup, beside those of packets and connections: each is asked when a process of the group acts."""

import os
import socket
from pathlib import Path

from run_kernel import in_child
from surroundings import own_cgroup, own_network

from pyebpf import CGROUP, Hash, cgroup, sockops, u32, u64

SINCE = (5, 9)

asked = Hash[u32, u64](max_entries=64)
WORDS = ("bind", "sendmsg", "recvmsg", "getsockname", "getpeername", "create", "release", "device", "sysctl", "getopt")
WORDS = (*WORDS, "setopt", "sockops", "post_bind")


@cgroup.bind4
def bind4(ctx):
    asked[0] += 1


@cgroup.sendmsg4
def sendmsg4(ctx):
    asked[1] += 1


@cgroup.recvmsg4
def recvmsg4(ctx):
    asked[2] += 1


@cgroup.getsockname4
def getsockname4(ctx):
    asked[3] += 1


@cgroup.getpeername4
def getpeername4(ctx):
    asked[4] += 1


@cgroup.sock_create
def sock_create(ctx):
    asked[5] += 1


@cgroup.sock_release
def sock_release(ctx):
    asked[6] += 1


@cgroup.device
def device(ctx):
    asked[7] += 1
    return CGROUP.DENY if ctx.major == 1 and ctx.minor == 7 else CGROUP.ALLOW


@cgroup.sysctl
def sysctl(ctx):
    asked[8] += 1


@cgroup.getsockopt
def getsockopt(ctx):
    asked[9] += 1


@cgroup.setsockopt
def setsockopt(ctx):
    asked[10] += 1


@sockops
def tcp(ctx):
    asked[11] += 1


@cgroup.post_bind4
def post_bind4(ctx):
    asked[12] += 1


def where():
    own_network()
    return dict.fromkeys(PROGRAMS, str(own_cgroup()))


PROGRAMS = ("bind4", "sendmsg4", "recvmsg4", "getsockname4", "getpeername4", "sock_create", "sock_release", "device")
PROGRAMS = (*PROGRAMS, "sysctl", "getsockopt", "setsockopt", "tcp", "post_bind4")


def does_things(group: Path) -> str:
    (group / "cgroup.procs").write_text("0")
    with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
        receiver.bind(("127.0.0.1", 0))
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        sender.sendto(b"x", receiver.getsockname())
        receiver.recvfrom(16)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as near:
        near.getpeername()
        server.accept()[0].close()
    Path("/proc/sys/kernel/ostype").read_text()
    try:
        os.close(os.open("/dev/full", os.O_RDONLY))
    except PermissionError:
        return "refused"
    return "opened"


def check(session):
    assert in_child(lambda: does_things(own_cgroup_of(os.getppid()))) == "refused"
    found = session.maps["asked"].to_dict()
    assert [WORDS[number] for number in range(len(WORDS)) if not found.get(number)] == []
    assert not session.faults


def own_cgroup_of(process: int) -> Path:
    return own_cgroup().with_name(f"case-{process}")
