from pyebpf import XDP, Hash, Timer, function, struct, u8, u32, u64, xdp


@struct
class Flow:
    timer: Timer
    packets: u64
    size: u64


flows = Hash[u32, Flow](max_entries=64)
STEP = 7


@xdp
def probe(packet):
    size = len(packet)
    last = 0
    flow = flows[1]

    def helper(n):
        return n + size  # error

    def local(entry):
        entry.size = size  # error

    def of_the_packet(entry):
        entry.size = packet.load(0, u8)  # error

    def other_entry(entry):
        entry.size = flow.size  # error

    def assigns(entry):
        nonlocal last
        last = entry.size  # error

    def by_helper(entry):
        entry.size = helper(STEP)

    def of_constants(entry):
        entry.size = STEP

    flow.timer.start(1_000, local)
    flow.timer.start(1_000, of_the_packet)
    flow.timer.start(1_000, other_entry)
    flow.timer.start(1_000, assigns)
    flow.timer.start(1_000, by_helper)
    flow.timer.start(1_000, of_constants)
    return XDP.DROP if last else XDP.PASS
