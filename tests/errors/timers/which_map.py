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
    flow = old[1]
    if packet.load(0, u8) == 7:
        flow = new[1]
    flow.timer.start(1_000, expire)  # error
    return XDP.PASS
