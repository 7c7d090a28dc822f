"""Dynptrs of memory and of room in a ring, by helpers alone."""

from surroundings import test_run

from pyebpf import XDP, Global, NullPointerError, RingBuf, i64, u8, u64, xdp
from pyebpf.helpers import dynptr_data, dynptr_from_mem, dynptr_read, dynptr_write, ringbuf_reserve_dynptr

SINCE = (5, 19)
JIT = True
ATTACH = False

results = Global[i64[8]]()
memory = Global[u8[32]]()
records = RingBuf[bytes](size=4096)


@xdp
def probe(packet):
    local = u8[4](1, 2, 3, 4)
    for i in range(4):
        with dynptr_from_mem(memory.value, 0) as data:
            results.value[0] += dynptr_write(data, 8 * i, local, 0)
            part = dynptr_data(data, 8 * i, u8[4])
            part[3] = i
            results.value[1] += dynptr_read(local, data, 8 * i, 0)
            try:
                results.value[2] += dynptr_data(data, 40 - i, u8)
            except NullPointerError:
                results.value[3] += 1
    for i in range(300):
        with ringbuf_reserve_dynptr(records, 16, 0) as room:
            if i == len(packet):
                return XDP.DROP
            dynptr_write(room, 0, u64[2](i, 7), 0)
            if i % 2:
                results.value[4] = 1 // (i % 2 - 1)
    return XDP.PASS


def check(session):
    assert test_run(session, "probe") == XDP.PASS
    assert list(session.variables["results"].value)[:5] == [0, 0, 0, 4, 0]
    assert bytes(session.variables["memory"].value)[:16] == bytes([1, 2, 3, 0, 0, 0, 0, 0, 1, 2, 3, 1, 0, 0, 0, 0])
    assert [fault.kind for fault in session.faults] == ["ZeroDivisionError"]
    assert [bytes(each) for each in session.maps["records"].poll(1)] == [bytes(8) + (7).to_bytes(8, "little")]
