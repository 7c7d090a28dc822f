from pyebpf import XDP, ProgArray, tracepoint, xdp


@xdp
def drop(packet):
    return XDP.DROP


jumps = ProgArray({0: drop})


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    return jumps[0](ctx)  # error
