from pyebpf import XDP, Timer, function, struct, u64, xdp


@struct
class Flow:
    timer: Timer
    packets: u64


@function
def expire(flow):
    flow.packets = 0


@xdp
def probe(packet):
    flow = Flow(packets=1)
    flow.timer.start(1_000, expire)  # error
    return XDP.PASS
