from pyebpf import XDP, Hash, Timer, function, struct, u32, u64, xdp


@struct
class Flow:
    timer: Timer
    packets: u64


flows = Hash[u32, Flow](max_entries=64)


def plain(flow):
    flow.packets = 0


@function
def three(map, key, flow):
    flow.packets = 0


@function
def nothing():
    pass


@function
def with_default(flow, to=0):
    flow.packets = to


@function
def gives(flow):
    return flow.packets  # error


@function
def cancels(flow):
    flow.timer.cancel()  # error


@xdp
def probe(packet):
    flow = flows[1]
    flow.timer.start(1_000, plain)  # error
    flow.timer.start(1_000, 7)  # error
    flow.timer.start(1_000, flow)  # error
    flow.timer.start(1_000, three)  # error
    flow.timer.start(1_000, nothing)  # error
    flow.timer.start(1_000, with_default)  # error
    flow.timer.start(1_000, gives)
    flow.timer.start(1_000, cancels)
    return XDP.PASS
