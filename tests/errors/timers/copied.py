from pyebpf import XDP, Hash, Timer, struct, u64, xdp


@struct
class Flow:
    timer: Timer
    packets: u64


flows = Hash[u64, Flow](max_entries=64)


@xdp
def probe(packet):
    flows[1] = flows[2]  # error
    if flows[1] == flows[2]:  # error
        return XDP.DROP
    flows[3].timer = flows[4].timer  # error
    flow = flows[5].copy()  # error
    if flows[1].timer == flows[2].timer:  # error
        return XDP.DROP
    flows[6].timer = Flow().timer  # error
    return XDP.PASS
