"""Iterators: all tasks, and the sockets of a process, each time that they are read."""

import os
import socket
import sys
import threading

from pyebpf import Config, Global, Hash, char, iterator, struct, u32, u64
from pyebpf.helpers import seq_write

SINCE = (5, 8)


@struct
class Row:
    tgid: u32
    comm: char[16]


only, port = Config[u32](0), Config[u32](0)
names = Hash[u32, char[16]](max_entries=4096)
threads, sockets = Global[u64](0), Global[u64](0)


@iterator("task")
def tasks(task, meta):
    names[task.pid] = task.comm
    if task.tgid == only.value:
        threads.value += 1
        row = Row(tgid=task.tgid, comm=task.comm)
        seq_write(meta.seq, row)


@iterator("tcp")
def listening(sk_common, uid):
    if sk_common.skc_num == port.value and uid == 0:
        sockets.value += 1


OWN: list[socket.socket] = []


def config():
    OWN.append(socket.create_server(("127.0.0.1", 0)))
    return {"only": os.getpid(), "port": OWN[0].getsockname()[1]}


def check(session):
    waiting = threading.Event()
    other = threading.Thread(target=waiting.wait)
    other.start()
    try:
        with open("/proc/self/comm") as file:
            own = file.read().rstrip("\n")
        assert session.variables["threads"].value == 0
        written = session.links["tasks"].read()
        assert session.variables["threads"].value == 2
        row = os.getpid().to_bytes(4, sys.byteorder) + own.encode().ljust(16, b"\0")
        assert written in (row * 2, row + written[20:]) and len(written) == 40, written
        assert session.maps["names"][os.getpid()] == own
        session.links["tasks"].read()
        assert session.variables["threads"].value == 4
    finally:
        waiting.set()
        other.join()
    assert session.links["listening"].read() == b""
    assert session.variables["sockets"].value == 1
