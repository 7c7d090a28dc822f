from pyebpf import XDP, Hash, Timer, function, struct, u64, xdp


@struct
class Flow:
    timer: Timer
    packets: u64


flows = Hash[u64, Flow](max_entries=64)


@function
def expire(flow):
    flow.packets = 0


@xdp
def probe(packet):
    flow = flows[1]
    flow.timer.opaque[0] = 1  # error
    if flow.timer.running:  # error
        return XDP.DROP
    flow.timer.start(5)  # error
    flow.timer.cancel(5)  # error
    flow.timer.start("5", expire)  # error
    return XDP.PASS
