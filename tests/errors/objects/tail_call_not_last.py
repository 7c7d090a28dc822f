from pyebpf import XDP, Global, ProgArray, RingBuf, function, struct, u32, u64, xdp


@struct
class Event:
    number: u32


events = RingBuf[Event](size=4096)
jumps = ProgArray(max_entries=4)
count = Global[u64]()


@function
def go_on(packet):
    return jumps[0](packet)  # error


@xdp
def probe(packet):
    with events.reserve() as event:
        event.number = 1
        return jumps[1](packet)  # error
    try:
        return jumps[2](packet)  # error
    finally:
        count.value += 1
    return go_on(packet)
