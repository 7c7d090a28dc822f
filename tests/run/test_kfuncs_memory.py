"""Kfuncs with memory, text, the packet and several things to give back."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pins import BPFTOOL, Pins

import pyebpf
from pyebpf import (
    XDP,
    Global,
    NullPointerError,
    be16,
    be32,
    char,
    current_task,
    function,
    i32,
    i64,
    rcu,
    struct,
    tracepoint,
    u8,
    u64,
    xdp,
)
from pyebpf.kfuncs import (
    bpf_cgroup_ancestor,
    bpf_cgroup_from_id,
    bpf_cpumask_and,
    bpf_cpumask_create,
    bpf_cpumask_empty,
    bpf_cpumask_first,
    bpf_cpumask_populate,
    bpf_cpumask_set_cpu,
    bpf_cpumask_weight,
    bpf_send_signal_task,
    bpf_strcmp,
    bpf_strlen,
    bpf_strstr,
    bpf_task_acquire,
    bpf_task_from_pid,
    bpf_task_under_cgroup,
    bpf_xdp_ct_lookup,
)

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]


@struct(packed=True)
class Flow:
    saddr: be32
    daddr: be32
    sport: be16
    dport: be16


@struct
class Options:
    netns_id: i32
    error: i32
    l4proto: u8
    dir: u8
    reserved: u8[2]


results = Global[i64[8]]()
wanted = Global[i32]()
group = Global[u64]()


@xdp
def texts(packet):
    full: char[8] = "abcdefgh"
    results.value[0] = bpf_strcmp(full, "abcdefgh")
    results.value[1] = bpf_strlen(f"{len(packet)} bytes")
    results.value[2] = bpf_strstr(full, "cde")
    results.value[3] = bpf_strcmp("a", "b")
    return XDP.DROP


@xdp
def connection(packet):
    options = Options(netns_id=-1, l4proto=6)
    try:
        with bpf_xdp_ct_lookup(packet, Flow(saddr=0x0A000001, dport=80), options):
            results.value[0] = 1
    except NullPointerError:
        results.value[0] = options.error
    return XDP.DROP


@function
def leave_early(task, number):
    with bpf_task_acquire(task) as again:
        if number > 2:
            return again.tgid
    return -1


@xdp
def objects(packet):
    with bpf_task_from_pid(wanted.value) as task:
        for number in range(5):
            results.value[0] += leave_early(task, number)
        results.value[1] = bpf_send_signal_task(task, 10, 1, 7)
        with bpf_cgroup_from_id(group.value) as cgroup, bpf_cgroup_ancestor(cgroup, 0) as root:
            results.value[2] = bpf_task_under_cgroup(task, root)
            if results.value[2] == 1:
                return XDP.TX
    return XDP.DROP


@tracepoint("syscalls:sys_enter_getpgid")
def masks(ctx):
    if ctx.pid != wanted.value:
        return
    bits = u64[1](0x32)
    with bpf_cpumask_create() as mask, bpf_cpumask_create() as other, rcu:
        results.value[0] = bpf_cpumask_empty(mask)
        bpf_cpumask_set_cpu(1, mask)
        bpf_cpumask_set_cpu(0, mask)
        results.value[1] = bpf_cpumask_weight(mask)
        bpf_cpumask_set_cpu(1, other)
        results.value[2] = bpf_cpumask_and(other, mask, other)
        results.value[3] = bpf_cpumask_first(other)
        results.value[4] = bpf_cpumask_populate(mask, bits)
        with bpf_task_acquire(current_task()) as me:
            results.value[5] = me.tgid


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load((texts, connection, objects, masks), attach=False) as loaded:
        results.value = (0,) * 8
        yield loaded


def run(session: pyebpf.Session, program: str) -> int:
    return session.programs[program].test_run(data=bytes(64)).result


def test_text(session: pyebpf.Session) -> None:
    """Text that fills its place has an end for the kernel all the same."""
    assert run(session, "texts") == XDP.DROP
    assert list(results.value)[:3] == [0, len("64 bytes"), 2] and results.value[3] < 0


def test_memory_with_its_size(session: pyebpf.Session) -> None:
    """The kernel reads the flow, and writes why it found nothing into the options."""
    assert run(session, "connection") == XDP.DROP and not session.faults
    assert results.value[0] == -errno.ENOENT


def test_what_is_given_back_on_every_way(session: pyebpf.Session, cgroup: Path) -> None:
    wanted.value, group.value = os.getpid(), cgroup.stat().st_ino
    got: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: got.append(number))
    try:
        assert run(session, "objects") == XDP.TX
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert results.value[0] == 2 * os.getpid() - 3 and got == [signal.SIGUSR1]
    group.value = 1 << 50
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        assert run(session, "objects") == XDP.PASS
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert [fault.kind for fault in session.faults] == ["NullPointerError"]


def test_sets_of_cpus(session: pyebpf.Session) -> None:
    wanted.value = os.getpid()
    session.attach("masks")
    os.getpgid(os.getpid())
    assert results.value[0] == 1 and results.value[1] in (1, 2)
    assert results.value[4] in (0, -errno.EACCES, -errno.EINVAL) and results.value[5] == os.getpid()
    if results.value[1] == 2:
        assert (results.value[2], results.value[3]) == (1, 1)


@pytest.mark.skipif(BPFTOOL is None, reason="bpftool is not installed")
@pytest.mark.parametrize("program", [texts, connection, objects, masks], ids=lambda program: program.__name__)
def test_libbpf_finds_them(pins: Pins, tmp_path: Path, program: object) -> None:
    path = tmp_path / "probe.o"
    pyebpf.compile(program).save(path)
    done = pins.run(str(BPFTOOL), "prog", "loadall", path, pins.folder / "it")
    assert done.returncode == 0, done.stderr
