# options: --kernel 6.3
"""Packets have no dynptrs yet; memory and rings have."""

from pyebpf import XDP, Global, RingBuf, u8, xdp
from pyebpf.helpers import dynptr_from_mem, dynptr_write, ringbuf_reserve_dynptr
from pyebpf.kfuncs import bpf_dynptr_from_xdp, bpf_dynptr_memset, bpf_dynptr_size, bpf_dynptr_slice

buffer = Global[u8[64]]()
records = RingBuf[bytes](size=4096)


@xdp
def packets(packet):
    with bpf_dynptr_from_xdp(packet, 0) as data:  # error
        if bpf_dynptr_size(data) > 20:  # error
            return bpf_dynptr_slice(data, 0, u8) % 4  # error
    return XDP.PASS


@xdp
def memory(packet):
    with dynptr_from_mem(buffer.value, 0) as data, ringbuf_reserve_dynptr(records, 8, 0) as room:
        dynptr_write(room, 0, buffer.value[:8], 0)
        bpf_dynptr_memset(data, 0, 8, 1)  # error
    return XDP.PASS
