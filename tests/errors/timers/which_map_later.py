from pyebpf import XDP, Hash, Timer, function, struct, u8, u32, u64, xdp


@struct
class Flow:
    timer: Timer
    packets: u64


old = Hash[u32, Flow](max_entries=64)
new = Hash[u64, Flow](max_entries=64)


@function
def expire(flow):
    flow.packets = 0


@xdp
def probe(packet):
    flow = old[2]
    for i in range(packet.load(0, u8)):
        flow.timer.start(1_000, expire)  # error
        flow = new[i]
    return XDP.PASS
