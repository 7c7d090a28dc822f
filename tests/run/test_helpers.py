"""The kernel's helpers by name: they do what they do, and their results are numbers as Python has them."""

from __future__ import annotations

import errno
import os
import signal
import struct
from collections.abc import Iterator

import pytest

import pyebpf
from pyebpf import (
    XDP,
    Ethernet,
    Global,
    IPv4,
    Vlan,
    current_task,
    function,
    i64,
    raw_tracepoint,
    u32,
    u64,
    xdp,
)
from pyebpf import (
    struct as pstruct,
)
from pyebpf.helpers import (
    check_mtu,
    csum_diff,
    get_ns_current_pid_tgid,
    get_task_stack,
    send_signal,
    task_pt_regs,
    xdp_adjust_head,
    xdp_adjust_tail,
)

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]


@pstruct
class Ids:
    pid: u32
    tgid: u32


frames = Global[u64[32]]()
results = Global[i64[4]]()
device, inode = Global[u64](0), Global[u64](0)
ids = Global[Ids]()
mtu = Global[u32[1]]()
checksum = Global[u64](0)
stack_pointer = Global[u64](0)


@raw_tracepoint("sys_enter")
def task(ctx):
    results.value[0] = get_task_stack(current_task(), frames.value, 0)
    results.value[1] = get_ns_current_pid_tgid(device.value, inode.value, ids.value)
    results.value[2] = send_signal(10)
    results.value[3] = send_signal(1000)
    stack_pointer.value = task_pt_regs(current_task()).sp


@function
def folded(total):
    for _ in range(3):
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@xdp
def push_vlan(packet):
    ethernet = packet.parse(Ethernet)
    header, proto = ethernet.copy(), ethernet.proto
    ip = packet.parse(IPv4)
    checksum.value = folded(csum_diff(None, ip, 0))
    if xdp_adjust_head(packet, -4) < 0:
        return XDP.ABORTED
    ethernet = packet.parse(Ethernet)
    ethernet.dest, ethernet.source, ethernet.proto = header.dest, header.source, 0x8100
    vlan = packet.parse(Vlan)
    vlan.tci, vlan.proto = 7, proto
    results.value[0] = check_mtu(packet, 1, mtu.value, 0, 0)
    results.value[1] = xdp_adjust_tail(packet, -100000)
    return XDP.TX


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load((task, push_vlan), attach=False) as loaded:
        yield loaded


def test_the_running_task(session: pyebpf.Session) -> None:
    """Its stack, its ids in its own namespace, its registers; and signals that it really gets."""
    namespace = os.stat("/proc/self/ns/pid")
    device.value, inode.value = namespace.st_dev, namespace.st_ino
    got: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: got.append(number))
    try:
        session.programs["task"].test_run(None, bytes(96))
    finally:
        signal.signal(signal.SIGUSR1, before)
    size, status, sent, refused = results.value
    assert size > 0 and size % 8 == 0 and all(frames.value[: size // 8])
    assert (status, sent, refused) == (0, 0, -errno.EINVAL)
    assert (ids.value.pid, ids.value.tgid) == (os.getpid(), os.getpid())
    assert got == [signal.SIGUSR1]
    assert 0 < stack_pointer.value < 1 << 47


def test_a_packet_that_grows(session: pyebpf.Session) -> None:
    """A tag is put in; the checksum that csum_diff and a fold give is the header's own; an errno is negative."""
    ip = struct.pack("!BBHHHBBHII", 0x45, 0, 40, 7, 0, 64, 6, 0, 0x0A000001, 0x0A000002)
    packet = bytes(range(12)) + b"\x08\x00" + ip + bytes(20)
    run = session.programs["push_vlan"].test_run(data=packet)
    assert run.result == XDP.TX
    assert run.data == bytes(range(12)) + b"\x81\x00\x00\x07\x08\x00" + ip + bytes(20)
    words = struct.unpack("!10H", ip)
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    assert struct.pack("=H", checksum.value) == struct.pack("!H", ~total & 0xFFFF)
    assert results.value[0] == 0 and mtu.value[0] >= 65535
    assert results.value[1] == -errno.EINVAL
