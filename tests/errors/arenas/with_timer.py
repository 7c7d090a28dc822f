from pyebpf import XDP, Arena, Timer, struct, u64, xdp


@struct
class Flow:
    packets: u64
    timer: Timer


flows = Arena[Flow](max_entries=64)  # error


@xdp
def probe(packet):
    flows[3].packets += 1
    return XDP.PASS
