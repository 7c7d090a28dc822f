"""Smallest, largest, sum and sum of squares of packet sizes, kept together under a lock."""

from pyebpf import XDP, Array, SpinLock, struct, u64, xdp


@struct
class Statistics:
    lock: SpinLock
    count: u64
    least: u64
    most: u64
    total: u64
    squares: u64


sizes = Array[Statistics](max_entries=1)


@xdp
def measure(packet):
    size = len(packet)
    entry = sizes[0]
    with entry.lock:
        if entry.count == 0 or size < entry.least:
            entry.least = size
        if size > entry.most:
            entry.most = size
        entry.count += 1
        entry.total += size
        entry.squares += size * size
    return XDP.PASS
