"""Dynptrs of packets: sizes, slices, clones; references of before are gone where it was written to."""

from surroundings import test_run

from pyebpf import XDP, Ethernet, Global, be16, cgroup, i64, u8, xdp
from pyebpf.helpers import dynptr_read, dynptr_write
from pyebpf.kfuncs import (
    bpf_dynptr_adjust,
    bpf_dynptr_clone,
    bpf_dynptr_from_skb,
    bpf_dynptr_from_xdp,
    bpf_dynptr_is_rdonly,
    bpf_dynptr_slice,
    bpf_dynptr_slice_rdwr,
)

SINCE = (6, 5)
JIT = True
ATTACH = False

results = Global[i64[8]]()


@xdp
def driver(packet):
    total = 0
    for i in range(600):
        with bpf_dynptr_from_xdp(packet, 0) as data:
            if i >= len(data):
                break
            total += bpf_dynptr_slice(data, i, u8)
    with bpf_dynptr_from_xdp(packet, 0) as data, bpf_dynptr_clone(data) as rest:
        bpf_dynptr_adjust(rest, 14, len(data))
        results.value[0] = len(rest)
        bpf_dynptr_slice_rdwr(rest, 0, u8[4])[1] = 5
        results.value[1] = bpf_dynptr_slice(data, 15, u8) + total
        dynptr_write(data, 12, u8[2](8, 0), 0)
        ethernet = bpf_dynptr_slice(data, 0, Ethernet)
        results.value[2] = ethernet.proto
    return XDP.DROP


@cgroup.skb.egress
def socket(packet):
    local = u8[4]()
    with bpf_dynptr_from_skb(packet, 0) as data:
        results.value[3] = bpf_dynptr_is_rdonly(data)
        results.value[4] = bpf_dynptr_slice(data, 0, be16)
        results.value[5] = dynptr_read(local, data, 0, 0)
        results.value[6] = dynptr_write(data, 0, local, 0)
        results.value[7] = len(data) - len(packet)
    return True


def check(session):
    assert test_run(session, "driver") == XDP.DROP
    assert list(session.variables["results"].value)[:3] == [50, 5, 0x800]
    assert test_run(session, "socket") == 1
    assert list(session.variables["results"].value)[3:] == [1, 0, 0, -22, 0]
