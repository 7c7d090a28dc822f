"""A dynptr is where its `with` block says, from its beginning to its end, and nowhere else."""

from pyebpf import XDP, Global, Hash, RingBuf, Timer, cgroup, function, struct, u8, u32, u64, xdp
from pyebpf.helpers import dynptr_data, dynptr_from_mem, dynptr_write, ringbuf_reserve_dynptr, ringbuf_submit_dynptr
from pyebpf.kfuncs import (
    bpf_dynptr_clone,
    bpf_dynptr_from_skb,
    bpf_dynptr_from_xdp,
    bpf_dynptr_size,
    bpf_dynptr_slice,
    bpf_dynptr_slice_rdwr,
)

buffer = Global[u8[64]]()
table = Hash[u32, u64](max_entries=4)
records = RingBuf[bytes](size=4096)


@struct
class Kept:
    data: u64


numbers = RingBuf[Kept](size=4096)


@xdp
def without_a_block(packet):
    data = bpf_dynptr_from_xdp(packet, 0)  # error
    return bpf_dynptr_size(data)


@xdp
def without_a_block_too(packet):
    dynptr_from_mem(buffer.value, 0)  # error
    return XDP.PASS


@xdp
def before(packet):
    size = bpf_dynptr_size(data)  # error
    with bpf_dynptr_from_xdp(packet, 0) as data:
        return XDP.PASS if size else XDP.DROP
    return XDP.PASS


@xdp
def behind(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:
        size = bpf_dynptr_size(data)
    return bpf_dynptr_size(data) - size  # error


@xdp
def copied(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:
        other = data  # error
        return bpf_dynptr_size(other)
    return XDP.PASS


@xdp
def assigned(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:
        data = 5  # error
    return data  # error


@xdp
def stored_in_a_map(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:
        table[1] = data  # error
    return XDP.PASS


@xdp
def stored_in_a_struct(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:
        kept = Kept(data=data)  # error
    return XDP.PASS


@xdp
def in_a_tuple(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:
        both = (1, data)  # error
    return both[0]


@function
def given_out(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:
        return data  # error


@xdp
def returned(packet):
    return bpf_dynptr_size(given_out(packet))


@xdp
def compared(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data, bpf_dynptr_clone(data) as other:
        if data == other:  # error
            return XDP.DROP
        if data:  # error
            return XDP.TX
        print(f"{data}")  # error
        return data.size  # error
    return XDP.PASS


@xdp
def not_a_dynptr(packet):
    bpf_dynptr_size(packet)  # error
    dynptr_write(buffer.value, 0, buffer.value, 0)  # error
    with bpf_dynptr_clone(None) as data:  # error
        return bpf_dynptr_size(data)
    return XDP.PASS


@xdp
def wrong_arguments(packet):
    with bpf_dynptr_from_xdp(packet) as data:  # error
        pass
    with bpf_dynptr_from_xdp(packet, 0) as data:
        bpf_dynptr_slice(data, 0)  # error
        bpf_dynptr_slice(data, 0, 14)  # error
        bpf_dynptr_slice(data, 0, buffer.value)  # error
        dynptr_data(data, -1, u64)  # error
        dynptr_data(data, 0, size=8)  # error
    return XDP.PASS


@xdp
def of_local_memory(packet):
    local = u8[64]()
    with dynptr_from_mem(local, 0) as data:  # error
        return bpf_dynptr_size(data)
    return XDP.PASS


@xdp
def of_a_ring_of_numbers(packet):
    with ringbuf_reserve_dynptr(numbers, 8, 0) as room:  # error
        dynptr_write(room, 0, buffer.value, 0)
    return XDP.PASS


@xdp
def submitted(packet):
    with ringbuf_reserve_dynptr(records, 8, 0) as room:
        ringbuf_submit_dynptr(room, 0)  # error
    return XDP.PASS


@xdp
def clones_of_a_ring_in_a_loop(packet):
    with ringbuf_reserve_dynptr(records, 8, 0) as room:
        for i in range(4):
            with bpf_dynptr_clone(room) as part:  # error
                dynptr_write(part, 0, buffer.value[:8], 0)
    return XDP.PASS


@xdp
def read_only(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:
        first = bpf_dynptr_slice(data, 0, u8[4])
        first[0] = 1  # error
    return XDP.PASS


@struct
class Flow:
    timer: Timer
    size: u64


flows = Hash[u32, Flow](max_entries=64)


@xdp
def captured_by_a_callback(packet):
    flows[1] = Flow()
    with bpf_dynptr_from_xdp(packet, 0) as data:

        def later(entry):
            entry.size = bpf_dynptr_size(data)  # error

        flows[1].timer.start(1_000, later)
    return XDP.PASS


@cgroup.skb.egress
def in_place_where_nobody_may_write(packet):
    with bpf_dynptr_from_skb(packet, 0) as data:
        bpf_dynptr_slice_rdwr(data, 0, u8[4])  # error
    return True


@cgroup.skb.egress
def of_other_packets(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:  # error
        return bpf_dynptr_size(data) > 0
    return True
