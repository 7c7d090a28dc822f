"""Dynptrs of packets, of memory and of rings, in the kernel and in the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

import pyebpf
from pyebpf import (
    XDP,
    Ethernet,
    Global,
    Hash,
    NullPointerError,
    RingBuf,
    be16,
    cgroup,
    char,
    function,
    i64,
    socket_filter,
    struct,
    u8,
    u16,
    u32,
    u64,
    xdp,
)
from pyebpf.helpers import dynptr_data, dynptr_from_mem, dynptr_read, dynptr_write, ringbuf_reserve_dynptr
from pyebpf.kfuncs import (
    bpf_dynptr_adjust,
    bpf_dynptr_clone,
    bpf_dynptr_copy,
    bpf_dynptr_from_skb,
    bpf_dynptr_from_xdp,
    bpf_dynptr_is_null,
    bpf_dynptr_is_rdonly,
    bpf_dynptr_memset,
    bpf_dynptr_size,
    bpf_dynptr_slice,
    bpf_dynptr_slice_rdwr,
)
from pyebpf.testing import Simulator

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
EINVAL, E2BIG, ERANGE = -22, -7, -34


@struct
class Pair:
    a: u32
    b: u32


results = Global[i64[16]]()
buffer = Global[u8[64]]()
records = RingBuf[bytes](size=4096)
pairs = Hash[Pair, u32](max_entries=4)
words = Hash[u32, u64[8]](max_entries=4)


@xdp
def sizes(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:
        results.value[0] = bpf_dynptr_size(data)
        results.value[1] = bpf_dynptr_slice(data, 12, be16)
        results.value[2] = bpf_dynptr_adjust(data, 14, 50)
        results.value[3] = len(data)
        results.value[4] = bpf_dynptr_adjust(data, 0, 100)
        results.value[5] = bpf_dynptr_is_null(data)
        results.value[6] = bpf_dynptr_is_rdonly(data)
        with bpf_dynptr_clone(data) as rest:
            results.value[7] = bpf_dynptr_adjust(rest, 1, 3)
            pair = bpf_dynptr_slice_rdwr(rest, 0, u8[2])
            pair[1] = 77
            results.value[8] = len(rest)
        results.value[9] = len(data)
    return XDP.TX


@xdp
def filled(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data, dynptr_from_mem(buffer.value, 0) as memory:
        results.value[0] = bpf_dynptr_memset(data, 10, 2, 0xAB)
        results.value[1] = bpf_dynptr_copy(memory, 5, data, 4, 20)
        results.value[2] = bpf_dynptr_copy(memory, 60, data, 4, 20)
        results.value[3] = dynptr_data(memory, 11, u16)
    return XDP.TX


@xdp
def room(packet):
    with ringbuf_reserve_dynptr(records, 24, 0) as record:
        numbers = dynptr_data(record, 0, u64[3])
        for i in range(3):
            numbers[i] = i * 3
        part = u8[4](9, 9, 9, 9)
        results.value[0] = dynptr_write(record, 8, part, 0)
        results.value[1] = dynptr_write(record, 22, part, 0)
        if len(packet) < 20:
            return XDP.DROP
        results.value[2] = 100 // (len(packet) - 60)
    return XDP.PASS


@xdp
def clones_of_room(packet):
    with ringbuf_reserve_dynptr(records, 16, 0) as record, bpf_dynptr_clone(record) as part:
        bpf_dynptr_memset(record, 0, 16, 0x11)
        bpf_dynptr_adjust(part, 8, 12)
        bpf_dynptr_memset(part, 0, 4, 0x22)
    return XDP.PASS


@xdp
def room_in_a_loop(packet):
    for i in range(600):
        with ringbuf_reserve_dynptr(records, 8, 0) as record:
            if i == len(packet):
                return XDP.DROP
            dynptr_write(record, 0, u64[1](i), 0)
    return XDP.PASS


@xdp
def room_around_a_loop(packet):
    number = u64[1]()
    with ringbuf_reserve_dynptr(records, 80, 0) as record:
        for i in range(600):
            number[0] = i
            dynptr_write(record, (i % 10) * 8, number, 0)
            if i == len(packet):
                break
            results.value[i % 20] = i
    return XDP.TX


@function
def proto(data):
    return bpf_dynptr_slice(data, 12, be16)


@function
def first(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:
        return bpf_dynptr_slice(data, 0, u8[4])


@xdp
def functions(packet):
    one = first(packet)
    for i in range(3):
        if one[0] == 200 + i:
            return XDP.DROP
        one = first(packet)
    with bpf_dynptr_from_xdp(packet, 0) as data:

        def at(i):
            return bpf_dynptr_slice(data, i, u8)

        results.value[0] = proto(data)
        results.value[1] = at(3) * at(4)
        results.value[2] = sum(bpf_dynptr_slice(data, i, u8) for i in range(8))
    return XDP.PASS


@xdp
def byte_by_byte(packet):
    total = 0
    for i in range(600):
        with bpf_dynptr_from_xdp(packet, 0) as data:
            try:
                total += bpf_dynptr_slice(data, i, u8)
            except NullPointerError:
                break
    results.value[0] = total
    return XDP.PASS


@xdp
def not_there(packet):
    for i in range(10):
        try:
            with bpf_dynptr_from_xdp(packet, i) as data, ringbuf_reserve_dynptr(records, 16, 0) as record:
                dynptr_write(record, 0, u64[2](5, 6), 0)
                results.value[0] = dynptr_data(record, 8 + i, i64)
                results.value[1] = bpf_dynptr_slice(data, 100, u8)
        except NullPointerError:
            results.value[15] += 1
    return XDP.PASS


@xdp
def slices_as_memory(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:
        one = bpf_dynptr_slice(data, 0, Pair)
        two = bpf_dynptr_slice_rdwr(data, 8, Pair)
        pairs[one] = 3
        pairs[two] = 4
        results.value[0] = pairs[one]
        two.a = u32(two.a + 1)
        two.b = one.a
        with ringbuf_reserve_dynptr(records, 16, 0) as record:
            dynptr_write(record, 0, one, 0)
            dynptr_write(record, 8, two, 0)
        copy = one.copy()
        copy.a = 5
        results.value[1] = copy == one
        text = bpf_dynptr_slice(data, 20, char[8])
        results.value[2] = len(text)
        results.value[3] = text.startswith("\x14")
    return XDP.TX


@xdp
def memory_of_maps(packet):
    words[1] = u64[8]()
    entry = words[1]
    with dynptr_from_mem(entry, 0) as data:
        part = dynptr_data(data, 8, u64[2])
        part[1] = 5
        results.value[0] = i64(entry[2])
        with dynptr_from_mem(buffer.value[:16], 0) as other:
            results.value[1] = bpf_dynptr_copy(other, 0, data, 8, 16)
        n = len(packet)
        with dynptr_from_mem(buffer.value[:n], 0) as other:
            results.value[2] = len(other)
        with dynptr_from_mem(buffer.value, 1):
            results.value[3] = 1
    return XDP.PASS


@xdp
def beyond_the_stack(packet):
    a = u64[30]()
    b = u64[30]()
    c = u8[100]()
    with bpf_dynptr_from_xdp(packet, 0) as data:
        i = len(packet) % 30
        a[i] = b[i] = 1
        part = bpf_dynptr_slice(data, 0, u8[64])
        results.value[0] = dynptr_read(c, data, 0, 0)
        results.value[1] = i64(part[i] + a[i] + b[29 - i] + c[5])
    return XDP.PASS


@cgroup.skb.egress
def of_a_socket_buffer(packet):
    local = u8[20]()
    with bpf_dynptr_from_skb(packet, 0) as data:
        version = bpf_dynptr_slice(data, 0, u8)
        results.value[0] = bpf_dynptr_size(data)
        results.value[1] = bpf_dynptr_is_rdonly(data)
        results.value[2] = version
        results.value[3] = dynptr_read(local, data, 0, 0)
        results.value[4] = local[4]
        results.value[5] = dynptr_write(data, 0, local, 0)
        results.value[6] = bpf_dynptr_slice(data, 4, u8)
    return True


@socket_filter
def of_a_filtered_packet(packet):
    with bpf_dynptr_from_skb(packet, 0) as data:
        ethernet = bpf_dynptr_slice(data, 0, Ethernet)
        return ethernet.proto % 256
    return 0


PROGRAMS = [
    *(sizes, filled, room, clones_of_room, room_in_a_loop, room_around_a_loop, functions, byte_by_byte, not_there),
    *(slices_as_memory, memory_of_maps, beyond_the_stack, of_a_socket_buffer, of_a_filtered_packet),
]


def outcomes(*, kernel: bool) -> dict[tuple[str, int], tuple[object, ...]]:
    """All that can be seen of each program, run with packets of some sizes, whose bytes count up from 0."""
    found = {}
    with Simulator(kernel=kernel) as simulate:
        simulate.watch(globals())
        for program, size in product(PROGRAMS, (64, 100, 14, 60)):
            results.value, buffer.value = (0,) * 16, (0,) * 64
            run = simulate(program, packet=bytes(i & 255 for i in range(size)))
            fault = run.fault and run.fault.kind
            found[program.__name__, size] = (run.result, fault, run.packet, tuple(results.value), bytes(buffer.value))
    return found


def test_the_simulator_does_what_the_kernel_does() -> None:
    simulated, real = outcomes(kernel=False), outcomes(kernel=True)
    differ = {key: (simulated[key], real[key]) for key in real if simulated[key] != real[key]}
    assert not differ


@pytest.fixture(scope="module")
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load(tuple(PROGRAMS), attach=False) as loaded:
        yield loaded


def run(session: pyebpf.Session, program: str, size: int = 64) -> Any:
    results.value, buffer.value = (0,) * 16, (0,) * 64
    return session.programs[program].test_run(data=bytes(i & 255 for i in range(size)))


def test_sizes_slices_and_clones(session: pyebpf.Session) -> None:
    """A clone is adjusted alone; what is written to its slice is written to the packet."""
    found = run(session, "sizes")
    assert found.result == XDP.TX
    assert list(results.value)[:10] == [64, 0x0C0D, 0, 36, ERANGE, 0, 0, 0, 2, 36]
    assert found.data[16] == 77 and found.data[:16] == bytes(range(16))


def test_memset_and_copy(session: pyebpf.Session) -> None:
    found = run(session, "filled")
    assert list(results.value)[:4] == [0, 0, E2BIG, 0xABAB]
    assert found.data[8:14] == bytes([8, 9, 0xAB, 0xAB, 12, 13])
    assert bytes(buffer.value)[5:25] == found.data[4:24] and not any(bytes(buffer.value)[25:])


def test_a_record_is_submitted_on_every_way_but_by_faults(session: pyebpf.Session) -> None:
    list(records.poll(0))
    assert run(session, "room").result == XDP.PASS
    assert list(results.value)[:3] == [0, E2BIG, 25]
    assert run(session, "room", 14).result == XDP.DROP
    assert run(session, "room", 60).result == XDP.PASS  # divided by zero: no record
    assert session.faults[-1].kind == "ZeroDivisionError"
    run(session, "clones_of_room")
    numbers = bytes(8) + b"\x09" * 4 + bytes(4) + (6).to_bytes(8, "little")
    assert list(map(bytes, records.poll(0.1))) == [numbers, numbers, b"\x11" * 8 + b"\x22" * 4 + b"\x11" * 4]


def test_a_full_ring_is_counted(session: pyebpf.Session) -> None:
    list(records.poll(0))
    before = records.dropped
    assert run(session, "room_in_a_loop", 1000).result == XDP.PASS
    assert len(records.poll(0.1)) == 255  # of 16 bytes each, with the kernel's header; a byte is always left
    assert records.dropped - before == 600 - 255


def test_what_is_not_there(session: pyebpf.Session) -> None:
    """Unknown flags, slices beyond the end: NullPointerError, for a `try` to catch."""
    run(session, "not_there")
    assert results.value[15] == 10
    assert run(session, "memory_of_maps", 20).result == XDP.PASS
    assert list(results.value)[:4] == [5, 0, 20, 0]
    assert session.faults[-1].kind == "NullPointerError"


def test_read_only_packets(session: pyebpf.Session) -> None:
    """What egress programs may not write, they may not write by dynptrs either."""
    run(session, "of_a_socket_buffer")
    assert list(results.value)[1:7] == [1, 14, 0, 18, EINVAL, 18]
    assert run(session, "of_a_filtered_packet").result == 27  # behind the header of Ethernet
