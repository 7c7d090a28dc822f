"""Parts of dynptrs that are read after something has taken them away."""

from pyebpf import XDP, Ethernet, RingBuf, cgroup, u8, xdp
from pyebpf.helpers import dynptr_data, dynptr_write, ringbuf_reserve_dynptr, xdp_adjust_head
from pyebpf.kfuncs import (
    bpf_dynptr_clone,
    bpf_dynptr_from_skb,
    bpf_dynptr_from_xdp,
    bpf_dynptr_slice,
    bpf_dynptr_slice_rdwr,
    bpf_xdp_pull_data,
)

records = RingBuf[bytes](size=4096)


@cgroup.skb.egress
def written(packet):
    data = u8[4]()
    with bpf_dynptr_from_skb(packet, 0) as whole:
        with bpf_dynptr_clone(whole) as part:
            first = bpf_dynptr_slice(part, 0, u8[4])
            dynptr_write(whole, 0, data, 0)
            return first[0] == 1  # error
    return True


@xdp
def moved(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:
        ethernet = bpf_dynptr_slice_rdwr(data, 0, Ethernet)
        if packet.load(0, u8) == 1:
            xdp_adjust_head(packet, -4)
        ethernet.proto = 0x8100  # error
    return XDP.TX


@xdp
def pulled(packet):
    ethernet = packet.parse(Ethernet)
    bpf_xdp_pull_data(packet, 20)
    return ethernet.proto % 2  # error


@xdp
def submitted(packet):
    last = None
    with ringbuf_reserve_dynptr(records, 8, 0) as room:
        last = dynptr_data(room, 0, u8[8])
    if last is not None:  # error
        return XDP.DROP if last[0] else XDP.TX  # error
    return XDP.PASS


@xdp
def of_the_last_round(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:
        previous = bpf_dynptr_slice(data, 0, u8[4])
        for i in range(4):
            this = bpf_dynptr_slice(data, i, u8[4])
            if this[0] == previous[0]:  # error
                return XDP.DROP
            previous = this
    return XDP.PASS


@xdp
def dynptr_made_anew(packet):
    kept = None
    for i in range(3):
        with bpf_dynptr_from_xdp(packet, 0) as data:
            if kept is not None and kept[0] == i:  # error
                return XDP.DROP
            if i == 1:
                kept = bpf_dynptr_slice(data, 0, u8[4])
    return XDP.PASS
