# options: --kernel 5.10
from pyebpf import XDP, Hash, struct, u32, u64, xdp


@struct
class Entry:
    score: u64


entries = Hash[u32, Entry](max_entries=8)


@xdp
def counts(packet):
    n = 0
    for i in range(100_000):  # error
        n += i
    return XDP.DROP if n == 7 else XDP.PASS


@xdp
def finds(packet):
    best = None
    for i in range(100_000):  # error
        entry = entries.get(i)
        if entry is not None:
            best = entry
    return XDP.DROP if best is not None else XDP.PASS
