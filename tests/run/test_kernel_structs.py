"""Members of the kernel's structs of every kind, read on the live kernel and checked against what it says elsewhere."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import pyebpf
from pyebpf import (
    Global,
    IPv6Address,
    cast,
    char,
    current_task,
    i64,
    pid,
    raw_tracepoint,
    struct,
    u8,
    u16,
    u32,
    u64,
)

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]

SYS_GETPPID = 110
me = Global[u32](0)
number = Global[u32](0)


@struct
class Process:
    pid: u32
    level: u32
    inner: i64
    outermost: i64
    threads: i64
    uid: u32
    no_new_privs: u8
    is_thread: u8
    policy: u32
    mask: u64
    whole: u64[4]
    bits: u32
    parent_is_real: u8
    comm: char[16]
    wide: char[32]
    named: u8
    called: u8
    vector: u8
    function: u64
    umask: u32
    directory: char[64]


@struct
class Opened:
    flags: u32
    mode: u32
    inode: u64
    size: i64
    position: i64
    name: char[64]
    short: char[8]
    is_name: u8
    operations: u8
    again: u32


@struct
class Socket:
    family: u16
    type: u16
    port: u16
    remote: u16
    state: u32
    address: IPv6Address
    same: u8[16]
    word: u32
    local: u8
    reuse: u8
    only_v6: u8
    protocol: u16
    lowest: i64


seen = Global[Process]()
opened = Global[Opened]()
sockets = Global[Socket]()
loopback = Global[u8[16]]()
target = Global[IPv6Address]()


@raw_tracepoint("sys_enter")
def process(ctx):
    if pid() != me.value or ctx.args[1] != SYS_GETPPID:
        return
    task = current_task()
    own = task.thread_pid
    seen.value.pid = task.tgid
    level = own.level
    seen.value.level = level
    seen.value.inner = own.numbers[level].nr
    seen.value.outermost = own.numbers[0].nr
    seen.value.threads = task.signal.nr_threads
    seen.value.uid = task.cred.uid.val
    seen.value.no_new_privs = task.sched_reset_on_fork
    seen.value.is_thread = task.in_iowait
    seen.value.policy = task.policy
    seen.value.mask = task.cpus_mask.bits[0]
    seen.value.whole = task.cpus_mask.bits
    mask: u64[4] = task.cpus_mask.bits
    for word in task.cpus_mask.bits:
        for bit in range(64):
            if word >> bit & 1 == 1:
                seen.value.bits += 1
    seen.value.vector = u8(mask[0] == task.cpus_mask.bits[-4]) + u8(len(task.cpus_mask.bits))
    seen.value.parent_is_real = u8(task.parent == task.real_parent)
    seen.value.comm = task.comm
    seen.value.wide = task.comm
    seen.value.named = u8(task.comm == "kernel structs")
    seen.value.called = u8(task.comm == "kernel struct")
    seen.value.function = u64(task.restart_block.fn is not None)
    seen.value.umask = u32(task.fs.umask)
    seen.value.directory = task.fs.pwd.dentry.d_name.name


@raw_tracepoint("sys_enter")
def files(ctx):
    if pid() != me.value or ctx.args[1] != SYS_GETPPID:
        return
    file = current_task().files.fdt.fd[number.value]
    opened.value.flags = file.f_flags
    opened.value.mode = u32(file.f_inode.i_mode)
    opened.value.inode = file.f_inode.i_ino
    opened.value.size = file.f_inode.i_size
    opened.value.position = file.f_pos
    opened.value.name = file.f_path.dentry.d_name.name
    opened.value.is_name = u8(file.f_path.dentry.d_name.name == "seen by the kernel")
    first = file.f_path.dentry.d_name.name[0]
    opened.value.short = file.f_inode.i_sb.s_type.name
    opened.value.operations = u8(file.f_op.read is None) + 2 * u8(file.f_op.llseek is not None)
    opened.value.again = first


@raw_tracepoint("sys_enter")
def connected(ctx):
    if pid() != me.value or ctx.args[1] != SYS_GETPPID:
        return
    held = current_task().files.fdt.fd[number.value]
    sk = cast(held.private_data, "struct socket").sk
    common = sk.__sk_common
    sockets.value.family = common.skc_family
    sockets.value.type = sk.sk_type
    sockets.value.port = common.skc_num
    sockets.value.remote = common.skc_dport
    sockets.value.state = common.skc_state
    sockets.value.address = common.skc_v6_daddr.in6_u.u6_addr8
    sockets.value.same = common.skc_v6_daddr.in6_u.u6_addr8
    sockets.value.word = common.skc_v6_daddr.in6_u.u6_addr32[3]
    same = common.skc_v6_daddr.in6_u.u6_addr8 == loopback.value
    sockets.value.local = u8(same) + 2 * u8(common.skc_v6_daddr.in6_u.u6_addr8 == IPv6Address("::1"))
    sockets.value.reuse = common.skc_reuse
    sockets.value.only_v6 = common.skc_ipv6only
    sockets.value.protocol = sk.sk_protocol
    sockets.value.lowest = sk.sk_rcvlowat


@contextmanager
def attached(probe: Any) -> Iterator[Any]:
    with pyebpf.load(probe) as session:
        me.value = os.getpid()
        yield session
        assert session.faults == ()


def test_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a folder of this test"
    folder.mkdir()
    monkeypatch.chdir(folder)
    before, comm = os.umask(0o027), Path("/proc/self/comm")
    old = comm.read_text().rstrip("\n")
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    affinity = os.sched_getaffinity(0)
    os.sched_setscheduler(0, os.SCHED_BATCH | os.SCHED_RESET_ON_FORK, os.sched_param(0))
    try:
        comm.write_text("kernel structs")
        with attached(process):
            os.getppid()
            found = seen.value
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        comm.write_text(old)
        os.umask(before)
        done.set()
        other.join()
    inner = [int(word) for word in status("NSpid")]
    assert (found.pid, found.inner, found.level) == (os.getpid(), os.getpid(), found.level)
    assert found.level + 1 >= len(inner) and found.outermost > 0
    assert (found.threads, found.uid, found.policy) == (threads_then(found), os.getuid(), os.SCHED_BATCH)
    assert (found.no_new_privs, found.is_thread) == (1, 0)  # sched_reset_on_fork; who runs waits for nothing
    mask = sum(1 << cpu for cpu in affinity)
    assert (found.mask, list(found.whole), found.bits) == (mask, [mask, 0, 0, 0], len(affinity))
    assert (found.vector, found.parent_is_real) == (5, 1)
    assert (found.comm, found.wide, found.named, found.called) == ("kernel structs", "kernel structs", 1, 0)
    assert (found.umask, found.directory, found.function) == (0o027, "a folder of this test", 1)


def threads_then(found: Any) -> int:
    """Python's own threads, and the one of the test; others that were there before stay."""
    assert found.threads >= 2
    return int(found.threads)


def status(name: str) -> list[str]:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1:] for line in lines if line.startswith(f"{name}:"))


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "seen by the kernel"
    path.write_bytes(bytes(12345))
    with path.open("r+b", buffering=0) as file, attached(files):
        file.seek(77)
        number.value = file.fileno()
        os.getppid()
        flags = fdinfo(file.fileno(), "flags")
        found, stat = opened.value, path.stat()
    assert (found.inode, found.size, found.mode, found.position) == (stat.st_ino, 12345, stat.st_mode, 77)
    assert found.flags == int(flags, 8) & ~os.O_CLOEXEC
    assert (found.name, found.is_name, found.again) == ("seen by the kernel", 1, ord("s"))
    assert found.short and found.operations in (2, 3)


def fdinfo(number: int, name: str) -> str:
    lines = Path(f"/proc/self/fdinfo/{number}").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))


def test_a_socket() -> None:
    with socket.socket(socket.AF_INET6) as server, socket.socket(socket.AF_INET6) as client:
        server.bind(("::1", 0))
        server.listen()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 3)
        client.connect(server.getsockname())
        with attached(connected):
            loopback.value = [0] * 15 + [1]
            number.value = client.fileno()
            os.getppid()
            found = sockets.value
        assert (found.family, found.type, found.protocol) == (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        assert (found.port, found.remote) == (client.getsockname()[1], server.getsockname()[1])
        assert found.state == 1  # TCP_ESTABLISHED
        assert (str(found.address), list(found.same), found.word) == ("::1", [0] * 15 + [1], 1)
        assert (found.local, found.reuse, found.only_v6, found.lowest) == (3, 1, 1, 3)


MEMBERS = {
    "sched_switch": (
        "prev.__state prev.prio prev.se.vruntime prev.mm.total_vm prev.mm.owner.pid prev.cred.uid.val",
        "prev.signal.nr_threads prev.files.fdt.max_fds prev.fs.umask prev.mm.exe_file.f_inode.i_ino",
        "prev.thread_pid.level prev.cpus_mask.bits[1] prev.unwind_info.id.cnt prev.in_execve",
        "prev.sched_class.enqueue_task prev.cgroups.dfl_cgrp.level",
    ),
    "netif_receive_skb": (
        "skb.len skb.protocol skb.pkt_type skb.cloned skb.mark skb.dev.ifindex skb.dev.mtu",
        "skb.sk.__sk_common.skc_family skb.dev.priv_flags skb.users.refs.counter skb.dev.nd_net.net.ns.inum",
    ),
    "inet_sock_set_state": (
        "sk.sk_protocol sk.sk_type sk.__sk_common.skc_daddr sk.__sk_common.skc_dport sk.__sk_common.skc_reuse",
        "sk.sk_socket.type sk.sk_socket.file.f_flags sk.sk_backlog.len sk.sk_userlocks",
    ),
}


@pytest.mark.parametrize("hook", MEMBERS)
@pytest.mark.parametrize("way", ["direct", "met", "cast"])
def test_the_verifier_takes_all_of_it(hook: str, way: str, tmp_path: Path) -> None:
    """Loads, probe reads of what the verifier knows, and of what it knows nothing of; nothing is attached."""
    words = " ".join(MEMBERS[hook]).split()
    first = words[0].partition(".")[0]
    struct = {"prev": "task_struct", "skb": "sk_buff", "sk": "sock"}[first]
    begin = {
        "direct": [f"base = {first}"],
        "met": [f"base = {first}", "if cpu() == 1000:", f'    base = cast(total.value, "struct {struct}")'],
        "cast": [f'base = cast({first}, "struct {struct}")'],
    }[way]
    lines = [f"total.value += u64({word.replace(first, 'base', 1)} != 0)" for word in words]
    path = tmp_path / "probes.py"
    head = f'from pyebpf import *\ntotal = Global[u64](0)\n@tp_btf("{hook}")\ndef probe({first}):\n'
    path.write_text(head + "".join(f"    {line}\n" for line in [*begin, *lines]))
    with pyebpf.load(str(path), attach=False) as session:
        assert list(session.programs) == ["probe"]
