"""Kernel structs that a test supplies as dicts and lists: the simulator reads what the kernel would."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import Any

import pytest

from pyebpf import (
    Global,
    InodeStorage,
    cast,
    char,
    container_of,
    current_task,
    i64,
    lsm,
    raw_tracepoint,
    tp_btf,
    u32,
    u64,
)
from pyebpf import IPv6Address as Address
from pyebpf.testing import Simulator

numbers = Global[i64[12]]()
address, name, mask = Global[Address](), Global[char[32]](), Global[u64[4]]()


opens = InodeStorage[u64]()


@lsm("file_open")
def opened(file):
    opens[file.f_inode] += 1


@raw_tracepoint("sys_enter")
def reads(ctx):
    task = current_task()
    own = task.thread_pid
    numbers.value[0] = own.numbers[0].nr
    numbers.value[1] = own.numbers[own.level].nr
    numbers.value[2] = task.sched_reset_on_fork
    numbers.value[3] = task.files.fdt.fd[1].f_flags
    numbers.value[4] = i64(task.comm == "shell")
    numbers.value[5] = i64(task.restart_block.fn is None)
    numbers.value[6] = sum(i64(word) for word in task.cpus_mask.bits)
    numbers.value[7] = i64(hasattr(task, "__state"))
    numbers.value[8] = i64(container_of(task.group_leader, "struct task_struct", "tgid") is not None)
    mask.value = task.cpus_mask.bits
    name.value = task.fs.pwd.dentry.d_name.name


@tp_btf("inet_sock_set_state")
def state(sk):
    address.value = sk.__sk_common.skc_v6_daddr.in6_u.u6_addr8
    numbers.value[9] = sk.__sk_common.skc_dport
    numbers.value[10] = cast(sk, "struct sock").__sk_common.skc_reuse
    numbers.value[11] = u32(sk.sk_socket.type)


TASK: dict[str, Any] = {
    "thread_pid": {"level": 1, "numbers": [{"nr": 70}, {"nr": 7}]},
    "sched_reset_on_fork": 1,
    "files": {"fdt": {"fd": [None, {"f_flags": 9}]}},
    "comm": "shell",
    "restart_block": {"fn": None},
    "cpus_mask": {"bits": [1, 2, 3, 4]},
    "group_leader": {},
    "fs": {"pwd": {"dentry": {"d_name": {"name": "a folder"}}}},
}


@pytest.fixture
def simulate() -> Iterator[Simulator]:
    with Simulator() as simulate:
        simulate.watch({"numbers": numbers, "address": address, "name": name, "mask": mask})
        yield simulate


def test_members_of_every_kind(simulate: Simulator) -> None:
    assert simulate(reads, current_task=TASK, ctx=[0, 0]).fault is None
    assert list(numbers.value)[:9] == [70, 7, 1, 9, 1, 1, 10, 1, 1]
    assert (list(mask.value), name.value) == ([1, 2, 3, 4], "a folder")


def test_where_the_verifier_knows(simulate: Simulator) -> None:
    common = {
        "skc_v6_daddr": {"in6_u": {"u6_addr8": IPv6Address("2001:db8::1").packed}},
        "skc_dport": 443,
        "skc_reuse": 1,
    }
    assert simulate(state, ctx={"sk": {"__sk_common": common, "sk_socket": {"type": 2}}}).fault is None
    assert (address.value, list(numbers.value)[9:]) == (IPv6Address("2001:db8::1"), [443, 1, 2])
    fault = simulate(state, ctx={"sk": {"__sk_common": common, "sk_socket": None}}).fault
    assert fault is not None and fault.kind == "NullPointerError"


def test_storage_hangs_on_each_inode(simulate: Simulator) -> None:
    one, other = {"i_ino": 1}, {"i_ino": 2}
    for inode in (one, other, one, one):
        assert simulate(opened, ctx={"file": {"f_inode": inode}}).result == 0
    assert sorted(simulate.maps["opens"].values()) == [1, 3]
